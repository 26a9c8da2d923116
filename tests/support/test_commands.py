"""A forked command is the command: its environment, arguments, output and exit code."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.commands import Commands


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "RINGPLAN_DATA_DIR": str(folder)}


def test_output_and_exit_code_are_the_commands_own(tmp_path: Path) -> None:
    commands = Commands()
    good = commands.run(("calls",), environment(tmp_path))
    assert (good.code, good.err) == (0, "") and good.out
    bad = commands.run(("call", "nobody@example"), environment(tmp_path))
    assert bad.code == 1 and bad.err.startswith("ringplan: ") and not bad.out


def test_each_has_its_own_environment_alone(tmp_path: Path) -> None:
    commands = Commands()
    wrong = commands.run(("calls",), environment(tmp_path) | {"RINGPLAN_SIP__UDP": "nowhere"})
    assert wrong.code == 1 and "sip.udp" in wrong.err
    assert commands.run(("calls",), environment(tmp_path)).code == 0


def test_several_threads_may_ask(tmp_path: Path) -> None:
    commands = Commands()
    with ThreadPoolExecutor(4) as threads:
        ran = list(threads.map(lambda _: commands.run(("calls",), environment(tmp_path)), range(8)))
    assert [each.code for each in ran] == [0] * 8


def test_after_one_that_was_given_up_the_next_gets_its_own_answer(tmp_path: Path) -> None:
    def give_up(*_: object) -> None:
        raise InterruptedError

    commands = Commands()
    before = signal.signal(signal.SIGUSR1, give_up)
    waiting = threading.Timer(0.05, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1))
    try:
        waiting.start()
        with pytest.raises(InterruptedError):
            commands.run(("call", "nobody@example"), environment(tmp_path))
    finally:
        waiting.join()
        signal.signal(signal.SIGUSR1, before)
    assert commands.run(("calls",), environment(tmp_path)).code == 0
