"""The torture messages of RFC 4475 and RFC 5118, each with its answer."""

from __future__ import annotations

from tests.sip.torture.applications import APPLICATIONS
from tests.sip.torture.expectation import Torture
from tests.sip.torture.invalid import INVALID
from tests.sip.torture.invalid_values import INVALID_VALUES
from tests.sip.torture.ipv6 import IPV6
from tests.sip.torture.layers import LAYERS
from tests.sip.torture.valid import VALID
from tests.sip.torture.valid_messages import VALID_MESSAGES

CASES: tuple[Torture, ...] = (
    *VALID,
    *VALID_MESSAGES,
    *INVALID,
    *INVALID_VALUES,
    *LAYERS,
    *APPLICATIONS,
    *IPV6,
)
