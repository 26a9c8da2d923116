"""Times out of hours, edited by id: the same as may stand in a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from b2bua.callplan.settings import Interval
from provisioning.editing.edit import Editing
from provisioning.editing.refusals import Refused
from tests.provisioning.editing.people import ANNA, PARTNER


@pytest.mark.behaviour("O3", "P9")
async def test_spans_of_a_weekday_do_not_overlap(editing: Editing) -> None:
    current = await editing.user(PARTNER, ANNA)
    morning = Interval(0, time(9), time(12))
    overlapping = replace(current.entry, unavailable=(morning, Interval(0, time(10), time(11))))
    with pytest.raises(Refused, match=r'^/out_of_hours/monday: "10:00-11:00" overlaps "09:00-12:00"'):
        await editing.change_user(PARTNER, ANNA, overlapping, current.version)
    twice = replace(current.entry, unavailable=(morning, morning))
    made = await editing.change_user(PARTNER, ANNA, twice, current.version)
    (change,) = made.changes.items
    assert change.details == ("Out of hours, times: always available → Monday 09:00-12:00",)
    assert (await editing.user(PARTNER, ANNA)).entry.unavailable == (morning,)
