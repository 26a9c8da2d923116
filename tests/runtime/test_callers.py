"""Who calls: by address, by credentials, and by what a carrier asserts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from b2bua.callplan.causes import Cause
from b2bua.callplan.codes import Codes
from b2bua.callplan.journey import Diversion
from b2bua.callplan.settings import Customer, Trunk, User
from b2bua.callplan.situation import Caller
from b2bua.registrar.location import Location
from b2bua.runtime.callers import Callers, Calling
from b2bua.runtime.directory import Directory, LiveDevices
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request
from b2bua.sip.text.transport import Transport
from provisioning.store.directory import Account
from provisioning.store.directory import Directory as Reading

OURS = SocketAddress("192.0.2.1", 5060)
CARRIER = Flow(Transport.UDP, OURS, SocketAddress("192.0.2.9", 5060))
ELSEWHERE = Flow(Transport.UDP, OURS, SocketAddress("198.51.100.7", 5060))
CALLER, CALLED = "+441632960200", "+441632960101"
ANNA = User(1, 1, "Anna", "anna@acme.example", "201", (CALLED,), CALLED)
TRUNK = Trunk(
    1, "carrier", "192.0.2.9", allow_from=("192.0.2.9",), username="ringplan", anonymous_code=403, nat="never"
)


class Invite:
    """What `identify` needs of a transaction."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.codes: list[int] = []

    def respond(self, code: int, now: float) -> None:
        self.codes.append(code)


class Desk:
    """Callers with a directory of one user and one trunk; `proves` is who a challenged request proves to be."""

    def __init__(self, user: User = ANNA, proves: str | None = None) -> None:
        account = cast(Account, SimpleNamespace(username="anna", user_id=1, nat="always"))
        reading = cast(
            Reading,
            SimpleNamespace(
                version=1,
                customers=(Customer(1, "Acme Ltd", numbers=(CALLED,)),),
                users=(user,),
                trunks=(TRUNK,),
                blocked=(),
                accounts=(account,),
            ),
        )
        self.challenged = 0
        self.proven: list[Flow] = []
        self.proves = proves

        def authenticate(*_: object) -> str | None:
            self.challenged += 1
            return self.proves

        codes = Codes(frozenset({"999", "555"}))
        devices = LiveDevices(Directory(reading), Location(), {}, lambda hop: False)
        self.callers = Callers(devices, authenticate, self.proven.append, codes)

    def identify(
        self,
        flow: Flow = CARRIER,
        *,
        uri: str = "sip:441632960101@192.0.2.1",
        from_: str = "<sip:441632960200@c.example>;tag=1",
        **headers: str,
    ) -> Calling | None:
        named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request("INVITE", uri, {"from": from_, "to": "<sip:441632960101@192.0.2.1>", **named}, b"")
        self.invite = Invite(flow)
        return self.callers.identify(cast(Any, self.invite), request, 0.0)


def from_carrier(**keys: Any) -> Calling:
    found = Desk().identify(**keys)
    assert found is not None
    return found


@pytest.mark.behaviour("I5")
def test_a_device_is_challenged_even_from_a_carriers_address() -> None:
    desk = Desk()
    assert desk.identify(from_="<sip:anna@192.0.2.1>;tag=1") is None
    assert desk.challenged == 1 and not desk.proven and not desk.invite.codes


def test_a_carrier_at_its_address_is_not_challenged() -> None:
    desk = Desk()
    assert desk.identify() == Calling(
        Caller(CALLER, network=CALLER, anonymous_code=403), CALLED, trunk=TRUNK, nat="never"
    )
    assert not desk.challenged and desk.proven == [CARRIER]


def test_a_carrier_elsewhere_proves_itself_by_its_username() -> None:
    desk = Desk(proves="ringplan")
    found = desk.identify(ELSEWHERE)
    assert found is not None and found.trunk == TRUNK and desk.challenged == 1
    assert Desk().identify(ELSEWHERE) is None


@pytest.mark.behaviour("M5")
def test_whether_its_addresses_are_believed_is_its_own_setting() -> None:
    device, carrier = Desk(proves="anna").identify(ELSEWHERE), Desk(proves="ringplan").identify(ELSEWHERE)
    assert device is not None and device.nat == "always"
    assert carrier is not None and carrier.nat == "never"


def test_who_proves_to_be_nobody_known_is_refused() -> None:
    desk = Desk(proves="gone")
    assert desk.identify(ELSEWHERE) is None
    assert desk.invite.codes == [403]


@pytest.mark.behaviour("I7")
def test_whom_a_carrier_brings() -> None:
    found = from_carrier(p_asserted_identity="<tel:+441632960201>", privacy="id")
    assert found.caller == Caller(CALLER, withheld=True, network="+441632960201", anonymous_code=403)


@pytest.mark.parametrize(
    ("uri", "to", "dialled"),
    [
        ("tel:01632960101;phone-context=+44", None, CALLED),
        ("sip:1632960101;phone-context=+44@192.0.2.1;user=phone", None, CALLED),
        ("sip:ringplan@192.0.2.1", "<tel:1632960101;phone-context=+44>", CALLED),
        ("sip:441632960101;phone-context=192.0.2.9@192.0.2.1", None, CALLED),
        ("tel:441632960101;phone-context=c.example", None, "441632960101;phone-context=c.example"),
        ("sip:ringplan@192.0.2.1", "<tel:201;phone-context=+44>", "201;phone-context=+44"),
    ],
)
def test_which_number_a_carrier_calls(uri: str, to: str | None, dialled: str) -> None:
    headers = {} if to is None else {"to": to}
    assert from_carrier(uri=uri, **headers).dialled == dialled


@pytest.mark.behaviour("I6", "E1")
@pytest.mark.parametrize(
    ("uri", "dialled"),
    [
        ("tel:202;phone-context=acme.example", "202"),
        ("tel:202;phone-context=other.example", "202;phone-context=other.example"),
        ("tel:202;phone-context=+44", "202;phone-context=+44"),
        ("tel:999;phone-context=other.example", "999"),
        ("tel:555;phone-context=other.example", "555"),
    ],
)
def test_which_number_a_device_calls(uri: str, dialled: str) -> None:
    found = Desk(proves="anna").identify(ELSEWHERE, uri=uri, from_="<sip:anna@ACME.example>;tag=1")
    assert found is not None and found.dialled == dialled


@pytest.mark.behaviour("D7")
def test_a_calls_way_and_our_marker_are_read() -> None:
    found = from_carrier(diversion="<sip:441632960300@c.example>;reason=user-busy", x_ringplan="m-1")
    assert (found.marker, found.diversions) == ("m-1", (Diversion("+441632960300", Cause.BUSY),))


def test_a_call_to_the_contact_we_registered_is_for_who_stands_in_to() -> None:
    assert from_carrier(uri="sip:ringplan@192.0.2.1").dialled == CALLED


@pytest.mark.behaviour("I4", "I5")
@pytest.mark.parametrize(
    ("switch", "headers", "withheld"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"privacy": "id"}, True),
        (True, {"privacy": "none"}, True),
    ],
)
def test_a_device_is_its_user_whatever_it_says(switch: bool, headers: dict[str, str], withheld: bool) -> None:
    user = replace(ANNA, withhold_number=switch)
    desk = Desk(user, proves="anna")
    found = desk.identify(
        ELSEWHERE,
        uri="sip:202@192.0.2.1",
        p_asserted_identity="<tel:+441632960300>",
        x_ringplan="m",
        **headers,
    )
    assert found == Calling(Caller("201", "Anna", withheld, 1, 1, CALLED), "202", user=user, nat="always")
