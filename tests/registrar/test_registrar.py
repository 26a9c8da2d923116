import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.registrar.bindings import Added, Refreshed, Removal, Removed
from b2bua.registrar.registrar import MAX_PATH, Limits, RegisterOutcome
from b2bua.sip.text.errors import BadMessage
from tests.registrar.device import NAT, Registrar, register_request

DESK = "<sip:201@127.0.0.2:5060>"
SOFT = "<sip:201@127.0.0.3:5060;transport=UDP>"
UUID = '"<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"'


def contacts(registration: RegisterOutcome) -> list[str]:
    assert registration.code == 200
    return [value for name, value in registration.headers if name == "Contact"]


def test_a_device_signs_on_refreshes_and_signs_off() -> None:
    registrar = Registrar()
    on = registrar.send(register_request(DESK, expires="300"), now=10.0)
    assert contacts(on) == [f"{DESK};expires=300"]
    (added,) = on.changes
    assert isinstance(added, Added)
    assert (added.binding.username, added.binding.expires_at, added.binding.user_agent) == (
        "201",
        310.0,
        "X/1",
    )

    again = registrar.send(register_request(DESK, cseq=2, expires="300"), now=100.0)
    (refreshed,) = again.changes
    assert isinstance(refreshed, Refreshed)
    assert (refreshed.previous, refreshed.binding.expires_at) == (added.binding, 400.0)
    assert contacts(registrar.send(register_request(), now=399.5)) == [f"{DESK};expires=1"]

    off = registrar.send(register_request(f"{DESK};expires=0", cseq=3), now=399.5)
    assert (contacts(off), off.changes) == ([], (Removed(refreshed.binding, Removal.UNREGISTERED),))
    assert len(registrar.location) == 0


@pytest.mark.parametrize(
    ("allow", "takes"),
    [
        (None, True),
        ("INVITE, ACK, BYE, CANCEL", False),
        ("", False),
        ("INVITE,ACK,NOTIFY", True),
        ("notify", True),
        ("NOTIFY-X", False),
    ],
)
def test_whether_a_device_takes_a_notify(allow: str | None, takes: bool) -> None:
    (added,) = Registrar().send(register_request(DESK, allow=allow)).changes
    assert added.binding.takes_notify is takes


@pytest.mark.behaviour("P3")
def test_a_user_may_have_several_devices() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK))
    answer = registrar.send(register_request(SOFT, call_id="b"))
    assert set(contacts(answer)) == {f"{DESK};expires=3600", f"{SOFT};expires=3600"}


def test_several_contacts_in_one_request() -> None:
    registrar = Registrar()
    both = f"{DESK};q=0.2;expires=100, {SOFT};q=0.9"
    answer = registrar.send(register_request(both, "<sip:201@127.0.0.4>", expires="200"))
    assert contacts(answer) == [
        f"{DESK};q=0.2;expires=100",
        f"{SOFT};q=0.9;expires=200",
        "<sip:201@127.0.0.4>;expires=200",
    ]
    assert [str(each.contact) for each in registrar.location.lookup("201", 0.0)] == [
        "sip:201@127.0.0.4",
        "sip:201@127.0.0.3:5060;transport=UDP",
        "sip:201@127.0.0.2:5060",
    ]


def test_one_contact_goes_as_another_comes() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK))
    answer = registrar.send(register_request(f"{DESK};expires=0", SOFT, cseq=2))
    assert contacts(answer) == [f"{SOFT};expires=3600"]
    assert [type(change) for change in answer.changes] == [Removed, Added]


def test_a_contact_said_twice_counts_once_and_the_last_one_wins() -> None:
    registrar = Registrar()
    answer = registrar.send(register_request(f"{DESK};expires=100", f"{DESK};expires=200"))
    assert contacts(answer) == [f"{DESK};expires=200"]
    assert len(answer.changes) == 1


def test_a_request_without_contacts_asks_only() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK))
    answer = registrar.send(register_request(call_id="other", expires="0"))
    assert (contacts(answer), answer.changes) == ([f"{DESK};expires=3600"], ())


@pytest.mark.parametrize(
    ("contact", "header", "granted"),
    [
        (DESK, None, 1800),
        (DESK, "600", 600),
        (f"{DESK};expires=120", "600", 120),
        (f"{DESK};expires=60", None, 60),
        (DESK, "7200", 3600),
        (f"{DESK};expires=4294967295", None, 3600),
        (f"{DESK};expires=99999999999", "600", 1800),
        (f"{DESK};expires=soon", "600", 1800),
        (f"{DESK};expires=-1", "600", 1800),
        (f"{DESK};expires", "600", 1800),
        (DESK, "soon", 1800),
    ],
)
def test_how_long_a_registration_lasts(contact: str, header: str | None, granted: int) -> None:
    registrar = Registrar(Limits(default_expires=1800))
    answer = registrar.send(register_request(contact, expires=header), now=5.0)
    assert contacts(answer) == [f"{DESK};expires={granted}"]
    assert registrar.contacts(5.0 + granted - 0.1) == {"sip:201@127.0.0.2:5060"}
    assert registrar.contacts(5.0 + granted) == set()


def test_an_interval_too_brief_is_refused_as_a_whole() -> None:
    registrar = Registrar(Limits(min_expires=60.5))
    answer = registrar.send(register_request(DESK, f"{SOFT};expires=59"))
    assert (answer.code, answer.reason) == (423, "Interval Too Brief")
    assert (answer.headers, answer.changes) == ((("Min-Expires", "61"),), ())


def test_an_hour_is_never_too_brief() -> None:
    registrar = Registrar(Limits(min_expires=7200, max_expires=7200))
    assert registrar.send(register_request(f"{DESK};expires=3600")).code == 200
    assert registrar.send(register_request(f"{SOFT};expires=3599")).code == 423


def test_limits_below_a_second_are_kept() -> None:
    registrar = Registrar(Limits(min_expires=0.1, default_expires=0.5, max_expires=0.5))
    answer = registrar.send(register_request(DESK))
    assert contacts(answer) == [f"{DESK};expires=1"]
    assert registrar.contacts(0.4)
    assert not registrar.contacts(0.5)


def test_all_contacts_at_once_are_removed() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK, SOFT))
    answer = registrar.send(register_request("*", call_id="other", expires="0"))
    assert contacts(answer) == []
    assert [change.reason for change in answer.changes if isinstance(change, Removed)] == [
        Removal.UNREGISTERED
    ] * 2
    assert len(registrar.location) == 0


@pytest.mark.parametrize(
    ("values", "expires"),
    [(("*",), None), (("*",), "60"), (("*", DESK), "0"), ((f"{DESK}, *",), "0"), (("*", "*"), "0")],
)
def test_a_star_goes_only_alone_and_with_expires_0(values: tuple[str, ...], expires: str | None) -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK))
    with pytest.raises(BadMessage) as refused:
        registrar.send(register_request(*values, cseq=2, expires=expires))
    assert refused.value.code == 400
    assert len(registrar.location) == 1


@pytest.mark.parametrize("values", [(f"{DESK};expires=0",), (DESK,), (SOFT, DESK), ("*",)])
@pytest.mark.parametrize("cseq", [4, 5])
def test_a_request_overtaken_by_a_later_one_changes_nothing(values: tuple[str, ...], cseq: int) -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK, cseq=5))
    answer = registrar.send(register_request(*values, cseq=cseq, expires="0" if values == ("*",) else None))
    assert (answer.code, answer.changes) == (500, ())
    assert registrar.contacts() == {"sip:201@127.0.0.2:5060"}


def test_another_call_id_may_start_counting_again() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK, cseq=5))
    assert registrar.send(register_request(DESK, cseq=1, call_id="reborn")).code == 200
    assert registrar.send(register_request(SOFT, cseq=1)).code == 200


@pytest.mark.parametrize("to", ["202", "20", "2010", "anonymous"])
def test_only_the_own_account_can_be_registered(to: str) -> None:
    registrar = Registrar()
    answer = registrar.send(register_request(DESK, to=to))
    assert (answer.code, answer.headers, answer.changes) == (403, (), ())


def test_the_account_may_be_written_escaped() -> None:
    assert Registrar().send(register_request(DESK, to="%3201")).code == 200


def test_contacts_are_limited() -> None:
    registrar = Registrar(Limits(max_contacts=2))
    registrar.send(register_request(DESK, SOFT))
    third = "<sip:201@127.0.0.4>"
    answer = registrar.send(register_request(third, cseq=2))
    assert (answer.code, answer.changes) == (403, ())
    assert registrar.send(register_request(DESK, cseq=3)).code == 200
    assert registrar.send(register_request(f"{DESK};expires=0", third, cseq=4)).code == 200
    many = [f"<sip:201@127.0.0.5:{port}>;expires=0" for port in range(1, 6)]
    assert registrar.send(register_request(*many, cseq=5)).code == 403
    assert registrar.send(register_request(*many[:4], cseq=5)).code == 200


def test_a_lowered_limit_does_not_lock_out_who_is_there() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK, SOFT))
    registrar.limits = Limits(max_contacts=1)
    assert registrar.send(register_request(DESK, cseq=2)).code == 200


def test_the_same_contact_written_otherwise_is_the_same() -> None:
    registrar = Registrar()
    registrar.send(register_request("<sip:%3201@Phone.Example:5060;transport=UDP>"))
    answer = registrar.send(register_request("<sip:201@phone.example:5060;Transport=udp;x=1>", cseq=2))
    assert isinstance(answer.changes[0], Refreshed)
    assert registrar.contacts() == {"sip:201@phone.example:5060;transport=udp;x=1"}
    assert len(registrar.location) == 1


def test_a_rebooted_phone_replaces_its_old_binding() -> None:
    registrar = Registrar()
    registrar.send(register_request(f"<sip:201@127.0.0.2:5060>;+sip.instance={UUID};reg-id=1"))
    again = f"<sip:201@127.0.0.2:6012>;+sip.instance={UUID};reg-id=1"
    answer = registrar.send(register_request(again, call_id="reborn"))
    assert isinstance(answer.changes[0], Refreshed)
    assert contacts(answer) == [f"{again};expires=3600"]
    other = f"<sip:201@127.0.0.2:6014>;+sip.instance={UUID};reg-id=2"
    assert len(contacts(registrar.send(register_request(other, cseq=2)))) == 2


def test_two_phones_with_the_same_private_address_are_two() -> None:
    registrar = Registrar()
    one = f"<sip:201@192.168.1.10:5060>;+sip.instance={UUID};reg-id=1"
    registrar.send(register_request(one))
    other = register_request(one.replace("aabbcc", "aabbcd"), call_id="b")
    assert len(contacts(registrar.send(other, flow=NAT))) == 2


@pytest.mark.behaviour("P3")
@pytest.mark.parametrize("number", ["", ";reg-id=1"])
@pytest.mark.parametrize("off_first", [False, True])
def test_a_phone_in_another_network_signs_off_where_it_was(number: str, off_first: bool) -> None:
    """Both contacts in one request, in either order, and the same name in both: what is new stays."""
    registrar = Registrar()
    old, new = (f"{contact};+sip.instance={UUID}{number}" for contact in (DESK, SOFT))
    registrar.send(register_request(old))
    both = [new, f"{old};expires=0"]
    answer = registrar.send(register_request(*(both[::-1] if off_first else both), cseq=2), flow=NAT)
    assert contacts(answer) == [f"{new};expires=3600"]
    assert registrar.contacts() == {"sip:201@127.0.0.3:5060;transport=UDP"}


@pytest.mark.behaviour("P3")
@pytest.mark.parametrize("number", ["", ";reg-id=1"])
def test_a_phone_with_a_new_name_at_the_same_address_is_the_same(number: str) -> None:
    registrar = Registrar()
    registrar.send(register_request(f"{DESK};+sip.instance={UUID}{number}"))
    named_anew = f"{DESK};+sip.instance={UUID.replace('aabbcc', 'aabbcd')}{number}"
    answer = registrar.send(register_request(named_anew, call_id="b"))
    assert contacts(answer) == [f"{named_anew};expires=3600"]
    assert [type(change) for change in answer.changes] == [Refreshed]
    assert len(registrar.location) == 1


def test_one_binding_can_stand_for_two_old_ones() -> None:
    registrar = Registrar()
    numbered = f"{SOFT};+sip.instance={UUID};reg-id=1"
    registrar.send(register_request(DESK, numbered))
    answer = registrar.send(register_request(numbered.replace(SOFT, DESK), cseq=2))
    assert len(contacts(answer)) == 1
    assert [type(change) for change in answer.changes] == [Removed, Refreshed]
    assert len(registrar.location) == 1


def test_two_contacts_never_claim_the_same_old_binding() -> None:
    registrar = Registrar()
    registrar.send(register_request(f"{DESK};+sip.instance={UUID};reg-id=1"))
    moved = f"{SOFT};+sip.instance={UUID};reg-id=1"
    answer = registrar.send(register_request(moved, DESK, cseq=2))
    assert [type(change) for change in answer.changes] == [Refreshed, Added]
    assert set(contacts(answer)) == {f"{moved};expires=3600", f"{DESK};expires=3600"}
    assert len(registrar.location) == 2


def test_a_device_is_reached_by_the_flow_it_registered_from() -> None:
    registrar = Registrar()
    contact = "<sip:201@192.168.1.10:5060>"
    registrar.send(register_request(contact))
    registrar.send(register_request(contact, cseq=2), flow=NAT)
    (live,) = registrar.location.lookup("201", 0.0)
    assert (live.flow, str(live.contact)) == (NAT, "sip:201@192.168.1.10:5060")


EDGE, INNER = "<sip:edge.example;lr;ob>", "<sip:tok%40en@192.0.2.1:5070;lr>"


@pytest.mark.behaviour("P3")
def test_the_proxies_on_the_way_are_kept_with_each_contact_and_said_back() -> None:
    registrar = Registrar()
    answer = registrar.send(register_request(DESK, SOFT, path=(f"{INNER}, {EDGE}",)))
    assert [value for name, value in answer.headers if name == "Path"] == [INNER, EDGE]
    assert {each.path for each in registrar.location.lookup("201", 0.0)} == {(INNER, EDGE)}
    moved = registrar.send(register_request(DESK, cseq=2))
    assert not [name for name, _ in moved.headers if name == "Path"]
    paths = {str(each.contact): each.path for each in registrar.location.lookup("201", 0.0)}
    assert paths["sip:201@127.0.0.2:5060"] == ()
    assert paths["sip:201@127.0.0.3:5060;transport=UDP"] == (INNER, EDGE)


@pytest.mark.parametrize("path", ["<sip:", "", "<tel:+441632960100>", ", ".join([EDGE] * (MAX_PATH + 1))])
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    registrar = Registrar()
    with pytest.raises(BadMessage) as refused:
        registrar.send(register_request(DESK, path=(path,)))
    assert refused.value.code == 400
    assert len(registrar.location) == 0


@pytest.mark.parametrize(
    "contact", ["", "<>", "<sip:201@x", "<tel:+441632960100>", f'{DESK};x="', "sip:201@x:99999"]
)
def test_a_bad_contact_spoils_the_whole_request(contact: str) -> None:
    registrar = Registrar()
    with pytest.raises(BadMessage) as refused:
        registrar.send(register_request(DESK, contact))
    assert refused.value.code == 400
    assert len(registrar.location) == 0


def test_what_is_kept_can_always_be_printed_and_stored() -> None:
    registrar = Registrar()
    registrar.send(register_request(DESK, agent="Ph\udcf6ne\x07" + "x" * 1000))
    (live,) = registrar.location.lookup("201", 0.0)
    assert live.user_agent == "Phne" + "x" * 196
    with pytest.raises(BadMessage):
        registrar.send(register_request(SOFT, call_id="\udcff"))


NAMED = f"+sip.instance={UUID}"
steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "*",
                *(f"{each}{end}" for each in (DESK, SOFT) for end in ("", f";{NAMED}", f";{NAMED};reg-id=1")),
            ]
        ),
        st.sampled_from(["0", "60", "300", "30"]),
        st.sampled_from("ab"),
        st.integers(1, 8),
        st.integers(0, 200),
    ),
    max_size=12,
)


@given(steps)
def test_the_200_always_lists_exactly_what_is_registered(
    requests: list[tuple[str, str, str, int, int]],
) -> None:
    registrar = Registrar(Limits(max_contacts=2))
    now = 0.0
    for contact, expires, call_id, cseq, wait in requests:
        now += wait
        registrar.location.handle_timer(now)
        before = list(registrar.location)
        try:
            answer = registrar.send(
                register_request(contact, expires=expires, call_id=call_id, cseq=cseq), now=now
            )
        except BadMessage:
            answer = None
        if answer is None or answer.code != 200:
            assert list(registrar.location) == before
            continue
        live = registrar.location.lookup("201", now)
        assert sorted(contacts(answer)) == sorted(each.contact_value(now) for each in live)
        assert len(live) == len(registrar.location) <= 2
        assert not any(one.replaces(other) for one in live for other in live if one is not other)
