"""Reliable provisional responses as their receiver knows them (RFC 3262 §4): early dialogs, what each has said."""

from __future__ import annotations

from b2bua.sip.dialogs.dialog import Dialog, dialog_of_response
from b2bua.sip.text.address import Address
from b2bua.sip.text.capabilities import RELIABLY
from b2bua.sip.text.compose import Header
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.flow import Flow
from b2bua.sip.text.message import Request, Response

MAX_BRANCHES = 32
"""Early dialogs of one INVITE; more places than that do not ring at once, and whoever says so wears us out."""


class EarlyDialog:
    """A place downstream that answered reliably. `heard` is the RSeq that was acknowledged last.

    `described` is its answer to our offer, or its own later offer, once there was one. Other descriptions in its
    responses mean nothing then, and there may be none (RFC 3261 §13.2.1).
    """

    __slots__ = ("described", "dialog", "heard")

    def __init__(self, dialog: Dialog, response: Response) -> None:
        self.dialog = dialog
        self.described: bytes | None = None
        self.hear(response)

    def hear(self, response: Response) -> None:
        """Take a response that is acknowledged."""
        self.heard = rseq(response)
        self.described = self.described or response.sdp


class EarlyDialogs:
    """The early dialogs of one INVITE of ours by their To tags: each counts its responses by itself."""

    __slots__ = ("_by_tag",)

    def __init__(self) -> None:
        self._by_tag: dict[str, EarlyDialog] = {}

    def __len__(self) -> int:
        return len(self._by_tag)

    def of(self, tag: str) -> EarlyDialog | None:
        """The dialog with this peer."""
        return self._by_tag.get(tag)

    def sdp(self, response: Response) -> bytes | None:
        """What a response that carries a description, or ends the INVITE, says about sound."""
        early = self._by_tag.get(response.to.tag or "")
        return response.sdp if early is None else early.described or response.sdp

    def offered(self, update: Request) -> None:
        """An UPDATE's offer was answered."""
        if (early := self._by_tag.get(update.from_.tag or "")) is not None:
            early.described = update.sdp

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
            early = EarlyDialog(dialog_of_response(draft, local, response, flow), response)
            self._by_tag[tag] = early
            return early.dialog
        if number != early.heard + 1:
            return None
        early.hear(response)
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
