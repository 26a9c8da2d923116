"""Performing a story: SIPp for the signalling and an RTP endpoint for the sound of every phone."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from xml.etree import ElementTree

from tests.stories.story import Phone, Step, Story
from tests.support import g711, meter
from tests.support.addresses import free_port, fresh_address
from tests.support.lossy import LossyPath
from tests.support.rtp import RtpEndpoint
from tests.support.service import Service
from tests.support.sipp import Message, Sipp
from tests.support.waiting import wait_for

_AUDIO = re.compile(r"^m=audio \d+ RTP/AVP ([\d ]+)", re.MULTILINE)


class Actor:
    """One phone on the stage: its address, its RTP endpoint, and the scenarios it has run, in order."""

    def __init__(
        self, phone: Phone, story: Story, service: Service, folder: Path, open_things: ExitStack
    ) -> None:
        self.phone = phone
        self.runs: list[Sipp] = []
        self._story = story
        self._folder = folder
        given = phone.address if not phone.carrier else ""
        self._address = given or fresh_address()
        # An address of its own has all ports free; one that is given may have other users.
        self._port = free_port(self._address) if given else 5060
        self._remote = service.sip
        self.path: LossyPath | None = None
        if phone.loss:
            self.path = LossyPath(fresh_address(), service.sip, phone.loss, phone.seed)
            self._remote = (open_things.enter_context(self.path).address, self.path.port)
        at = fresh_address() if phone.gateway else self._address
        rtp_port = free_port(at) if given else 40000
        self.rtp = open_things.enter_context(RtpEndpoint(at, rtp_port, listens_first=phone.gateway))
        if phone.tone:
            self.rtp.play(meter.tone(phone.tone, seconds=0.5))
        open_things.callback(lambda: [run.stop() for run in self.runs])

    @property
    def address(self) -> str:
        """Where it is."""
        return self._address

    @property
    def addresses(self) -> set[str]:
        """The addresses that nobody but the service may ever see."""
        return {self._address, self.rtp.address, *([self.phone.private] if self.phone.private else [])}

    @property
    def messages(self) -> list[Message]:
        """All messages of all its runs."""
        return [message for run in self.runs for message in run.messages]

    def take(self, step: Step) -> None:
        """Do one step of the story."""
        if name := step.run or step.start:
            self._start(name, step)
        if step.waits_for:
            self.runs[-1].wait_received(step.waits_for, step.within, step.count)
        if step.hears:
            what = f"{self.phone.name} to hear {step.hears:g} s of sound"
            wait_for(lambda: self.rtp.heard().seconds >= step.hears, step.within, what)
        if step.digits:
            self.rtp.send_digits(step.digits)
        if step.run or step.finish:
            self.runs[-1].finish(step.within, step.rung)

    def _start(self, scenario: str, step: Step) -> None:
        file = self._story.scenario(scenario)
        waits = ElementTree.parse(file).getroot()[0].tag == "recv"
        known_as = self.phone.private or self._address
        self.runs.append(
            Sipp(
                file,
                self._folder / f"{self.phone.name}-{len(self.runs) + 1}",
                self._address,
                self._remote,
                port=self._port,
                transport=self.phone.transport,
                calls=0 if waits else step.calls,
                pause=step.pause,
                service=step.to,
                user=self.phone.username,
                password=step.password or self._story.passwords.get(self.phone.username, ""),
                keys={
                    "here": f"{known_as}:{self._port}",
                    "rtp_ip": self.phone.private or self.rtp.address,
                    "rtp_port": self.rtp.port,
                    "expires": step.expires,
                    "number": step.number,
                    "password": self._story.passwords.get(self.phone.username, ""),
                },
                out_of_call=None if waits else self._story.scenario(step.meanwhile),
                hear=self._follow,
            )
        )

    def _follow(self, message: Message) -> None:
        """Do what an SDP says: where to send, in which codec, and whether to be silent."""
        audio = _AUDIO.search(message.body)
        if not message.received or audio is None:
            return
        self.rtp.remote = message.media
        self.rtp.muted = "a=sendonly" in message.body or "a=inactive" in message.body
        offered = [int(payload) for payload in audio[1].split()]
        self.rtp.payload = next(p for p in offered if p in (g711.PCMU, g711.PCMA))


class Stage:
    """All phones of one story."""

    def __init__(self, story: Story, service: Service, folder: Path) -> None:
        self.story, self.service = story, service
        self.began_at_line = len(service.lines)
        self._open = ExitStack()
        self.actors = {
            name: Actor(phone, story, service, folder, self._open) for name, phone in story.phones.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def perform(self) -> None:
        """Take all steps, one after another; the trunks of the story are the only ones meanwhile."""
        if self.story.trunked:
            company = self.story.company
            for actor in self.actors.values():
                if actor.phone.carrier:
                    company = company.replace(actor.phone.address, actor.address)
            self.service.apply(company, "--prune")
        for step in self.story.steps:
            self.actors[step.phone].take(step)
