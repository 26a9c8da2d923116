"""The platform's limits and codes, as configured: what calls keep to, and what may be saved."""

from __future__ import annotations

from b2bua.callplan.codes import EMERGENCY_CODES, Codes
from b2bua.callplan.situation import Limits
from config.settings import Settings


def limits_of(settings: Settings) -> Limits:
    """What the plans of live calls and of `ringplan explain` keep to."""
    calls, emergency = settings.calls, settings.emergency
    return Limits(
        calls.max_unanswered,
        calls.keep_ringing,
        calls.engaged_tone,
        calls.trunk_silence,
        calls.redirect,
        calls.redirected,
        emergency.number,
        codes_of(settings),
    )


def codes_of(settings: Settings) -> Codes:
    """The platform's own codes, which are nobody's extension and which nobody's calls are redirected to."""
    return Codes(EMERGENCY_CODES.union(settings.emergency.codes), frozenset(settings.voicemail.access_codes))
