"""The figures of a node, by the names under which Prometheus gets them."""

from __future__ import annotations

from collections.abc import Iterable

from b2bua.runtime.heap import blocks_in_use, bytes_in_use
from b2bua.runtime.signalling import Signalling


class NodeFigures:
    """The `Figures` of one node, read from its live parts when somebody asks."""

    def __init__(self, node: Signalling) -> None:
        self._node = node

    def gauges(self) -> Iterable[tuple[str, str, float]]:
        """What goes up and down."""
        layer = self._node.agent.layer
        return (
            ("ringplan_calls", "Calls in progress.", len(self._node.book)),
            ("ringplan_connections", "TCP connections.", self._node.wires.connections),
            ("ringplan_legs", "Dialogs of calls in progress.", self._node.agent.sessions),
            ("ringplan_transactions", "SIP transactions.", len(layer)),
            ("ringplan_timers", "Deadlines queued, cancelled ones included.", self._node.deadlines),
            ("ringplan_registrations", "Registered contacts.", len(self._node.location)),
            (
                "ringplan_subscriptions",
                "Devices that subscribe to message waiting.",
                self._node.agent.subscriptions,
            ),
            ("ringplan_relay_sessions", "Open relay sessions.", self._node.media.relay.sessions),
            ("ringplan_media_workers", "Media workers.", self._node.media.pool.workers),
            ("ringplan_media_workers_spare", "Media workers without a session.", self._node.media.pool.spare),
            ("ringplan_media_sessions", "Sessions in mailboxes.", self._node.media.pool.sessions),
            ("ringplan_write_backlog", "Calls and bindings not on disk yet.", self._node.writer.backlog),
            (
                "ringplan_memory_blocks",
                "Pieces of memory that Python's objects are made of.",
                blocks_in_use(),
            ),
            ("ringplan_memory_bytes", "Bytes in use of larger pieces of memory.", bytes_in_use()),
            (
                "ringplan_loop_delay_seconds",
                "Worst event-loop delay since the last scrape.",
                self._node.delay.take_worst(),
            ),
        )

    def labelled_gauges(self) -> Iterable[tuple[str, str, str, dict[str, float]]]:
        """What goes up and down, several of a kind."""
        return (
            (
                "ringplan_trunk_up",
                "Trunks: 1 where it is there, 0 where it is down.",
                "trunk",
                self._node.trunks.up(),
            ),
            (
                "ringplan_trunk_registered",
                "Trunks that register: 1 where they are registered.",
                "trunk",
                self._node.trunks.registered(),
            ),
        )

    def counters(self) -> Iterable[tuple[str, str, str, dict[str, int]]]:
        """What only grows."""
        return (
            ("ringplan_calls_ended", "Calls that ended, by outcome.", "outcome", self._node.book.ended),
            (
                "ringplan_messages_refused",
                "Messages not handled: no usable SIP, too many at a time, or from who guessed passwords.",
                "reason",
                {"malformed": self._node.telephony.refused, **self._node.gate.unheard},
            ),
            ("ringplan_auth_failed", "Credentials refused, by reason.", "reason", self._node.gate.failed),
            ("ringplan_auth_blocked", "Silences that began.", "kind", {"silence": self._node.gate.blocked}),
        )
