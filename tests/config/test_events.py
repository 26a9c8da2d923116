"""The code and the vocabulary of the log agree, in both directions, and docs/events.md is current."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from config.events import (
    BY_NAME,
    COMMON_FIELDS,
    EVENTS,
    as_markdown,
    calls,
    media,
    processes,
    provisioning,
    sip,
)

ROOT = Path(__file__).parents[2]
AREAS = (processes, sip, calls, media, provisioning)
PACKAGES = ("b2bua", "config", "media", "provisioning")
METHODS = {"debug", "info", "warning", "error", "critical", "exception", "event"}
# A call hands its events to whoever watches it, who writes them at this level.
LEVELS = {"exception": "error", "event": "info"}
NAME = re.compile(r"[a-z0-9_]+\.[a-z0-9_.]+")


class Use(NamedTuple):
    name: str
    level: str
    fields: frozenset[str]
    where: str


def uses(source: str, where: str) -> Iterator[Use]:
    """Each `<something log>.<level>("x.y", field=...)` of one file."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        first = node.args[0]
        if node.func.attr not in METHODS or not isinstance(first, ast.Constant):
            continue
        if isinstance(first.value, str) and NAME.fullmatch(first.value):
            level = LEVELS.get(node.func.attr, node.func.attr)
            fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg) - {"exc_info"}
            yield Use(first.value, level, fields, f"{where}:{node.lineno}")


def all_uses() -> list[Use]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [use for path in files for use in uses(path.read_text(), str(path.relative_to(ROOT)))]


def test_a_use_is_found_with_its_level_and_fields() -> None:
    found = list(
        uses('self.log.bind(a=1).exception("call.lost", leg=2, exc_info=True)\nx.info("not one")', "f")
    )
    assert found == [Use("call.lost", "error", frozenset({"leg"}), "f:1")]


def test_every_event_in_the_code_is_in_the_vocabulary() -> None:
    assert [use for use in all_uses() if use.name not in BY_NAME] == []


def test_every_event_is_written_at_its_level_with_its_fields() -> None:
    wrong = []
    for use in all_uses():
        event = BY_NAME.get(use.name)
        if event and (use.level != event.level or use.fields - {*event.fields, *COMMON_FIELDS}):
            wrong.append((use, event))
    assert wrong == []


def test_every_event_of_the_vocabulary_is_in_the_code() -> None:
    used = {use.name for use in all_uses()}
    assert [event.name for event in EVENTS if event.name not in used] == []


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(EVENTS)


def test_what_happens_in_one_family_stands_in_one_file() -> None:
    areas = {area.EVENTS: {event.name.partition(".")[0] for event in area.EVENTS} for area in AREAS}
    families = [family for found in areas.values() for family in found]
    assert sorted(families) == sorted({event.name.partition(".")[0] for event in EVENTS})


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    assert page == as_markdown(), "run: python -m scripts.write_docs"
