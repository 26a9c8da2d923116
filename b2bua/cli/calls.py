"""`ringplan calls` and `ringplan call ID`: what became of calls, with the ladder of their messages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from b2bua.cli import console, ladder
from b2bua.cli.console import CommandError
from b2bua.cli.recording import measured
from b2bua.cli.schema import Call, CallDetail, Calls, LadderEntry, LiveCall, Party, Recording
from config.settings import Settings
from provisioning.company.known import KnownUsers
from provisioning.control import NotRunningError, ask
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.store import Store

app = typer.Typer()
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md).")]
Found = tuple[CallRecord, tuple[TraceEntry, ...]]


@app.command("calls")
def list_calls(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many finished calls.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the calls in progress and the newest finished ones."""
    settings = console.settings(context)

    async def read(store: Store) -> tuple[tuple[CallRecord, ...], KnownUsers]:
        return await store.calls(limit), await store.users()

    records, users = console.with_store(settings, read)
    listed = Calls(live=live_calls(settings), calls=[summary(record, users) for record in records])
    if as_json:
        console.show(listed)
        return
    for one in listed.live or ():
        print(
            f"now, for {one.since:.0f} s: {one.from_ or 'withheld'} → {one.to} ({one.state})  {one.call_id}"
        )
    if not listed.calls:
        print("No finished calls.")
        return
    rows = [
        [
            one.started_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            "withheld" if one.withheld else one.caller.number or one.caller.email or "unknown",
            one.dialled,
            one.outcome,
            f"{(one.ended_at - one.started_at).total_seconds():.1f} s",
            one.call_id,
        ]
        for one in listed.calls
    ]
    print(console.table(["Began", "From", "Dialled", "Outcome", "Length", "Call-ID"], rows))


@app.command("call")
def one_call(
    context: typer.Context,
    call_id: Annotated[str, typer.Argument(help="The Call-ID of any leg of the call.")],
    as_json: JsonOption = False,
) -> None:
    """Show one finished call: its messages, what happened and why, and the message it left."""
    settings = console.settings(context)

    async def read(store: Store) -> tuple[Found | None, KnownUsers]:
        return await store.call(call_id), await store.users()

    found, users = console.with_store(settings, read)
    if found is None:
        live = next((one for one in live_calls(settings) or () if one.call_id == call_id), None)
        if live is not None:
            raise CommandError(f"{call_id} is still in progress ({live.state}); ask again when it is over.")
        raise CommandError(f"There is no call with the Call-ID {call_id}.")
    shown = detail(*found, users)
    if as_json:
        console.show(shown)
    else:
        print("\n".join(in_words(shown)))


def live_calls(settings: Settings) -> list[LiveCall] | None:
    """The calls in progress, or None when the service is not running."""
    try:
        answer = ask(settings.run_dir / "control.sock", "calls")
    except NotRunningError:
        return None
    return [LiveCall(**one) for one in answer["calls"]]


def summary(record: CallRecord, users: KnownUsers) -> Call:
    """A call of the log in short."""
    return Call(
        call_id=record.call_id,
        started_at=record.started_at,
        answered_at=record.answered_at,
        ended_at=record.ended_at,
        caller=Party(
            email=None if record.withheld else users.email_of(record.caller_user),
            number=record.caller_number,
            name=record.caller_name,
        ),
        withheld=record.withheld,
        dialled=record.dialled,
        called=users.name_of(record.called_user),
        rule=record.rule,
        outcome=record.outcome,
        code=record.code,
        hung_up_by=record.hung_up_by,
    )


def detail(record: CallRecord, traces: tuple[TraceEntry, ...], users: KnownUsers) -> CallDetail:
    """Everything about a call."""
    path = Path(record.message_path) if record.message_path else None
    recording = None
    if record.message_id is not None and path is not None and path.exists():
        seconds, dbfs = measured(path)
        recording = Recording(message=record.message_id, path=str(path), seconds=seconds, dbfs=dbfs)
    return CallDetail(
        call=summary(record, users),
        legs=list(record.leg_call_ids),
        explanation=list(record.explanation),
        plan=dict(record.plan),
        steps=[dict(step) for step in record.steps],
        rtp=dict(record.rtp),
        ladder=[
            LadderEntry(
                time=datetime.fromtimestamp(entry.time, UTC),
                direction=entry.direction,
                leg=entry.leg,
                peer=entry.peer,
                first_line=entry.first_line,
                headers=dict(entry.headers),
            )
            for entry in traces
        ],
        recording=recording,
    )


def in_words(shown: CallDetail) -> list[str]:
    """The lines of `ringplan call ID`."""
    call = shown.call
    who = "withheld" if call.withheld else call.caller.number or call.caller.email or "unknown"
    lines = [
        f"Call {call.call_id}",
        f"{who} → {call.dialled}, {call.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "",
    ]
    if shown.ladder:
        begun = shown.ladder[0].time
        seconds = [(entry.time - begun).total_seconds() for entry in shown.ladder]
        lines += [*ladder.draw(shown.ladder, seconds, {shown.ladder[0].leg: "caller"}), ""]
    lines += shown.explanation
    if shown.recording is not None:
        one = shown.recording
        loudness = "silence" if one.dbfs is None else f"{one.dbfs:.1f} dBFS"
        lines += ["", f"Recording: {one.path}", f"{one.seconds:.1f} s, {loudness}"]
    return lines
