import pytest

from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.route import routed
from b2bua.sip.text.uri import parse_uri

PHONE = parse_uri("sip:201@192.0.2.9;ob")
LOOSE, OTHER, STRICT = (
    "<sip:a@edge.example;lr>;x=1",
    "<sip:192.0.2.1;lr>",
    "<sip:old.example;method=INVITE?a=b>",
)


@pytest.mark.parametrize(
    ("routes", "uri", "headers"),
    [
        ((), "sip:201@192.0.2.9;ob", []),
        ((LOOSE, OTHER), "sip:201@192.0.2.9;ob", [LOOSE, OTHER]),
        ((STRICT, OTHER), "sip:old.example", [OTHER, "<sip:201@192.0.2.9;ob>"]),
        ((LOOSE, STRICT), "sip:201@192.0.2.9;ob", [LOOSE, STRICT]),
    ],
)
def test_the_way_through_proxies(routes: tuple[str, ...], uri: str, headers: list[str]) -> None:
    assert routed(PHONE, routes) == (uri, tuple(("Route", each) for each in headers))


def test_a_route_that_cannot_be_read() -> None:
    with pytest.raises(BadMessage):
        routed(PHONE, ("<sip:",))
