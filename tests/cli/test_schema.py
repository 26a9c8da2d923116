"""The JSON of the commands: the page is current, and a shape refuses a key it does not have."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from b2bua.cli.schema import PARTS, ROOTS, Calls, LiveCall, as_markdown, type_words

PAGE = Path(__file__).parents[2] / "docs" / "json.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == as_markdown(), "run: python -m scripts.write_docs"


def test_every_key_has_a_meaning() -> None:
    silent = [
        f"{shape.__name__}.{name}"
        for shape in (*ROOTS, *PARTS)
        for name, field in shape.model_fields.items()
        if not field.description
    ]
    assert silent == []


def test_a_shape_has_exactly_its_keys() -> None:
    live = {"call_id": "c", "state": "ringing", "from": None, "to": "302", "since": 1.5}
    assert LiveCall.model_validate(live).model_dump(by_alias=True) == live
    with pytest.raises(ValidationError, match="extra"):
        LiveCall.model_validate({**live, "extra": 1})
    del live["from"]
    with pytest.raises(ValidationError, match="from"):
        LiveCall.model_validate(live)


def test_types_are_said_in_the_readers_words() -> None:
    assert type_words(Calls.model_fields["live"].annotation) == "list of LiveCall or null"
    assert type_words(float) == "number"
