"""`ringplan explain`: what would happen to a call, by the same function that decides the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from b2bua.callplan.causes import Cause
from b2bua.callplan.dialling import CalledUser, dial
from b2bua.callplan.explain import in_words, to_json
from b2bua.callplan.forecast import foresee
from b2bua.callplan.hops import Hop, follow
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller, Situation
from b2bua.callplan.steps import Transfer
from b2bua.cli import console
from b2bua.cli.console import CommandError
from b2bua.cli.schema import Considered, Explanation
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import Uri, parse_uri
from b2bua.trunks.dialled import dialled
from config.settings import Settings
from provisioning.company.known import KnownUsers, NoSuchUser, SeveralUsers
from provisioning.limits import limits_of
from provisioning.store.directory import Directory
from provisioning.store.store import Store

app = typer.Typer()
ANONYMOUS = "anonymous"


@app.command("explain")
def command(
    context: typer.Context,
    to: Annotated[
        str, typer.Option("--to", help="The number or extension that is dialled, or a SIP or tel URI.")
    ],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Who calls: a number, `anonymous`, or a user by e-mail or extension.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="When, as ISO 8601; without offset in the called user's zone.")
    ] = None,
    busy: Annotated[bool, typer.Option("--busy", help="As if the line were busy.")] = False,
    unregistered: Annotated[
        bool, typer.Option("--unregistered", help="As if no device were registered.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")] = False,
) -> None:
    """Say what would happen to a call and which rule decides."""
    settings = console.settings(context)

    async def read(store: Store) -> tuple[Directory, KnownUsers]:
        return await store.directory(settings.sip.realm), await store.users()

    directory, users = console.with_store(settings, read)
    asked = _moment(at)
    line = {"busy": busy, "registered": not unregistered}
    explained = explain(directory, users, settings, to, from_, asked, **line)
    if as_json:
        console.show(explained)
        return
    for heading, considered in _hops(explained):
        if heading:
            print(f"\n{heading}:")
        for one in considered:
            print(f"{'→' if one.applies else ' '} {one.rule}: {one.why}")
    print(f"\n{explained.explanation}")


def explain(
    directory: Directory,
    users: KnownUsers,
    settings: Settings,
    to: str,
    from_: str | None,
    at: datetime,
    *,
    busy: bool,
    registered: bool,
) -> Explanation:
    """The whole answer. `at` without an offset is in the called user's zone. Raises CommandError."""
    numbering = Numbering.of(directory.customers, directory.users, directory.trunks, directory.blocked)
    caller = _caller(numbering, users, from_)
    moment = at if at.tzinfo else at.astimezone()

    def situation(called: User) -> Situation:
        nonlocal moment
        if at.tzinfo is None:
            zone = called.timezone or numbering.customer_of(called).timezone
            moment = at.replace(tzinfo=ZoneInfo(zone))
        return Situation(moment, busy, registered)

    limits = limits_of(settings)

    def next_hop(step: Transfer, cause: Cause, hop: Hop) -> Hop:
        """Other users are free and registered, whatever the one called first is said to be."""
        ordinary = Situation(moment)
        return follow(step, cause, hop.caller, hop.journey, numbering, lambda _: ordinary, limits)

    country = customer.country if (customer := numbering.customers.get(caller.customer or 0)) else "GB"
    found = route(_dialled(to, country), caller, numbering, situation, limits)
    if found.plan.rule is Rule.UNKNOWN and caller.user is None:
        for what, known in (
            ("an extension", _is_extension(numbering, to)),
            ("an access code", to in limits.codes.access),
        ):
            if known:
                raise CommandError(f"{to} is {what}: say by --from which user calls it.")
    ahead = foresee(found, next_hop)
    plan = to_json(found.plan, numbering.users, ahead.onward)
    return Explanation(
        dialled=to,
        **{"from": from_},
        at=moment,
        user=users.name_of(found.user) if found.user is not None else None,
        explanation=in_words(found.plan, numbering.users, ahead.onward),
        rule=found.plan.rule.value,
        considered=_considered(found),
        steps=plan["steps"],  # type: ignore[arg-type]
    )


def _dialled(to: str, country: str) -> str:
    """What `--to` names: as people dial it, or a URI out of a message. Raises CommandError."""
    try:
        return dialled(parse_uri(to) if ":" in to else Uri("", to), country)
    except BadMessage as error:
        raise CommandError(f"--to {to}: {error}") from None


def _hops(explained: Explanation) -> Iterator[tuple[str, list[Considered]]]:
    """The rules considered for the user called first, then for each to whom the call may go on."""
    yield "", explained.considered
    open_ = list(explained.steps)
    while open_:
        step = open_.pop(0)
        if plan := step.get("plan"):
            yield (
                f"Then, for {step['user'] or 'a former user'}",
                [Considered(**one) for one in plan["considered"]],
            )
            open_[:0] = plan["steps"]


def _considered(hop: Hop) -> list[Considered]:
    return [Considered(rule=one.rule.value, applies=one.applies, why=one.why) for one in hop.plan.considered]


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now().astimezone()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--at {text}: an ISO 8601 time is allowed, such as 2027-03-01T18:30") from None


def _is_extension(numbering: Numbering, dialled: str) -> bool:
    return any(extension == dialled for _, extension in numbering.extensions)


def _caller(numbering: Numbering, users: KnownUsers, from_: str | None) -> Caller:
    """The caller that `--from` names; a user, or a number of ours, is that user. Raises CommandError."""
    if from_ is None:
        return Caller()
    if from_.lower() == ANONYMOUS:
        return Caller(withheld=True)
    try:
        return Caller.of(numbering.users[users.find(from_).id])
    except SeveralUsers as error:
        raise CommandError(f"--from {error}") from None
    except NoSuchUser:
        pass
    destination = dial(from_, None, numbering).destination
    if isinstance(destination, CalledUser):
        return Caller.of(numbering.users[destination.user])
    if not from_.removeprefix("+").isdecimal():
        raise CommandError(
            f"--from {from_}: a number, `anonymous`, or a user by e-mail or extension is allowed"
        )
    return Caller(from_, network=from_)
