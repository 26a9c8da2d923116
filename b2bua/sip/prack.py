"""Reliable provisional responses as their receiver knows them (RFC 3262 §4): early dialogs, and the RSeq of each."""

from __future__ import annotations

from b2bua.sip.address import Address
from b2bua.sip.compose import Header
from b2bua.sip.dialog import Dialog, dialog_of_response
from b2bua.sip.draft import Draft
from b2bua.sip.flow import Flow
from b2bua.sip.message import Response
from b2bua.sip.reliable import RELIABLY

MAX_BRANCHES = 32
"""Early dialogs of one INVITE; more places than that do not ring at once, and whoever says so wears us out."""


class EarlyDialog:
    """A place downstream that answered reliably. `heard` is the RSeq that was acknowledged last."""

    __slots__ = ("dialog", "heard")

    def __init__(self, dialog: Dialog, heard: int) -> None:
        self.dialog = dialog
        self.heard = heard


class EarlyDialogs:
    """The early dialogs of one INVITE of ours by their To tags: each counts its responses by itself."""

    __slots__ = ("_by_tag",)

    def __init__(self) -> None:
        self._by_tag: dict[str, EarlyDialog] = {}

    def __len__(self) -> int:
        return len(self._by_tag)

    def of(self, tag: str) -> Dialog | None:
        """The dialog with this peer."""
        early = self._by_tag.get(tag)
        return None if early is None else early.dialog

    def hear(self, response: Response, draft: Draft, local: Address, flow: Flow) -> Dialog | None:
        """The dialog in which this reliable response is acknowledged; `None`: it is no news (§4).

        That is one which came before, and one whose predecessor is missing: it will come again. Raises BadMessage
        (400) where there is no way to the peer.
        """
        number, tag = rseq(response), response.to.tag or ""
        early = self._by_tag.get(tag)
        if early is None:
            if len(self._by_tag) >= MAX_BRANCHES:
                return None
            early = self._by_tag[tag] = EarlyDialog(dialog_of_response(draft, local, response, flow), number)
            return early.dialog
        if number != early.heard + 1:
            return None
        early.heard = number
        return early.dialog

    def confirm(self, dialog: Dialog) -> None:
        """A 2xx made this dialog: it counts on from where the early one was (RFC 3261 §13.2.2.4)."""
        early = self._by_tag.get(dialog.remote_tag)
        if early is not None:
            dialog.local_cseq, dialog.remote_cseq = early.dialog.local_cseq, early.dialog.remote_cseq
            early.dialog = dialog


def rseq(response: Response) -> int:
    """The number of a reliable provisional response; 0 for one that is not (§4). Raises BadMessage (400)."""
    if response.get("rseq") is None or response.code == 100 or RELIABLY not in response.tokens("require"):
        return 0
    return response.integer("rseq", 0) if response.to.tag else 0


def rack(response: Response) -> Header:
    """What a PRACK says of the response it is for (§7.2)."""
    number, method = response.cseq
    return "RAck", f"{rseq(response)} {number} {method}"
