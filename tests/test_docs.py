"""The pages of docs/ and the READMEs name files that exist, link to pages that exist, and keep to short sentences."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("b2bua", "config", "media", "provisioning")
FOLDERS = (*PACKAGES, "docs", "scripts", "sipp_scenarios", "systemd", "tests")
PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(page for folder in FOLDERS for page in (ROOT / folder).rglob("README.md")),
    ]
)
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
A_PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+(?:\.(?:py|md|toml|xml|mako|logrotate|service|sh)|/)")
PLACEHOLDER = re.compile(
    r"[<>*…]|NNNN|\bacme\b|\bgateway\.|^(?:run|tmp|new|cur|data|backups|log|deleted)/|^/"
)
"""Paths that no file of the repository has: patterns, examples, and what the service makes at run time."""
MADE = {"ringplan.toml", "company.toml", "story.toml", "acme.toml", "carrier.toml"}
"""Files that people write."""
WORDS = ROOT / "docs" / "words.md"
LONGEST = 30
"""Words in a sentence. What stands in backticks is one word, a colon or semicolon ends no sentence."""
END_OF_SENTENCE = re.compile(r"(?<=[.!?])[)”*]*\s+(?=[A-Z`*(“\[])")
A_WORD = re.compile(r"[A-Za-z0-9][\w’'+./-]*")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", page.read_text("utf-8"))


def paths(text: str) -> Iterator[str]:
    """What looks like a file or folder of ours among the words in backticks."""
    for match in IN_BACKTICKS.finditer(text):
        word = match[1]
        if A_PATH.fullmatch(word) and not PLACEHOLDER.search(word) and word not in MADE:
            yield word


def is_there(path: str, page: Path) -> bool:
    """Whether a path is there: from the root; a README also names what is in or beside its folder."""
    beside = page.parent
    if beside in (ROOT, ROOT / "docs"):
        return (ROOT / path).exists()
    starts = [ROOT, beside, beside.parent, *(folder for folder in beside.rglob("*") if folder.is_dir())]
    return any((start / path).exists() for start in starts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_files_that_exist(page: Path) -> None:
    assert [path for path in paths(prose(page)) if not is_there(path, page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_pages_that_exist(page: Path) -> None:
    links = [link for link in LINK.findall(prose(page)) if not (page.parent / link).exists()]
    assert links == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link).resolve() for link in LINK.findall((ROOT / "README.md").read_text("utf-8"))}
    assert {page for page in (ROOT / "docs").rglob("*.md") if page not in linked} == set()


def sentences(text: str) -> Iterator[str]:
    """The sentences of a page, table cells included, without its code and headings."""
    text = re.sub(r"(?:^|\n)\n(?: {4,}.*\n|\n)+", "\n\n", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.)\s?)|\|", text)
    for block in blocks:
        if not block.lstrip().startswith("#"):
            words = LINK.sub("]", IN_BACKTICKS.sub("`x`", " ".join(block.split())))
            yield from END_OF_SENTENCE.split(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_sentence_that_is_too_long(page: Path) -> None:
    """Subject first, one thought: a sentence over thirty words is two."""
    assert [each for each in sentences(prose(page)) if len(A_WORD.findall(each)) > LONGEST] == []


def test_sentences_are_found_and_counted() -> None:
    long = " ".join(["word"] * 31)
    page = f"# {long}\n\nOne `a b`. Two:\nthree\n\n    {long}\n\n- four (five). Six\n\n| {long} | b |\n"
    found = list(sentences(page))
    assert [each for each in found if len(A_WORD.findall(each)) > LONGEST] == [long]
    assert {"One `x`.", "Two: three", "- four (five).", "Six", "b"} <= {each.strip() for each in found}


def owners() -> dict[str, set[str]]:
    """The files that define each public class of the product."""
    found: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].add(str(path.relative_to(ROOT)))
    return found


def test_names_that_several_modules_own_are_told_apart() -> None:
    """docs/words.md has a line for each such class, with all its files, and no line for any other."""
    table = WORDS.read_text("utf-8").partition("## Names that several modules own")[2]
    told = {
        cells[1].strip(): set(IN_BACKTICKS.findall(cells[2]))
        for cells in (line.split("|") for line in table.splitlines() if line.startswith("| "))
        if cells[1].strip() != "Name"
    }
    shared = {name: files for name, files in owners().items() if len(files) > 1}
    assert {name: {file for file in files if "/" in file} for name, files in told.items()} == shared
