"""Who calls, where it is a user of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.settings import User
from b2bua.callplan.situation import Caller

ANNA = User(1, 7, "Anna", "anna@acme.example", "201", ("+441632960101",), default_number="+441632960101")


def test_a_user_calls_by_its_extension_and_the_network_knows_its_default_number() -> None:
    assert Caller.of(ANNA) == Caller("201", "Anna", False, 1, 7, "+441632960101", None)
    assert Caller.of(replace(ANNA, extension=None)).number == "+441632960101"
    assert Caller.of(ANNA, chosen="+441632960102").chosen == "+441632960102"


@pytest.mark.parametrize("setting", [False, True])
@pytest.mark.parametrize("call", [False, True])
def test_a_number_is_withheld_for_good_or_for_one_call(setting: bool, call: bool) -> None:
    user = replace(ANNA, withhold_number=setting)
    assert Caller.of(user, withheld=call).withheld is (setting or call)
