"""Reading messages, well-formed, odd and broken."""

from __future__ import annotations

import time

import pytest

from b2bua.sip.text import message
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import BadRequest, Request, Response, canonical, parse_message
from b2bua.sip.text.via import Via
from tests.sip.messages import request, response_to


def read(text: str) -> Request | Response:
    message = parse_message(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape"))
    message.check()
    return message


# RFC 4475 §3.1.1.1, "a short tortuous INVITE", rewritten with example values.
TORTUOUS = (
    """INVITE sip:vivekg@chair.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

"""
    + "x" * 150
)


def test_tortuous_invite() -> None:
    message = read(TORTUOUS)
    assert isinstance(message, Request)
    assert message.method == "INVITE"
    assert message.cseq == (9, "INVITE")
    assert message.to.tag == "1918181833n"
    assert message.from_.tag == "98asjd8"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.integer("max-forwards", 70) == 68
    assert message.via.host == "192.0.2.2" and message.via.branch == "390skdjuw"
    assert len(message.values("via")) == 3
    assert str(message.contact) == "sip:jdrosen@example.com"
    assert message.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.sdp == b"x" * 150


def test_compact_forms() -> None:
    message = read(
        "BYE sip:a@b SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKa\nf: <sip:a@b>;tag=1\nt: <sip:c@d>\ni: id\n"
        "CSeq: 7 BYE\nm: <sip:m@n>\nl: 2\nc: Application/SDP; charset=x\nk: timer, 100REL\n\nhi"
    )
    assert message.call_id == "id" and message.contact is not None and message.sdp == b"hi"
    assert message.content.parts[0].media_type == "application/sdp"
    assert message.tokens("supported") == {"timer", "100rel"}


def test_lines_and_lists_are_one_list() -> None:
    message = read(
        "BYE sip:a@b SIP/2.0\nVia: SIP/2.0/UDP one;branch=z9hG4bKa, SIP/2.0/UDP two\nVia: SIP/2.0/TCP three\n"
        'From: "a, b" <sip:a@b;x=1,2>;tag=1\nTo: <sip:c@d>\nCall-ID: id\nCSeq: 7 BYE\n'
        'Contact: "x, y" <sip:a@b>, <sip:c@d>\n\n'
    )
    assert [Via(text).host for text in message.values("via")] == ["one", "two", "three"]
    assert message.from_.display == "a, b"
    assert [str(each.uri) for each in message.addresses("contact")] == ["sip:a@b", "sip:c@d"]
    assert message.lines("via") == ["SIP/2.0/UDP one;branch=z9hG4bKa, SIP/2.0/UDP two", "SIP/2.0/TCP three"]
    assert message.lines("route") == [] and message.values("route") == []


def test_the_body_ends_where_content_length_says() -> None:
    data = request(body=b"12345", headers=()) + b"rest"
    message = parse_message(data)
    assert message.body == b"12345"


def test_without_content_length_the_datagram_is_the_body() -> None:
    message = read(
        "BYE sip:a@b SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: i\nCSeq: 7 BYE\n\nall"
    )
    assert message.body == b"all"


def test_line_ends_before_the_start_line_are_skipped() -> None:
    assert isinstance(parse_message(b"\r\n\r\n" + request()), Request)


def test_responses() -> None:
    message = parse_message(
        b"SIP/2.0 180 Ringing here\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>;tag=2\r\nCall-ID: i\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    assert isinstance(message, Response)
    message.check()
    assert (message.code, message.reason) == (180, "Ringing here")
    assert message.first_line == "SIP/2.0 180 Ringing here"
    assert message.sdp is None and message.contact is None


def test_bytes_that_are_not_utf8_survive() -> None:
    data = request(headers=(("Subject", "\udcff\udcfe"),))
    assert parse_message(data).get("subject") == "\udcff\udcfe"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", 505),
        (b"SIP/2.0\r\nVia", b"SIP/2.0 x\r\nVia", 400),
        (b"SIP/2.0\r\nVia", b"SIP/2.0  \r\nVia", 400),
        (b"SIP/2.0\r\nVia", b"SIP/3.0 \r\nVia", 400),
        (b"INVITE ", b"INVITE  ", 400),
        (b" SIP/2.0\r\nVia", b"  SIP/2.0\r\nVia", 400),
        (b" SIP/2.0\r\nVia", b"\r\nVia", 400),
        (b"Max-Forwards", b"Max Forwards", 400),
        (b"Max-Forwards: 70", b"Max-Forwards 70", 400),
        (b"Max-Forwards", b"x" * 257, 400),
        (b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia", 400),
        (b"SIP/2.0\r\nVia", b"lr SIP/2.0\r\nVia", 400),
        (b"CSeq: 1 INVITE\r\n", b"", 400),
        (b"CSeq: 1 INVITE", b"CSeq: one INVITE", 400),
        (b"CSeq: 1 INVITE", "CSeq: ١ INVITE".encode(), 400),
        (b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE", 400),
        (b"Call-ID: call-1\r\n", b"", 400),
        (b"Call-ID: call-1", b"Call-ID:", 400),
        (b"Call-ID: call-1", b"Call-ID: a\r\ni: b", 400),
        (b"From: ", b"From: <x", 400),
        (b"To: <sip:", b"To: <bad uri:", 400),
        (b"To: <sip:", b"To: <http: ", 400),
        (b"To: <sip:201@ringplan.example>", b"To: sip:a@b?x=y", 400),
        (b"Via: SIP/2.0/UDP 192.0.2.9:5060;", b"Via: SIP/2.0/UDP 192.0.2.9:5060;;", 400),
        (b"Via: SIP/2.0/UDP", b"Via: SIP/3.0/UDP", 400),
        (b":5060;branch", b":65536;branch", 400),
        (b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1", b"Via: nonsense", 400),
        (b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1", b"Via: ,", 400),
        (b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\n", b"", 0),
        (b"Content-Length: 0", b"Content-Length: 1", 400),
        (b"Content-Length: 0", b"Content-Length: -1", 400),
        (b"Content-Length: 0", b"Content-Length: 0\r\nl: 0", 400),
    ],
)
def test_requests_that_deserve_an_answer_carry_themselves(old: bytes, new: bytes, code: int) -> None:
    data = request()
    assert old in data
    with pytest.raises(BadRequest) as caught:
        parse_message(data.replace(old, new, 1)).check()
    assert caught.value.code == code
    assert caught.value.request.method == "INVITE"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"hello",
        b"INVITE\r\n\r\n",
        b"INVITE  sip:a@b SIP/2.0\r\n\r\n",
        b"IN(VITE sip:a@b SIP/2.0\r\n\r\n",
        b"SIP/2.0 099 x\r\n\r\n",
        b"SIP/2.0 700 x\r\n\r\n",
        b"SIP/2.0 2000 x\r\n\r\n",
        "SIP/2.0 ２００ x\r\n\r\n".encode(),
        b"BYE sip:a@b SIP/2.0\r\nno colon\r\n\r\n",
        b"BYE sip:a@b SIP/2.0\r\nbad name: x\r\n\r\n",
        b"BYE sip:a@b SIP/2.0\r\n" + b"x" * 257 + b": x\r\n\r\n",
        b"BYE sip:a@b SIP/2.0\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    ],
)
def test_what_cannot_be_answered(data: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_message(data)
    assert caught.value.code == 0 and not isinstance(caught.value, BadRequest)


def test_what_is_wrong_with_a_response_s_via_does_not_matter() -> None:
    parse_message(response_to(request(via="SIP/2.0/UDP 192.0.2.9;;rport;"), 200)).check()


@pytest.mark.parametrize(
    "uri", ["isbn:2983792873", "http://www.example.com", "urn:service:sos", "tel:+441632960100"]
)
def test_parties_of_any_scheme(uri: str) -> None:
    message = parse_message(request().replace(b"To: <sip:201@ringplan.example>", f"To: <{uri}>".encode()))
    message.check()
    assert str(message.to.uri) == uri


def test_long_names_are_headers_like_others() -> None:
    message = parse_message(request(headers=((f"X-{'Long' * 60}", "value"),)))
    message.check()
    assert message.get("x-" + "long" * 60) == "value"


def test_a_header_with_an_empty_list_has_no_contact() -> None:
    message = parse_message(request(contact=","))
    assert message.contact is None
    assert parse_message(request(contact="*")).contact is None


@pytest.mark.parametrize("value", ["", "-1", "1.5", "x", "٣", "1" * 11])
def test_bad_integers(value: str) -> None:
    message = parse_message(request(headers=(("Expires", value),)))
    with pytest.raises(BadMessage):
        message.integer("expires", 1)


def test_integers() -> None:
    message = parse_message(request(headers=(("Expires", "9999999999"),)))
    assert message.integer("expires", 1) == 2**32 - 1
    assert message.integer("min-expires", 7) == 7


def test_header_names_that_are_not_kept_do_not_fill_the_cache() -> None:
    before = canonical.cache_info().currsize
    for number in range(50):
        with pytest.raises(BadMessage):
            canonical("x" * 60_000 + str(number))
    assert canonical.cache_info().currsize == before


def test_blanks_behind_a_header_name_are_not_kept_with_it() -> None:
    parse_message(request(headers=(("X-Known", "1"),)))
    before = canonical.cache_info().currsize
    for number in range(50):
        message = parse_message(request(headers=(("X-Known" + " " * number * 1000, "1"),)))
        assert message.get("x-known") == "1"
    assert canonical.cache_info().currsize == before


def test_parties_are_remembered_unless_they_are_long() -> None:
    one, again = parse_message(request(from_tag="same")), parse_message(request(from_tag="same", cseq=2))
    assert one.from_ is again.from_
    before = message._known_party.cache_info().currsize
    assert parse_message(request(from_tag="x" * 60_000)).from_.tag == "x" * 60_000
    assert message._known_party.cache_info().currsize == before


@pytest.mark.parametrize(
    "text",
    [
        '"Bob" <sip:202@ringplan.example>;tag=a1',
        "<sip:202@ringplan.example>;user=phone;tag=a1",
        "<sip:202@ringplan.example;user=phone>;tag=a1;more=2",
        "sip:202@ringplan.example;x=>;tag=a1",
        '<sip:202@ringplan.example>;x="y>;tag=a1"',
        '"Bob>;tag=b2" <sip:202@ringplan.example>;tag=a1',
        "<sip:202@ringplan.example>;tag=",
        "<sip:202@ringplan.example>;tag=a1 ",
        "<sip:202@ringplan.example>;tag=a1\t;z",
    ],
)
def test_a_party_is_read_as_any_other_address_whether_its_people_are_known_or_not(text: str) -> None:
    for _ in range(2):
        message._known_party.cache_clear()
        assert message._party(text) == parse_address(text)


@pytest.mark.parametrize("text", ['"Bob>;tag=a1', '<sip:202@h>;x="y>;tag=a1', "<sip:202@h>x>;tag=a1"])
def test_a_party_that_is_no_address_is_none_without_its_tag_either(text: str) -> None:
    for reading in (message._party, parse_address):
        with pytest.raises(BadMessage) as refused:
            reading(text)
        assert refused.value.code == 400


@pytest.mark.parametrize(
    "line",
    [
        "Via: SIP/2.0/UDP h{}x",
        "Via: SIP/2.0/UDP{}",
        "Via: SIP/2.0/UDP h;{}rport{}x",
        "Via: SIP{}2.0/UDP h",
        "CSeq: 1{}x y",
        "From: <sip:a@b>;{}tag",
        'From: "{}',
        "To: {}<",
        "Contact: {},",
        "{}: x",
    ],
)
@pytest.mark.parametrize("filling", [" ", ";", "\\", '"', ",", "\r\n ", "; ", "a"])
def test_long_fillings_are_read_in_linear_time(line: str, filling: str) -> None:
    """A single datagram must not stop the endpoint: quadratic matching would take seconds here."""
    data = (
        "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
        "Call-ID: 1\r\nCSeq: 1 INVITE\r\n"
    )
    name = line.partition(":")[0]
    kept = "".join(f"{each}\r\n" for each in data.splitlines() if not each.startswith(f"{name}:"))
    text = kept + line.replace("{}", filling * (60_000 // len(filling))) + "\r\n\r\n"
    began = time.process_time()
    try:
        message = parse_message(text.encode())
        message.check()
        _ = message.contact, message.values("via")
    except BadMessage:
        pass
    assert time.process_time() - began < 0.5
