"""The service as a whole: order of start and stop, refusals before the start, `ready`, signals."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from b2bua.supervisor.logstream import LogFile, LogStream
from b2bua.supervisor.process import Program
from b2bua.supervisor.service import (
    Service,
    StartError,
    StartOrder,
    check,
    check_free,
    only_instance,
    programs,
)
from config.settings import Settings
from config.tables import MetricsSettings, SipSettings
from config.values import HostPort

OBEDIENT = """
import json, signal, sys
def say(event): print(json.dumps({"event": event, "process": NAME}), flush=True)
def end(*_):
    say("told")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
say("process.ready")
while True: signal.pause()
"""


def program(name: str, text: str = OBEDIENT) -> Program:
    return Program(name, (sys.executable, "-c", f"NAME = {name!r}\n{text}"), stop_limit=10.0)


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture
def stream(log_path: Path) -> Iterator[LogStream]:
    stream = LogStream(io.StringIO(), None, LogFile(log_path))
    yield stream
    stream.close()


def said(log_path: Path) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in log_path.read_text().splitlines()]
    return [(event["process"], event["event"]) for event in events]


async def test_media_first_then_signalling_then_the_rest_and_signalling_stops_first(
    stream: LogStream, log_path: Path
) -> None:
    plan = StartOrder((program("relay"), program("media")), program("signalling"), program("provisioning"))
    service = Service(plan, dict(os.environ), stream)
    async with asyncio.timeout(30):
        await service.run(on_ready=service.stop)
    order = said(log_path)
    assert set(order[:2]) == {("relay", "process.ready"), ("media", "process.ready")}
    assert order[2:4] == [("signalling", "process.ready"), ("provisioning", "process.ready")]
    assert order[4:] == [(name, "told") for name in ("signalling", "provisioning", "media", "relay")]


async def test_one_that_fails_at_the_start_stops_the_others(stream: LogStream, log_path: Path) -> None:
    plan = StartOrder(
        (program("relay"),), program("signalling", "raise SystemExit(4)"), program("provisioning")
    )
    with pytest.raises(StartError, match="signalling ended with code 4"):
        async with asyncio.timeout(30):
            await Service(plan, dict(os.environ), stream).run(on_ready=lambda: pytest.fail("not ready"))
    assert said(log_path) == [("relay", "process.ready"), ("relay", "told")]


async def test_one_that_is_not_ready_in_time_fails_the_start(stream: LogStream) -> None:
    mute = program("media", "import time\ntime.sleep(60)")
    plan = StartOrder((mute,), program("signalling"), program("provisioning"))
    service = Service(plan, dict(os.environ), stream, ready_limit=0.3)
    with pytest.raises(StartError, match=r"media: not ready after 0\.3 seconds"):
        async with asyncio.timeout(30):
            await service.run(on_ready=lambda: pytest.fail("not ready"))


async def test_a_second_stop_does_not_wait(stream: LogStream, log_path: Path) -> None:
    deaf = OBEDIENT.replace(
        "signal.signal(signal.SIGTERM, end)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    )
    plan = StartOrder((program("relay", deaf),), program("signalling", deaf), program("provisioning", deaf))
    service = Service(plan, dict(os.environ), stream)

    def twice() -> None:
        service.stop()
        service.stop()

    async with asyncio.timeout(8):
        await service.run(on_ready=twice)
    assert ("relay", "told") not in said(log_path)


def test_the_programs_are_the_modules_of_the_service() -> None:
    plan = programs(Settings())
    assert [one.command[1:] for one in (*plan.media, plan.signalling, plan.provisioning)] == [
        ("-m", "media.relay"),
        ("-m", "media"),
        ("-m", "b2bua"),
        ("-m", "provisioning"),
    ]
    assert plan.signalling.stop_limit > Settings().calls.drain


def test_a_second_instance_on_the_same_data_is_refused_with_the_first_ones_id(tmp_path: Path) -> None:
    with (
        only_instance(tmp_path / "data"),
        pytest.raises(StartError, match=f"already running .*process {os.getpid()}"),
        only_instance(tmp_path / "data"),
    ):
        pass
    with only_instance(tmp_path / "data"):
        pass


def test_a_data_dir_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"data_dir .*file/data"), only_instance(tmp_path / "file" / "data"):
        pass


@pytest.mark.parametrize(
    ("kind", "listen"),
    [(socket.SOCK_DGRAM, lambda _: None), (socket.SOCK_STREAM, lambda taken: taken.listen())],
)
def test_a_taken_port_is_named_with_its_setting(
    kind: socket.SocketKind, listen: Callable[[socket.socket], None]
) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        listen(taken)
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"sip.udp \(127.0.0.1:{port}\).*another program"):
            check_free("sip.udp", kind, HostPort("127.0.0.1", port))


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(StartError, match=r"sip.udp \(192.0.2.1:5060\).*no such address"):
        check_free("sip.udp", socket.SOCK_DGRAM, HostPort("192.0.2.1", 5060))


def test_the_check_covers_sip_and_metrics_and_makes_the_run_folder(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        sip = SipSettings(udp=HostPort(*udp.getsockname()))
        metrics = MetricsSettings(address=HostPort(*tcp.getsockname()))
        off = MetricsSettings(address=None)
        with pytest.raises(StartError, match=r"sip\.udp"):
            check(Settings(data_dir=tmp_path, sip=sip, metrics=off))
        udp.close()
        busy = sip.model_copy(update={"tcp": HostPort(*tcp.getsockname())})
        with pytest.raises(StartError, match=r"sip\.tcp .*another program"):
            check(Settings(data_dir=tmp_path, sip=busy, metrics=off))
        with pytest.raises(StartError, match=r"metrics\.address"):
            check(Settings(data_dir=tmp_path, sip=sip, metrics=metrics))
        check(Settings(data_dir=tmp_path, sip=sip, metrics=off))
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_a_run_prints_ready_merges_the_logs_reopens_the_file_and_ends_by_a_signal(tmp_path: Path) -> None:
    """`run` as a process of its own, with small programs in place of the real ones."""
    text = textwrap.dedent(f"""
        from pathlib import Path
        from b2bua.supervisor import service
        from b2bua.supervisor.process import Program
        from config.settings import Settings
        from config.tables import SipSettings, MetricsSettings
        import socket, sys
        def program(name):
            return Program(name, (sys.executable, "-c", f"NAME = {{name!r}}\\n" + {OBEDIENT!r}), 10.0)
        service.programs = lambda _: service.StartOrder(
            (program("relay"), program("media")), program("signalling"), program("provisioning")
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            sip = SipSettings(udp="127.0.0.1:%d" % free.getsockname()[1])
        settings = Settings(data_dir=Path({str(tmp_path)!r}), sip=sip, metrics=MetricsSettings(address=""))
        service.run(settings, None, banner="a banner")
    """)
    path, rotated = tmp_path / "log" / "ringplan.jsonl", tmp_path / "log" / "ringplan.jsonl.1"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        before = []
        for line in running.stdout:
            before.append(line.rstrip())
            if line == "ready\n":
                break
        assert before[-2:] == ["a banner", "ready"]
        events = [json.loads(line)["event"] for line in before[:-2]]
        assert events.count("process.ready") == 4
        assert events[-1] == "service.ready"
        path.rename(rotated)
        running.send_signal(signal.SIGHUP)
        running.send_signal(signal.SIGTERM)
        after = [json.loads(line)["event"] for line in running.stdout]
        assert running.wait(20) == 0
    assert after.count("process.ended") == 4
    assert "service.stopping" in path.read_text()
    assert "service.ready" in rotated.read_text()
