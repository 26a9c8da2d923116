"""Writes the pages of docs/ that are printed from code: `python -m scripts.write_docs`. A test sees stale ones."""

from __future__ import annotations

from pathlib import Path

from b2bua.callplan import responses
from b2bua.cli import schema
from config import events
from scripts import state_diagrams

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = """\
# Configuration

<!-- Printed from config/ringplan.example.toml by `python -m scripts.write_docs` -->

Every process reads the same settings when it starts: first the defaults, then a TOML file named by
`ringplan --config FILE …` or by `RINGPLAN_CONFIG`, then the environment. The environment wins. A setting's
variable is `RINGPLAN_` with the table and the key in capitals and two underscores between them:

    RINGPLAN_DATA_DIR=/var/lib/ringplan RINGPLAN_SIP__UDP=192.0.2.10:5060 ringplan run

A list is written in the environment as JSON, or with commas between its values (TOML's other forms, such as single
quotes, are for the file alone):

    RINGPLAN_SIP__DIGEST_ALGORITHMS='["SHA-256", "MD5"]'
    RINGPLAN_SIP__DIGEST_ALGORITHMS=SHA-256,MD5

A wrong value stops the start with a sentence for each mistake, which names the setting, where it comes from,
its value and what is allowed:

    ringplan: sip.udp (from RINGPLAN_SIP__UDP) is 'foo:99999': address:port is allowed, such as
    127.0.0.1:5060, with a port from 1 to 65535

Who may telephone, and what becomes of their calls, is not configured here but in the
[company file](company-file.md).

## Behind a router

Bind what the machine has (`sip.udp = "0.0.0.0:5060"`), name the address that the router forwards as
`sip.public_address` and `media.public_address`, and list the networks that reach the machine directly in
`sip.local_networks`. Phones in those see the machine's own address, all others the public one. Forward the
SIP port and the whole of `media.ports`.

## All settings with their defaults

This is `config/ringplan.example.toml`; copy what you change.

```toml
"""


def configuration() -> str:
    """docs/configuration.md: how settings are found, then all of them."""
    return CONFIGURATION + (ROOT / "config" / "ringplan.example.toml").read_text("utf-8") + "```\n"


def main() -> None:
    """Write the five pages."""
    (DOCS / "configuration.md").write_text(configuration(), "utf-8")
    (DOCS / "events.md").write_text(events.as_markdown(), "utf-8")
    (DOCS / "json.md").write_text(schema.as_markdown(), "utf-8")
    (DOCS / "state-machines.md").write_text(state_diagrams.as_markdown(), "utf-8")
    (DOCS / "response-codes.md").write_text(responses.as_markdown(), "utf-8")


if __name__ == "__main__":
    main()
