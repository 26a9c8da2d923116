"""The demo company of `ringplan run --demo`: made once, its secrets kept in a file and shown at each start."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

import config
from b2bua.callplan.settings import Action, Treatment, User
from b2bua.cli.console import CommandError, table
from config.settings import Settings
from provisioning.company.entries import CustomerEntry
from provisioning.company.parts import SoftClient
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import CompanyFile, read_company_file
from provisioning.store.pins import generate_pin
from provisioning.store.secrets import digest_ha1, generate_password
from provisioning.store.store import Store

COMPANY = Path(config.__file__).with_name("demo.toml")
CREDENTIALS = "demo-credentials.json"
CHANGED = "(changed)"


class DemoClient(BaseModel):
    """What to type into a phone to be one of the demo's users; `pin` is empty in a demo that was made without."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str
    username: str
    password: str
    pin: str = ""


class Demo(BaseModel):
    """The demo as it is kept beside the database: the address of the last start, and the clients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    clients: tuple[DemoClient, ...]


async def ensure_demo(store: Store, settings: Settings) -> Demo:
    """Make the demo company if the database has no customer; say where it is served this time.

    Raises CommandError if the file of credentials cannot be read.
    """
    # Everything that a wildcard listens on includes this machine's own loopback.
    host = "127.0.0.1" if settings.sip.udp.host == "0.0.0.0" else settings.sip.udp.host
    address = f"{host}:{settings.sip.udp.port}"
    if (await store.directory(settings.sip.realm)).customers:
        demo = read_demo(settings.data_dir)
        demo = Demo(address=address, clients=demo.clients if demo else ())
        write_demo(settings.data_dir, demo)
        return demo
    company = read_company_file(COMPANY)
    company = replace(company, customers=tuple(_with_secrets(one) for one in company.customers))
    demo = Demo(address=address, clients=_clients(company))
    # Before the database: a start that is cut short in between makes both anew.
    write_demo(settings.data_dir, demo)
    await apply_changes(store, company)
    return demo


def _with_secrets(customer: CustomerEntry) -> CustomerEntry:
    users = tuple(
        replace(
            user,
            soft_clients=tuple(
                SoftClient(client.username, generate_password()) for client in user.soft_clients
            ),
            pin=generate_pin(user.numbers),
        )
        for user in customer.users
    )
    return replace(customer, users=users)


def _clients(company: CompanyFile) -> tuple[DemoClient, ...]:
    return tuple(
        DemoClient(
            email=user.known_as, username=client.username, password=client.password or "", pin=user.pin or ""
        )
        for customer in company.customers
        for user in customer.users
        for client in user.soft_clients
    )


def write_demo(data_dir: Path, demo: Demo) -> None:
    """Keep it in the data directory, readable by its owner only."""
    path, fresh = data_dir / CREDENTIALS, data_dir / f"{CREDENTIALS}.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(demo.model_dump_json(indent=2) + "\n")
    fresh.rename(path)


def read_demo(data_dir: Path) -> Demo | None:
    """What was kept, or None if this data directory has no demo. Raises CommandError if unreadable."""
    path = data_dir / CREDENTIALS
    try:
        return Demo.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None


async def banner(store: Store, settings: Settings, demo: Demo, lan: bool) -> str:
    """What a person needs to place a call, as a table; what was changed since is marked."""
    directory = await store.directory(settings.sip.realm)
    host, _, port = demo.address.rpartition(":")
    users = {user.known_as: user for user in directory.users}
    accounts = {account.username: account for account in directory.accounts}
    rows = []
    for client in demo.clients:
        user, account = users.get(client.email), accounts.get(client.username)
        if user is None or account is None:
            continue
        same = digest_ha1(client.username, settings.sip.realm, client.password)[0] == account.ha1_md5
        rows.append(
            [
                user.name,
                user.extension or "",
                user.default_number or "",
                client.username,
                client.password if same else CHANGED,
                await _shown_pin(store, user, client.pin),
                f"{_words(user.not_answered)}; busy: {_words(user.busy)}",
            ]
        )
    if not rows:
        return "This data directory has no demo company: its customers are your own."
    heads = ["User", "Extension", "Number", "SIP username", "Password", "PIN", "Not answered; busy"]
    lines = ["", f"SIP address: {host}:{port}, UDP and TCP", "", table(heads, rows), ""]
    if lan:
        lines += [
            "Type into a phone or softphone:",
            f"  server, domain or registrar: {host}" + (f"   port: {port}" if port != "5060" else ""),
            "  transport: UDP   username and password: as above",
            "",
        ]
    lines.append(
        "Register two phones and dial an extension or a number, or run `make call` in a second terminal."
    )
    if codes := settings.voicemail.access_codes:
        lines.append(
            f"Messages, greetings and the PIN: dial {codes[0]} from the user's own phone; it asks for the PIN."
        )
    lines.append("")
    return "\n".join(lines)


async def _shown_pin(store: Store, user: User, pin: str) -> str:
    if not user.has_pin:
        return "(none)"
    return pin if await store.has_pin(user.id, pin) else CHANGED


def _words(treatment: Treatment) -> str:
    match treatment.action:
        case Action.KEEP_RINGING:
            return "keeps ringing"
        case Action.ENGAGED_TONE:
            return "engaged tone"
        case Action.VOICEMAIL:
            return "voicemail" + (f" after {treatment.after:g} s" if treatment.after else "")
        case _:
            return "redirected"
