from __future__ import annotations

import pytest

from provisioning.company.mac_address import parse_mac


@pytest.mark.behaviour("H1")
@pytest.mark.parametrize(
    "written",
    [
        "00:15:65:aa:bb:cc",
        "00-15-65-AA-BB-CC",
        "00 15 65 aa bb cc",
        "00.15.65.aa.bb.cc",
        "0015.65aa.bbcc",
        "0015-65AA-BBCC",
        "001565aabbcc",
        " 001565AABBCC ",
    ],
)
def test_any_usual_notation(written: str) -> None:
    assert parse_mac(written) == "001565aabbcc"


@pytest.mark.behaviour("H1")
@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("00:00:00:00:00:00", "all-zero"),
        ("01:00:5e:00:00:01", "multicast"),
        ("ff:ff:ff:ff:ff:ff", "multicast"),
        ("00:15:65:aa:bb", "must be a MAC"),
        ("00:15:65:aa:bb:cc:dd", "must be a MAC"),
        ("00:15-65:aa:bb:cc", "must be a MAC"),
        ("00:15:65:aa:bb:cg", "must be a MAC"),
        ("", "must be a MAC"),
    ],
)
def test_what_is_no_mac_of_a_phone(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_mac(written)
