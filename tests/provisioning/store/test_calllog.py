from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import StatementError

from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.store import Store

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
RECORD = CallRecord(
    call_id="a@phone.example",
    started_at=NOON,
    answered_at=NOON + timedelta(seconds=20),
    ended_at=NOON + timedelta(seconds=30),
    leg_call_ids=("second", "first"),
    caller_user=1,
    caller_number="+441632960101",
    caller_name="Reception",
    dialled="202",
    called_user=2,
    plan={"rule": "R9", "steps": [{"step": "ring", "seconds": 20.0}, {"step": "voicemail"}]},
    rule="R9",
    steps=({"step": "ring", "result": "no-answer"},),
    explanation=("Rings for 20 s, then voicemail.", "Nobody answered."),
    outcome="voicemail",
    code=200,
    hung_up_by="caller",
    rtp={"near": {"lost": 0}},
    message_id="20300601T120020",
    message_path="mailbox/2/new/20300601T120020.wav",
)


def entry(second: float) -> TraceEntry:
    return TraceEntry(
        NOON.timestamp() + second,
        "in",
        "caller",
        "127.0.0.2:5062",
        "INVITE sip:202@ringplan SIP/2.0",
        (("To", "<sip:202>"),),
    )


async def test_a_call_comes_back_as_it_was_written_by_any_of_its_call_ids(store: Store) -> None:
    traces = (entry(0), entry(0.123456), entry(1))
    other = replace(RECORD, call_id="other", leg_call_ids=("third",))
    await store.write_calls([(other, ()), (RECORD, traces)])
    await store.write_calls([(replace(other, call_id="fourth"), (entry(1),))])
    for call_id in ("a@phone.example", "first", "second"):
        assert await store.call(call_id) == (RECORD, traces)
    assert await store.call("other") == (other, ())
    assert await store.call("fifth") is None


async def test_the_newest_calls_come_first(store: Store) -> None:
    records = [
        replace(
            RECORD,
            call_id=str(hour),
            started_at=NOON + timedelta(hours=hour),
            caller_user=hour,
            leg_call_ids=(),
        )
        for hour in range(4)
    ]
    await store.write_calls([(record, ()) for record in records])
    assert [record.call_id for record in await store.calls(limit=2)] == ["3", "2"]
    assert [record.call_id for record in await store.calls(since=NOON + timedelta(hours=2))] == ["3", "2"]
    assert [record.call_id for record in await store.calls(user=1)] == ["1"]
    assert len(await store.calls(user=2)) == 4, "the called user's calls too"


async def test_a_call_id_that_comes_twice_is_two_calls(store: Store) -> None:
    later = replace(RECORD, started_at=NOON + timedelta(hours=1), outcome="answered")
    await store.write_calls([(RECORD, (entry(0),))])
    await store.write_calls([(later, (entry(3600),))])
    assert len(await store.calls()) == 2
    found = await store.call(RECORD.call_id)
    assert found is not None
    assert found == (later, (entry(3600),))


async def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(StatementError, match="zone"):
        await store.write_calls([(RECORD, ()), (replace(RECORD, started_at=datetime(2030, 6, 1)), ())])
    assert await store.calls() == ()


@pytest.mark.behaviour("A3")
async def test_nothing_of_a_caller_who_withheld_reaches_the_disk(store: Store) -> None:
    await store.write_calls([(replace(RECORD, withheld=True), ())])
    (record,) = await store.calls()
    assert (record.withheld, record.caller_number, record.caller_name) == (True, None, None)
    assert record.caller_user == 1
