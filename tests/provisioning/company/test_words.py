from __future__ import annotations

from dataclasses import fields, replace
from datetime import time

import pytest

from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.parts import NOT_ANSWERED, DeskPhone, SoftClient, TreatmentEntry
from provisioning.company.setting import entry_words as customer_words
from provisioning.company.setting import entry_words as trunk_words
from provisioning.company.setting import entry_words as user_words
from provisioning.company.words import differences, settings_made, treatment_words

CUSTOMER = CustomerEntry("Acme Ltd")
USER = UserEntry("Anna", "anna@acme.example")
TRUNK = TrunkEntry("carrier", "192.0.2.1")
NUMBER = TreatmentEntry(Action.NUMBER, number="+441632960777")

OTHER_CUSTOMER = {
    "name": "Beta Ltd",
    "country": "FR",
    "timezone": "Europe/Paris",
    "numbers": ("+441632960100",),
    "hardware_only": True,
    "suspended": True,
    "allowed_classes": ("internal",),
    "users_override": False,
    "emergency_number": "+441632960100",
    "max_users": 7,
    "max_numbers": 0,
}
OTHER_USER = {
    "name": "Bert",
    "extension": "201",
    "numbers": ("+441632960100",),
    "default_number": "+441632960100",
    "presentation_number": "+441632960100",
    "timezone": "Europe/Paris",
    "suspended": True,
    "reject_anonymous": True,
    "withhold_number": True,
    "permanent_redirect": "+441632960777",
    "max_calls": 2,
    "not_answered": replace(NOT_ANSWERED, after=5.0),
    "busy": NUMBER,
    "out_of_hours_enabled": True,
    "out_of_hours": TreatmentEntry(Action.VOICEMAIL, after=1.0),
    "unavailable": (Interval(0, time(0), time(0)),),
    "soft_clients": (SoftClient("anna"),),
    "desk_phones": (DeskPhone("001565aabbcc"),),
}
OTHER_TRUNK = {
    "name": "other",
    "host": "192.0.2.2",
    "transport": "tcp",
    "order": 2,
    "register": True,
    "username": "ringplan",
    "allow_from": ("192.0.2.1",),
    "country": "DE",
    "number_format": "plus",
    "identity": "passthrough",
    "answer_first": True,
    "early_media": False,
    "trusted": True,
    "anonymous_code": 603,
    "caller_from": "asserted",
    "next_trunk_codes": (404,),
    "final_codes": (503,),
    "nat": "always",
}


def test_every_setting_shows_so_that_no_change_goes_unseen() -> None:
    for kind, other, hidden in (
        (CustomerEntry, OTHER_CUSTOMER, {"users"}),
        (UserEntry, OTHER_USER, {"email", "pin", "notify"}),
        (TrunkEntry, OTHER_TRUNK, {"password"}),
    ):
        assert {field.name for field in fields(kind)} == other.keys() | hidden
    for key, value in OTHER_CUSTOMER.items():
        assert customer_words(replace(CUSTOMER, **{key: value})) != customer_words(CUSTOMER), key
    for key, value in OTHER_USER.items():
        assert user_words(replace(USER, **{key: value})) != user_words(USER), key
    for key, value in OTHER_TRUNK.items():
        assert trunk_words(replace(TRUNK, **{key: value})) != trunk_words(TRUNK), key
    assert (
        len({str(user_words(replace(USER, notify=Notify(*each)))) for each in ((0, 0), (0, 1), (1, 0))}) == 3
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (NOT_ANSWERED, "keep ringing"),
        (replace(NOT_ANSWERED, after=5.0), "keep ringing after 5 s"),
        (TreatmentEntry(Action.ENGAGED_TONE), "engaged tone"),
        (TreatmentEntry(Action.VOICEMAIL, after=0.5), "voicemail after 0.5 s"),
        (
            TreatmentEntry(Action.USER, after=20.0, user="bert@acme.example"),
            "redirect to another user, bert@acme.example, after 20 s",
        ),
        (TreatmentEntry(Action.USER), "redirect to another user, who was deleted, after 0 s"),
        (
            replace(NUMBER, announce=True, present_dialled_number=True, always=True),
            "redirect to another number, +441632960777, after 0 s, announced, presenting the dialled number, always",
        ),
    ],
)
def test_treatments_in_words(entry: TreatmentEntry, words: str) -> None:
    assert treatment_words(entry) == words


def test_the_order_of_a_list_says_nothing() -> None:
    one = replace(USER, numbers=("+441632960100", "+441632960101"))
    assert user_words(one) == user_words(replace(one, numbers=one.numbers[::-1]))
    spans = (Interval(6, time(9), time(10)), Interval(0, time(0), time(0)), Interval(6, time(8), time(9)))
    words = user_words(replace(USER, unavailable=spans))
    assert words["Out of hours, times"] == "Monday all day, Sunday 08:00-09:00, Sunday 09:00-10:00"
    assert words == user_words(replace(USER, unavailable=spans[::-1]))


def test_phones_show_as_on_their_label() -> None:
    phones = (DeskPhone("001565aabbcc", "yealink"), DeskPhone("001565aabbcd"))
    shown = user_words(replace(USER, desk_phones=phones))["Desk phones"]
    assert shown == "00:15:65:aa:bb:cc (yealink), 00:15:65:aa:bb:cd"


def test_a_device_shows_that_its_addresses_are_not_asked() -> None:
    clients = (SoftClient("anna", nat="always"), SoftClient("bert"))
    phones = (
        DeskPhone("001565aabbcc", "yealink", nat="always"),
        DeskPhone("001565aabbcd", nat="never"),
    )
    shown = user_words(replace(USER, soft_clients=clients, desk_phones=phones))
    assert shown["Soft clients"] == "anna (always behind NAT), bert"
    assert shown["Desk phones"] == (
        "00:15:65:aa:bb:cc (yealink, always behind NAT), 00:15:65:aa:bb:cd (never behind NAT)"
    )


def test_only_what_differs_is_told() -> None:
    old, new = user_words(USER), user_words(replace(USER, extension="201", max_calls=2))
    assert differences(old, new) == ("Extension: none → 201", "Simultaneous calls: 1 → 2")
    assert settings_made(old, new) == ("Extension: 201", "Simultaneous calls: 2")
    assert differences(old, old) == ()
