"""Users are found by name, and never the wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.company.known import KnownUser, KnownUsers, NoSuchUser, SeveralUsers

ANNA = KnownUser(1, "Anna", "anna@acme.example", "201", "Acme Ltd")
LIFT = KnownUser(2, "Lift", None, "204", "Acme Ltd")
OTHER_ANNA = KnownUser(3, "Anna", "anna@acme.example", "201", "Beta")
CLEO = KnownUser(4, "Cleo", "cleo@beta.example", None, "Beta")
USERS = KnownUsers([ANNA, LIFT, OTHER_ANNA, CLEO])


@pytest.mark.behaviour("P8")
@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("cleo@beta.example", CLEO),
        ("Cleo@Beta.Example", CLEO),
        ("204", LIFT),
        (" 204@acme ltd ", LIFT),
        ("anna@acme.example@Acme Ltd", ANNA),
        ("201@beta", OTHER_ANNA),
        ("id:2", LIFT),
    ],
)
def test_a_user_is_found_by_email_or_extension_and_customer(name: str, who: KnownUser) -> None:
    assert USERS.find(name) is who


@pytest.mark.parametrize("name", ["dora@acme.example", "999", "204@Beta", "Anna", "", "@Acme Ltd", "id:9"])
def test_whoever_there_is_none_of_is_said(name: str) -> None:
    with pytest.raises(NoSuchUser, match=rf"^There is no user {name}\.$") as error:
        USERS.find(name)
    assert not isinstance(error.value, SeveralUsers)


@pytest.mark.behaviour("P8")
def test_whoever_is_ambiguous_is_refused_with_how_to_say_it() -> None:
    with pytest.raises(SeveralUsers) as error:
        USERS.find("201")
    assert str(error.value) == (
        '201 may be any of 2 users. Say which one: "anna@acme.example@Acme Ltd" or anna@acme.example@Beta.'
    )
    many = KnownUsers(KnownUser(n, "X", None, "201", f"C{n}") for n in range(9))
    with pytest.raises(SeveralUsers, match=r"9 users. Say which one: 201@C0, 201@C1, .*201@C4, …\.$"):
        many.find("201")


def test_the_name_shown_is_the_shortest_that_is_nobody_elses() -> None:
    assert [USERS.name_of(user) for user in (1, 2, 4, 9)] == [
        "anna@acme.example@Acme Ltd",
        "204",
        "cleo@beta.example",
        None,
    ]


SHORT = st.sampled_from(["a@b", "1", "1@b", "12"])
PEOPLE = st.lists(
    st.tuples(st.none() | SHORT, st.none() | SHORT, st.sampled_from(["b", "B@b", "b@1"])), max_size=6
)


@given(PEOPLE)
def test_the_name_shown_always_finds_its_user(people: list[tuple[str | None, str | None, str]]) -> None:
    users = [KnownUser(n, "X", *of) for n, of in enumerate(people)]
    known = KnownUsers(users)
    for user in users:
        name = known.name_of(user.id)
        assert name is not None and known.find(name) is user
