"""The real phones by themselves, calling each other without a server in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import meter
from tests.support.baresip import Baresip
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.waiting import wait_for

Phone = Baresip | Pjsua2Phone
NOBODY = ("127.0.0.1", 9)
"""Where there is no registrar."""


def phone(kind: type[Phone], folder: Path, tone: float) -> Phone:
    source = meter.write_wav(folder.with_suffix(".wav"), meter.tone(tone, seconds=20.0))
    return kind(folder, NOBODY, folder.name, "secret", source)


@pytest.mark.parametrize(
    ("caller_kind", "called_kind"),
    [(Pjsua2Phone, Pjsua2Phone), (Baresip, Pjsua2Phone), (Pjsua2Phone, Baresip)],
)
def test_two_phones_hear_each_other(
    caller_kind: type[Phone], called_kind: type[Phone], tmp_path: Path
) -> None:
    with (
        phone(called_kind, tmp_path / "called", 620) as called,
        phone(caller_kind, tmp_path / "caller", 440) as caller,
    ):
        caller.dial(called.uri)
        called.answer()
        caller.wait_talking()
        called.wait_talking()
        caller.send_digits("5#")
        wait_for(lambda: called.digits() == "5#", 5, "two digits")
        caller.wait_heard(1.0)
        called.wait_heard(1.0)
        caller.hang_up()
        called.wait_ended()
        assert meter.frequency(caller.heard()) == pytest.approx(620, abs=3)
        assert meter.frequency(called.heard()) == pytest.approx(440, abs=3)
