"""The company that the plan tests share: Acme Ltd with four users, and a neighbour with one."""

from __future__ import annotations

from datetime import UTC, datetime

from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan, decide
from b2bua.callplan.question import Asked
from b2bua.callplan.settings import Action, Customer, Treatment, Trunk, User
from b2bua.callplan.situation import Caller, Limits, Situation

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FREE = Situation(NOON)
BUSY = Situation(NOON, busy=True)
UNREGISTERED = Situation(NOON, registered=False)

KEEP_RINGING = Treatment(Action.KEEP_RINGING, after=20)
VOICEMAIL = Treatment(Action.VOICEMAIL, after=20)
ENGAGED_TONE = Treatment(Action.ENGAGED_TONE)
VOICEMAIL_AT_ONCE = Treatment(Action.VOICEMAIL)

ACME = Customer(1, "Acme Ltd", numbers=("+441632960100", "+441632960101", "+441632960102", "+441632960103"))
OTHER = Customer(2, "Widgets Ltd", numbers=("+441632960200",))

RECEPTION = User(
    10,
    1,
    "Reception",
    "reception@acme.example",
    extension="201",
    numbers=("+441632960101",),
    default_number="+441632960101",
    not_answered=VOICEMAIL,
)
WORKSHOP = User(
    11,
    1,
    "Workshop",
    "workshop@acme.example",
    extension="202",
    numbers=("+441632960103",),
    default_number="+441632960103",
)
SALES = User(
    20,
    2,
    "Sales",
    "sales@widgets.example",
    extension="201",
    numbers=("+441632960200",),
    default_number="+441632960200",
)

NUMBERING = Numbering.of((ACME, OTHER), (RECEPTION, WORKSHOP, SALES))


TRUNK = Trunk(1, "Carrier", "192.0.2.1")
BLOCKED = "+441632960777"


def decided(
    user: User,
    customer: Customer,
    caller: Caller,
    situation: Situation,
    limits: Limits | None = None,
    *,
    journey: Journey | None = None,
    trunks: tuple[Trunk, ...] = (TRUNK,),
) -> Plan:
    """What becomes of a call to one user of a customer; the workshop and the neighbour are there too."""
    numbering = Numbering.of((customer, OTHER), (user, WORKSHOP, SALES), trunks, (BLOCKED,))
    way = journey or Journey("201", visited=(user.id,))
    return decide(Asked(user, caller, way, situation, limits or Limits(), numbering))
