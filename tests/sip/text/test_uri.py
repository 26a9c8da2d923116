import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.transport import Transport
from b2bua.sip.text.uri import Uri, parse_any_uri, parse_params, parse_uri, write_params

token = st.text(string.ascii_lowercase + string.digits + "-.!%*_+`'~", min_size=1, max_size=12)
params = st.lists(st.tuples(token, st.none() | token), max_size=4).map(tuple)
host = st.one_of(
    st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,10}[A-Za-z0-9])?(?:\.[a-z]{2,5})?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
# Any user name that can be written in UTF-8 must survive: blanks, quotes, brackets and line ends are escaped.
user = st.text(st.characters(codec="utf-8"), max_size=20)
uris = st.one_of(
    st.builds(
        Uri,
        host=host,
        user=st.none() | user,
        port=st.none() | st.integers(1, 65535),
        params=params,
        scheme=st.sampled_from(["sip", "sips"]),
        headers=st.none()
        | st.from_regex(r"[a-z]{1,8}=[a-z%0-9]{0,8}(&[a-z]{1,4}=[a-z]{0,4})?", fullmatch=True),
        password=st.none(),
    ),
    st.builds(
        Uri,
        host=st.just(""),
        user=st.from_regex(r"\+?[0-9][0-9().\-]{0,14}", fullmatch=True),
        port=st.none(),
        params=params,
        scheme=st.just("tel"),
        headers=st.none(),
        password=st.none(),
    ),
)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:reception@acme.example", Uri("acme.example", "reception")),
        ("sip:acme.example", Uri("acme.example")),
        ("SIP:201@192.0.2.4:5060;transport=UDP", Uri("192.0.2.4", "201", 5060, (("transport", "UDP"),))),
        ("sips:201@[2001:db8::1]:5061;lr", Uri("[2001:db8::1]", "201", 5061, (("lr", None),), "sips")),
        ("sip:%61lice@acme.example", Uri("acme.example", "alice")),
        ("sip:a%20b@acme.example", Uri("acme.example", "a b")),
        (
            "sip:+441632960100;phone-context=x@acme.example",
            Uri("acme.example", "+441632960100;phone-context=x"),
        ),
        ("sip:a?b/c@acme.example?subject=x", Uri("acme.example", "a?b/c", headers="subject=x")),
        ("sip:alice:s:cret@acme.example", Uri("acme.example", "alice", password="s:cret")),
        ("sip:a@b;x=;y", Uri("b", "a", params=(("x", ""), ("y", None)))),
        ("tel:+441632960100", Uri("", "+441632960100", scheme="tel")),
        (
            "tel:201;phone-context=acme.example",
            Uri("", "201", params=(("phone-context", "acme.example"),), scheme="tel"),
        ),
    ],
)
def test_what_a_uri_says(text: str, uri: Uri) -> None:
    assert parse_uri(text) == uri
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "sip:201@192.0.2.4:5060;transport=UDP;ob",
        "sips:user%20name@acme.example",
        "sip:*98@acme.example?to=sip:bob%40acme.example",
        "sip:alice:secret@acme.example",
        "tel:+44-1632-960100;ext=12",
    ],
)
def test_a_uri_is_written_back_as_it_came(text: str) -> None:
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 400),
        ("reception", 400),
        ("sip:", 400),
        ("sip:a@", 400),
        ("sip:a@b c", 400),
        ("sip:a@b:0", 400),
        ("sip:a@b:65536", 400),
        ("sip:a@b:٣", 400),
        ("sip:a@b>", 400),
        ('sip:a@b;x="y"', 400),
        ("sip:a\udcff@b", 400),
        ("sip:%ff@b", 400),
        ("sip:a\0@b", 400),
        ("sip:a\n@b", 400),
        ("tel:reception", 400),
        ("http://acme.example", 416),
        ("urn:service:sos", 416),
    ],
)
def test_a_bad_uri_is_refused(text: str, code: int) -> None:
    with pytest.raises(BadMessage) as refused:
        parse_uri(text)
    assert refused.value.code == code


# RFC 3261 §19.1.4, the RFC's own examples.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.example;transport=TCP", "sip:alice@AtlanTa.ExAmPlE;Transport=tcp"),
        ("sip:carol@chicago.example", "sip:carol@chicago.example;newparam=5"),
        ("sip:carol@chicago.example", "sip:carol@chicago.example;security=on"),
        (
            "sip:biloxi.example;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.example",
            "sip:biloxi.example;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.example",
        ),
        (
            "sip:alice@atlanta.example?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.example?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_equal_uris(one: str, other: str) -> None:
    assert parse_uri(one).same_as(parse_uri(other))
    assert parse_uri(other).same_as(parse_uri(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtlanTa.example;Transport=udp", "sip:alice@AtlanTa.example;Transport=UDP"),
        ("sip:bob@biloxi.example", "sip:bob@biloxi.example:5060"),
        ("sip:bob@biloxi.example", "sip:bob@biloxi.example;transport=udp"),
        ("sip:bob@biloxi.example", "sip:bob@biloxi.example:6000;transport=tcp"),
        ("sip:carol@chicago.example", "sip:carol@chicago.example?Subject=next%20meeting"),
        ("sip:bob@phone21.example", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.example;security=on", "sip:carol@chicago.example;security=off"),
        ("sip:carol@chicago.example", "sips:carol@chicago.example"),
        ("sip:carol@chicago.example", "sip:carol:secret@chicago.example"),
        ("sip:carol@chicago.example", "sip:chicago.example"),
    ],
)
def test_different_uris(one: str, other: str) -> None:
    assert not parse_uri(one).same_as(parse_uri(other))
    assert not parse_uri(other).same_as(parse_uri(one))


def test_parameters() -> None:
    uri = parse_uri("sip:a@b;Transport=tcp;lr;x=")
    assert (uri.param("transport"), uri.param("lr"), uri.param("x"), uri.param("y")) == ("tcp", "", "", None)
    assert uri.transport is Transport.TCP
    assert parse_uri("sip:a@b").transport is Transport.UDP
    assert parse_uri("sip:a@b;transport=sctp").transport is None
    assert str(uri.without_params("transport", "x")) == "sip:a@b;lr"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (";", ()),
        (" ; Tag = abc ;; lr ", (("tag", "abc"), ("lr", None))),
        ("tag=abc", (("tag", "abc"),)),
        (';+sip.instance="<urn:uuid:1;2>";q=0.5', (("+sip.instance", '"<urn:uuid:1;2>"'), ("q", "0.5"))),
        (';a="\\";b=\\\\";c', (("a", '"\\";b=\\\\"'), ("c", None))),
    ],
)
def test_header_parameters(text: str, expected: tuple[tuple[str, str | None], ...]) -> None:
    assert parse_params(text) == expected


@pytest.mark.parametrize(
    "text", [';a="', ';a="b\\"', ';a="b";c="', ";a=\nb", ";a=\r\nb", ";a=\0", ";a=\udc80"]
)
def test_bad_header_parameters_are_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        parse_params(text)


@given(uris)
def test_a_uri_survives_being_written_and_read(uri: Uri) -> None:
    assert parse_uri(str(uri)) == uri
    assert uri.same_as(uri)


@given(uris)
def test_a_written_uri_cannot_break_out_of_its_brackets(uri: Uri) -> None:
    assert not set(str(uri)) & set('<>" \r\n\0')


@given(params)
def test_parameters_survive_being_written_and_read(pairs: tuple[tuple[str, str | None], ...]) -> None:
    assert parse_params(write_params(pairs)) == pairs


def test_as_a_target_a_uri_has_no_headers_and_no_method() -> None:
    uri = parse_uri("sip:a@b;method=INVITE;lr?Subject=x")
    assert str(uri.as_target) == "sip:a@b;lr"
    assert uri.is_sip and parse_uri("sips:a@b").is_sip and not parse_uri("tel:+44").is_sip


@pytest.mark.parametrize("text", ["isbn:2983792873", "HTTP://www.example.com/?a=b;c", "urn:service:sos"])
def test_a_uri_of_any_scheme_is_kept_whole(text: str) -> None:
    uri = parse_any_uri(text)
    scheme, _, rest = text.partition(":")
    assert (uri.scheme, uri.host, uri.user, uri.params) == (scheme.lower(), rest, None, ())
    assert parse_any_uri(str(uri)) == uri and not uri.is_sip


@pytest.mark.parametrize("text", ["isbn:", "http:<x>", "urn:a b", "sip:", "sip:a@b:0", "nothing"])
def test_not_even_a_uri_of_any_scheme(text: str) -> None:
    with pytest.raises(BadMessage) as error:
        parse_any_uri(text)
    assert error.value.code == 400


@given(st.text(st.characters(), max_size=60) | st.from_regex(r"sips?:[^ ]{0,40}", fullmatch=True))
def test_hostile_text_is_read_or_refused(text: str) -> None:
    try:
        uri = parse_uri(text)
    except BadMessage:
        return
    assert parse_uri(str(uri)) == uri


@given(st.text(';="\\ab <>,\t\n\udc80İ', max_size=40))
def test_hostile_parameters_are_read_or_refused(text: str) -> None:
    try:
        pairs = parse_params(text)
    except BadMessage:
        return
    assert parse_params(write_params(pairs)) == pairs
