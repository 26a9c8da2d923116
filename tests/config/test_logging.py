"""The log: one JSON event a line, secrets masked, libraries and crashes in the same stream."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from config.logging import HOLD, announce_ready, configure, is_secret, renderer_for
from config.tables import LogSettings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    hook, handlers, level = sys.excepthook, logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.root.handlers[:], sys.excepthook = handlers, hook
    logging.root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(**settings: Any) -> io.StringIO:
    stream = io.StringIO()
    configure("signalling", LogSettings(**settings), stream)
    return stream


def test_an_event_is_one_json_line_with_the_common_fields_first() -> None:
    stream = configured()
    structlog.get_logger().info("call.answered", seconds=1.5, text="two\nlines")
    (event,) = lines(stream)
    assert list(event)[:4] == ["time", "level", "process", "event"]
    assert event["process"] == "signalling"
    assert (event["level"], event["event"], event["text"]) == ("info", "call.answered", "two\nlines")


def test_bytes_that_are_no_text_and_odd_values_are_written_too() -> None:
    stream = configured()
    structlog.get_logger().info("x.y", call_id="a\udcffb", why=ValueError("no"), path=("a", 1.5, None))
    structlog.get_logger().info("x.y", call_id='\N{SNOWMAN}\x1b"', why=ValueError("no"))
    escaped, plain = lines(stream)
    assert (escaped["call_id"], escaped["why"], escaped["path"]) == ("a\udcffb", "no", ["a", 1.5, None])
    assert (plain["call_id"], plain["why"]) == ('\N{SNOWMAN}\x1b"', "no")
    stream.getvalue().encode("utf-8")


def test_what_is_bound_around_a_block_is_in_its_lines_only() -> None:
    stream = configured()
    log = structlog.get_logger()
    with structlog.contextvars.bound_contextvars(call_id="c1", leg="a", user=7):
        log.info("call.started")
    log.info("call.started")
    inside, outside = lines(stream)
    assert (inside["call_id"], inside["leg"], inside["user"]) == ("c1", "a", 7)
    assert "call_id" not in outside


def test_secrets_are_masked_wherever_they_sit() -> None:
    stream = configured()
    structlog.get_logger().info("x.y", password="hunter2", sent={"Authorization": "Digest", "ok": 1}, user=3)
    assert "hunter2" not in stream.getvalue()
    (event,) = lines(stream)
    assert event["password"] == "***"
    assert event["sent"] == {"Authorization": "***", "ok": 1}
    assert event["user"] == 3


@pytest.mark.parametrize(
    "key",
    ["pin", "voice_portal_pin", "Proxy-Authorization", "ha1_md5", "password"],
)
def test_a_secret_is_known_by_a_whole_word(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["ping", "spinning", "secretary", "call_id"])
def test_a_longer_word_is_no_secret(key: str) -> None:
    assert not is_secret(key)


def test_events_below_the_level_are_not_written() -> None:
    stream = configured(level="warning")
    structlog.get_logger().info("call.answered")
    structlog.get_logger().warning("relay.gone")
    assert [event["event"] for event in lines(stream)] == ["relay.gone"]


def test_the_console_form_is_for_people_and_the_default_off_a_terminal_is_json() -> None:
    stream = configured(format="console")
    structlog.get_logger().info("call.answered", pin="123456", call_id="c1")
    line = stream.getvalue()
    assert "signalling" in line
    assert "call_id=c1" in line
    assert "123456" not in line
    assert renderer_for("auto", io.StringIO())({"event": "x"}) == '{"event": "x"}'


def test_a_librarys_own_log_and_an_uncaught_exception_are_events_too() -> None:
    stream = configured()
    logging.getLogger("alembic").info("not wanted")
    logging.getLogger("alembic").warning("odd %s", "table")
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    warning, crash = lines(stream)
    assert (warning["event"], warning["library"], warning["message"]) == (
        "library.warning",
        "alembic",
        "odd table",
    )
    assert crash["event"] == "process.crashed"
    assert "RuntimeError: broken" in crash["exception"]


async def test_lines_that_wait_are_written_together_and_soon() -> None:
    stream = io.StringIO()
    log_lines = configure("signalling", LogSettings(), stream)
    log_lines.hold(asyncio.get_running_loop())
    for name in ("call.started", "call.ringing"):
        structlog.get_logger().info(name)
    assert not stream.getvalue()
    async with asyncio.timeout(100 * HOLD):
        while not stream.getvalue():
            await asyncio.sleep(0)
    assert [event["event"] for event in lines(stream)] == ["call.started", "call.ringing"]


@pytest.mark.parametrize("level", ["warning", "error"])
async def test_trouble_waits_for_nobody_and_takes_along_what_came_before(level: str) -> None:
    stream = io.StringIO()
    configure("signalling", LogSettings(), stream).hold(asyncio.get_running_loop())
    structlog.get_logger().info("call.started")
    getattr(structlog.get_logger(), level)("x.y")
    assert [event["event"] for event in lines(stream)] == ["call.started", "x.y"]


async def test_nothing_is_held_in_other_threads_or_after_the_end() -> None:
    stream = io.StringIO()
    log_lines = configure("signalling", LogSettings(), stream)
    log_lines.hold(asyncio.get_running_loop())
    structlog.get_logger().info("call.started")
    await asyncio.to_thread(structlog.get_logger().info, "thread")
    assert [event["event"] for event in lines(stream)] == ["call.started", "thread"]
    structlog.get_logger().info("held")
    log_lines.release()
    structlog.get_logger().info("last")
    assert [event["event"] for event in lines(stream)][2:] == ["held", "last"]


def test_readiness_is_said_at_every_level() -> None:
    stream = configured(level="error")
    structlog.get_logger().info("call.answered")
    announce_ready()
    (event,) = lines(stream)
    assert (event["process"], event["level"], event["event"]) == ("signalling", "info", "process.ready")
