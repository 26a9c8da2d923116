"""What the uses of dialogs share: the transaction layer, time, tokens, our Contact, and the table of the dialogs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from b2bua.sip.dialogs.dialog import Dialog, DialogId
from b2bua.sip.text.body import SDP
from b2bua.sip.text.capabilities import ALLOW, ALLOW_EVENTS
from b2bua.sip.text.compose import Header
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request
from b2bua.sip.transactions.layer import TransactionLayer
from b2bua.sip.transactions.sender import Wire
from b2bua.sip.transactions.server_transaction import RequestUser
from b2bua.sip.transactions.timers import TimerQueue, Timers


class Usage(RequestUser, Protocol):
    """One use of a dialog (RFC 5057 §2): an INVITE session, or a subscription.

    Several uses may share a dialog: its tags, target, route and sequence numbers. Each begins and ends by itself.
    """

    def dialog_with(self, remote_tag: str) -> Dialog | None:
        """The dialog with the peer of this tag, if there is one (RFC 3261 §12.2.2)."""

    def takes(self, request: Request) -> bool:
        """Whether a request in its dialog is for this use, where there are others (RFC 5057 §4.2)."""

    def on_dialog_gone(self, now: float) -> None:
        """The dialog is no more, with all its uses (RFC 5057 §5.1): a request about another one was refused so."""


class Endpoint:
    """One SIP endpoint below its core. `name` says in User-Agent what we are."""

    __slots__ = ("_name", "_usages", "layer", "queue", "timers", "token", "wire")

    def __init__(
        self,
        layer: TransactionLayer,
        wire: Wire,
        timers: Timers,
        queue: TimerQueue,
        token: Callable[[], str],
        name: str,
    ) -> None:
        self.layer = layer
        self.wire = wire
        self.timers = timers
        self.queue = queue
        self.token = token
        self._name = name
        self._usages: dict[DialogId, tuple[Usage, ...]] = {}

    # What we say of ourselves

    def contact(self, flow: Flow) -> Header:
        """Our Contact on a flow: always our own address, never anybody else's."""
        name = flow.transport.uri_param
        transport = f";transport={name}" if name else ""
        return "Contact", f"<sip:{self.wire.advertised(flow)}{transport}>"

    def session_headers(self, flow: Flow, body: bytes | None, content_type: str = SDP) -> tuple[Header, ...]:
        """The headers of every INVITE, UPDATE and their 2xx (RFC 3261 §13.2.1, §13.3.1.4).

        What we support is said in addition where a call begins: a re-INVITE is not to be answered reliably.
        """
        content = (("Content-Type", content_type),) if body else ()
        return (self.contact(flow), ("User-Agent", self._name), *ALLOW, *ALLOW_EVENTS, *content)

    # The dialogs and their uses

    def add(self, dialog_id: DialogId, usage: Usage) -> None:
        """Requests in this dialog may be for this use."""
        usages = self._usages.get(dialog_id, ())
        if usage not in usages:
            self._usages[dialog_id] = (*usages, usage)

    def remove(self, dialog_id: DialogId, usage: Usage) -> None:
        """This use of the dialog is over. The dialog lives as long as another does (RFC 5057 §4.1)."""
        usages = self._usages.get(dialog_id, ())
        if usages == (usage,):
            del self._usages[dialog_id]
        elif usage in usages:
            self._usages[dialog_id] = tuple(other for other in usages if other is not usage)

    def dialog_gone(self, dialog: Dialog, now: float) -> None:
        """The peer's refusal of a request ends the dialog: so do all its uses that are left."""
        for usage in self._usages.get(dialog.id, ()):
            if usage.dialog_with(dialog.remote_tag) is not None:
                usage.on_dialog_gone(now)

    def usage_of(self, request: Request, local_tag: str) -> Usage | None:
        """The use of a dialog that a request is for, by Call-ID, both tags, and what it asks (RFC 3261 §12.2.2).

        Where none takes it, the dialog's oldest use refuses it.
        """
        usages = self._usages.get((request.call_id, local_tag), ())
        remote_tag = request.from_.tag or ""
        oldest = None
        for usage in usages:
            if usage.dialog_with(remote_tag) is not None:
                if len(usages) == 1 or usage.takes(request):
                    return usage
                oldest = oldest or usage
        return oldest

    def count(self, kind: type) -> int:
        """How many uses of this kind there are."""
        return sum(isinstance(usage, kind) for usages in self._usages.values() for usage in usages)
