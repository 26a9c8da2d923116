"""Which number a URI names (RFC 3966; for `sip:` RFC 3261 §19.1.6): the one reader, whatever header it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers

from b2bua.callplan.classes import is_allotted
from b2bua.callplan.codes import USUAL, Codes
from b2bua.callplan.dialling import e164, is_service_code, without_prefix, without_separators
from b2bua.sip.text.uri import Params, Uri, write_params

_GLOBAL = re.compile(r"\+[0-9]{1,15}")
_NO_COUNTRY = ("ZZ", "001")


def dialled(uri: Uri, country: str, domains: Iterable[str] = (), codes: Codes = USUAL) -> str:
    """What a URI names, as it would be dialled in a country (ISO 3166-1 alpha-2): a number, an extension or a code.

    A local number means something in its phone-context only: within a country or an area, or in a domain, which must be
    the URI's own or one of `domains`. What has no meaning here comes back whole, with its parameters, and nobody has
    anything by that name. An emergency code keeps its meaning in every context. Parameters of a number that do not
    change whom it reaches (isub, ext, postd, …) are left out.
    """
    text, params = _subscriber(uri)
    context = next((value or "" for name, value in params if name == "phone-context"), None)
    digits = without_separators(text)
    prefix, bare = without_prefix(digits)
    if bare in codes.emergency:
        return digits
    # RFC 3966 §5.4: who does not know a mandatory parameter must not use the URI.
    known = not any(name.startswith("m-") for name, _ in params)
    if known and (context is None or digits.startswith("+")):
        return text
    if known and context is not None and bare:
        if not context.startswith("+"):
            if context.lower() in {domain.lower() for domain in (uri.host, *domains) if domain}:
                return text
        elif (named := _within(without_separators(context), bare, country, codes)) is not None:
            return prefix + named
    return text + (write_params(params) or ";")


def _subscriber(uri: Uri) -> tuple[str, Params]:
    """The number and its parameters. In a `sip:` URI they stand in the user part; some devices put them behind it."""
    if uri.scheme == "tel":
        return uri.user or "", uri.params
    text, *rest = (uri.user or "").split(";")
    inside = tuple((name.lower(), value) for name, _, value in (part.partition("=") for part in rest))
    return text, (*inside, *(pair for pair in uri.params if pair[0] == "phone-context"))


def _within(context: str, digits: str, country: str, codes: Codes) -> str | None:
    """A local number of a country or an area, in E.164 or as a code; `None` where it has no meaning.

    RFC 3966 §5.1.5: that both together are a number is chance, so it has to be one that the plan allots.
    """
    if not _GLOBAL.fullmatch(context):
        return None
    code = int(context[1:])
    region = country
    if code != phonenumbers.country_code_for_region(country):
        region = phonenumbers.region_code_for_country_code(code)
    whole = e164(context + digits, None)
    if whole is not None and not is_allotted(whole):
        whole = None
    if region in _NO_COUNTRY:
        return whole
    if is_service_code(digits) or digits in codes.access:
        return digits if region == country else None
    return e164(digits, region) or whole
