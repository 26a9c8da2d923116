"""Where a caller says to be: what is taken from its INVITE, and how ours says it."""

from __future__ import annotations

from b2bua.sip.bodies.location import MOST, Location, location_of
from b2bua.sip.text.body import Kind, Part, read_body, write_multipart
from b2bua.sip.text.message import Request
from tests.sip.multiparts import LOCATION, TYPES, mixed, part


def invite(content_type: str, body: bytes, **headers: str | list[str]) -> Request:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("INVITE", "sip:999@h", {"content-type": content_type, **names}, body)


def test_a_document_and_an_address() -> None:
    located = part(LOCATION, TYPES["location"], "Content-ID: <mine@192.0.2.1>")
    request = invite(
        *mixed(part(b"v=0", TYPES["sdp"]), located),
        geolocation=["<cid:mine@192.0.2.1>;inserted-by=x", "<https://where.example/a?b=c>, <mailto:x@y>"],
        geolocation_routing="Yes",
    )
    location = location_of(request)
    assert location == Location(
        (Part("application/pidf+xml", LOCATION, content_id="mine@192.0.2.1"),),
        ("https://where.example/a?b=c",),
        "yes",
    )
    headers, parts = location.sent_as("192.0.2.100", "t1")
    assert headers == (
        ("Geolocation", "<cid:t1.1@192.0.2.100>, <https://where.example/a?b=c>"),
        ("Geolocation-Routing", "yes"),
    )
    body = read_body(write_multipart(parts, "t2")[1], "multipart/mixed;boundary=t2", None, None)
    found = body.first(Kind.LOCATION)
    assert found == Part("application/pidf+xml", LOCATION, "render", "optional", "t1.1@192.0.2.100")


def test_a_document_needs_no_header_and_an_address_no_document() -> None:
    alone = location_of(invite(TYPES["location"], LOCATION))
    assert alone is not None and len(alone.documents) == 1 and alone.routing == ""
    assert alone.sent_as("h", "t")[0] == (("Geolocation", "<cid:t.1@h>"),)
    named = location_of(invite("application/sdp", b"v=0", geolocation="<pres:anna@where.example>"))
    assert named is not None and named.sent_as("h", "t") == (
        (("Geolocation", "<pres:anna@where.example>"),),
        (),
    )


def test_no_location() -> None:
    assert location_of(invite("application/sdp", b"v=0")) is None
    for value in ("", "cid:x", "<cid:x@y>", "<cid:x", '"<sip:', "<http://a b>", "<tel:1>"):
        assert (
            location_of(invite("application/sdp", b"v=0", geolocation=value, geolocation_routing="maybe"))
            is None
        )


def test_only_so_much_travels_on() -> None:
    located = part(LOCATION, TYPES["location"])
    many = ", ".join(f"<sip:{n}@where.example>" for n in range(90))
    location = location_of(invite(*mixed(*[located] * 9), geolocation=many))
    assert location is not None and len(location.documents) == len(location.references) == MOST
