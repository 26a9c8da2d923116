"""A real flood from strangers against a real signalling process, while known phones call."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from pathlib import Path

import pytest

from b2bua.sip.text.message import Request
from tests.runtime.phone import Phone, sdp
from tests.runtime.test_main import running
from tests.support import flood
from tests.support.addresses import fresh_address

RATE, SECONDS = 5000, 3.0
RINGS_WITHIN = 0.2  # seconds from INVITE to 180


class RepeatingPhone(Phone):
    """Says again what it said last while it hears nothing, as phones do: the machine may be busy."""

    async def repeat(self) -> None:
        while True:
            heard = len(self.heard)
            await asyncio.sleep(0.5)
            if len(self.heard) == heard and self.last:
                super().send(self.last)

    last = b""

    def send(self, data: bytes) -> None:
        self.last = data
        super().send(data)


async def figures(address: str) -> dict[str, float]:
    def read() -> str:
        with urllib.request.urlopen(f"http://{address}:9160/metrics", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    text = await asyncio.to_thread(read)
    return {
        name: float(value)
        for name, value in re.findall(r"^((?:ringplan|process_cpu)\S+) (\S+)$", text, re.MULTILINE)
    }


async def call(caller: Phone, callee: Phone) -> float:
    """A whole call; returns the seconds from the INVITE with credentials to its 180."""
    for phone in (caller, callee):
        phone.unread.clear()
    await caller.call("202")
    began = time.monotonic()
    invite = await callee.expect("INVITE")
    assert isinstance(invite, Request)
    callee.respond(invite, 180)
    await caller.response("180")
    rang = time.monotonic() - began
    callee.respond(invite, 200, body=sdp(callee.address))
    answer = await caller.response("200")
    caller.acknowledge(answer, "")
    await callee.request("ACK")
    caller.hang_up(answer)
    callee.respond(await callee.request("BYE"), 200)
    await caller.final("BYE", 3)
    return rang


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "BYE"])
async def test_known_phones_call_on_during_a_flood_that_leaves_nothing(
    relay_socket: Path, method: str
) -> None:
    async with running(relay_socket, trace__enabled="false") as (node, process):
        await process.says("process.ready")
        phones = []
        for username in ("anna", "bert"):
            phones.append(await RepeatingPhone.start(username, node.sip))
            assert (await phones[-1].register()).code == 200
        node.phones += phones
        repeating = [asyncio.create_task(phone.repeat()) for phone in phones]
        before = await figures(node.address)
        sources = [fresh_address() for _ in range(20)]
        flooding = await flood.start(method, node.address, RATE, SECONDS, sources)
        rang = []
        while flooding.returncode is None and len(rang) < 40:
            rang.append(await call(*phones))
            await asyncio.sleep(0.02)
        out, _ = await flooding.communicate()
        for task in repeating:
            task.cancel()
        after = await figures(node.address)
        cpu = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
        told = f"{method}: {int(out)} sent, 180 after {[round(each * 1000) for each in rang]} ms, {cpu:.2f} s of CPU"
        print(told)
        assert int(out) > RATE * SECONDS / 2, "there was a flood"
        # Without ranks all but the first few are late, and then lost.
        assert len(rang) >= 5, told
        assert sorted(rang)[len(rang) * 3 // 4] < RINGS_WITHIN, told
        # What is left are the transactions of the calls themselves.
        assert after["ringplan_transactions"] < 15 * len(rang) + 50
        code, lines, _ = await process.told_to_stop()
        assert code == 0
        assert [line for line in lines if line["event"] == "sip.fault"] == []
