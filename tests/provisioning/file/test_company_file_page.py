"""docs/company-file.md says what the reader does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from provisioning.file.company_file import parse_company_file

PAGE = (Path(__file__).parents[3] / "docs" / "company-file.md").read_text()


def example() -> str:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_the_page_is_a_sound_company_file() -> None:
    parse_company_file(example())


def test_every_key_of_the_example_is_explained() -> None:
    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    explained = set(re.findall(r"`(?:\[\[)?(?:customers\.)?([a-z_]+)(?:\]\])?`", PAGE))
    assert keys(tomllib.loads(example())) - explained == {"saturday"}
