"""Calls."""

from __future__ import annotations

from config.events.event import Event

EVENTS = (
    Event("call.answered", "info", "A device or somebody elsewhere took the call.", ("device", "trunk")),
    Event(
        "call.deflected",
        "info",
        "A phone that rang says who is to be called instead (302): that is its user's redirect.",
        ("device",),
    ),
    Event(
        "call.device_failed", "info", "A device refused the call or cannot be reached.", ("code", "device")
    ),
    Event(
        "call.ended",
        "info",
        "The call is over; `seconds` counts from its INVITE.",
        ("code", "hung_up_by", "outcome", "seconds"),
    ),
    Event(
        "call.redirected",
        "info",
        "A redirect of user `by` takes the call to user `to`.",
        ("by", "cause", "to"),
    ),
    Event(
        "call.redirects_exhausted",
        "info",
        "As many calls of user `by` are redirected elsewhere as calls.redirected allows: this one is not.",
        ("by",),
    ),
    Event("call.rejoined", "info", "The call has sound again after the relay was restarted.", ()),
    Event("call.restored", "info", "A call that was answered before the start goes on.", ()),
    Event(
        "call.snapshot_dropped",
        "error",
        "What was kept of a call cannot be used: a restart of signalling ends or has ended it.",
        ("reason",),
    ),
    Event("call.ringing", "info", "The caller hears that it rings.", ()),
    Event(
        "call.silent",
        "warning",
        "No sound came from either side for media.silence_timeout: the call is ended.",
        (),
    ),
    Event(
        "call.started",
        "info",
        "A call arrived and its plan is made; `rule` decided it.",
        ("called_user", "dialled", "rule"),
    ),
    Event(
        "call.trunk_failed",
        "info",
        "A trunk refused the call or, where there is no code, said nothing; the next one is tried, if any.",
        ("code", "trunk"),
    ),
    Event("call.step", "info", "The next step of the plan begins, on this cause.", ("cause", "step")),
    Event(
        "emergency.called",
        "info",
        "Somebody calls an emergency number; `number` is shown, and reaches its user for an hour whatever is set.",
        ("code", "number"),
    ),
)
