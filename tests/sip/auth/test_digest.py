import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.auth.digest import (
    Algorithm,
    Authenticator,
    Credentials,
    Missing,
    Refused,
    Stale,
    Verdict,
    Verified,
    ha1,
    parse_credentials,
)
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request

REALM = "ringplan"
URI = "sip:acme.example"


@dataclass(frozen=True)
class Known:
    ha1_md5: str
    ha1_sha256: str


def known(username: str, password: str) -> Known:
    return Known(*(ha1(username, REALM, password, each) for each in (Algorithm.MD5, Algorithm.SHA256)))


ACCOUNTS = {"201": known("201", "secret"), "202": known("202", "other")}


class Phone:
    """Answers a challenge the way RFC 7616 says; every part of the answer can be bent."""

    def __init__(self, challenge: str, password: str = "secret", username: str = "201") -> None:
        parts = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        self.algorithm = Algorithm(parts["algorithm"])
        self.nonce = parts["nonce"]
        self.realm = parts["realm"]
        self.secret = ha1(username, self.realm, password, self.algorithm)
        self.username = username

    def authorization(self, nc: int = 1, method: str = "REGISTER", uri: str = URI, qop: str = "auth") -> str:
        count = f"{nc:08x}" if qop else ""
        cnonce = "0a4f,113b" if qop else ""
        answer = Credentials(self.username, self.realm, self.nonce, uri, "", qop=qop, nc=count, cnonce=cnonce)
        value = (
            f'Digest username="{self.username}", realm="{self.realm}", nonce="{self.nonce}", uri="{uri}", '
            f'response="{answer.expected(self.secret, method, self.algorithm)}", algorithm={self.algorithm}'
        )
        return value + (f', qop={qop}, nc={count}, cnonce="{cnonce}"' if qop else "")


def request(authorization: str | list[str] | None, method: str = "REGISTER", uri: str = URI) -> Request:
    return Request(method, uri, {} if authorization is None else {"authorization": authorization}, b"")


def authenticator(**settings: int) -> Authenticator:
    return Authenticator(REALM, b"k" * 32, 300, **settings)


def check(server: Authenticator, authorization: str | list[str] | None, now: float = 1.0) -> Verdict:
    return server.check(request(authorization), ACCOUNTS.get, now)


# RFC 7616 §3.9.1 and RFC 2617 §3.5.
@pytest.mark.parametrize(
    ("algorithm", "realm", "password", "nonce", "cnonce", "response"),
    [
        (
            Algorithm.MD5,
            "http-auth@example.org",
            "Circle of Life",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            "8ca523f5e9506fed4657c9700eebdbec",
        ),
        (
            Algorithm.SHA256,
            "http-auth@example.org",
            "Circle of Life",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (
            Algorithm.MD5,
            "testrealm@host.com",
            "Circle Of Life",
            "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            "0a4f113b",
            "6629fae49393a05397450978507c4ef1",
        ),
    ],
)
def test_the_examples_of_the_rfcs(
    algorithm: Algorithm, realm: str, password: str, nonce: str, cnonce: str, response: str
) -> None:
    uri = "/dir/index.html"
    answer = Credentials("Mufasa", realm, nonce, uri, "", qop="auth", nc="00000001", cnonce=cnonce)
    assert answer.expected(ha1("Mufasa", realm, password, algorithm), "GET", algorithm) == response


def test_the_example_of_rfc_2069() -> None:
    # The figure printed in the RFC is wrong; this is the one of its erratum.
    answer = Credentials(
        "Mufasa", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "/dir/index.html", ""
    )
    secret = ha1("Mufasa", "testrealm@host.com", "CircleOfLife", Algorithm.MD5)
    assert answer.expected(secret, "GET", Algorithm.MD5) == "1949323746fe6a43ef61f9606e7febea"


def test_sha_256_is_offered_before_md5() -> None:
    first, second = authenticator().challenge(1.0)
    assert re.fullmatch(r'Digest realm="ringplan", nonce="[\w\-]{36}", algorithm=SHA-256, qop="auth"', first)
    assert second == first.replace("SHA-256", "MD5")
    assert all(value.endswith(", stale=true") for value in authenticator().challenge(1.0, stale=True))


def test_every_challenge_has_its_own_nonce() -> None:
    server = authenticator()
    assert server.challenge(1.0) != server.challenge(1.0)


@pytest.mark.parametrize("offer", [0, 1])
@pytest.mark.parametrize("qop", ["auth", ""])
def test_the_right_password_is_verified(offer: int, qop: str) -> None:
    server = authenticator()
    phone = Phone(server.challenge(0.0)[offer])
    assert check(server, phone.authorization(qop=qop)) == Verified("201")


def test_without_credentials_for_our_realm_a_challenge_follows() -> None:
    server = authenticator()
    elsewhere = Phone(server.challenge(0.0)[0].replace(REALM, "elsewhere")).authorization()
    assert check(server, None) == Missing()
    assert check(server, elsewhere) == Missing()
    assert check(server, "Basic MjAxOnNlY3JldA==") == Missing()
    ours = Phone(server.challenge(0.0)[0]).authorization()
    assert check(server, ["Basic x", elsewhere, ours]) == Verified("201")


def test_a_wrong_password_and_an_unknown_user_are_refused_even_with_an_old_nonce() -> None:
    server = authenticator()
    challenge = server.challenge(0.0)[0]
    for now in (1.0, 1000.0):
        assert check(server, Phone(challenge, "wrong").authorization(), now) == Refused(
            "201", "wrong password"
        )
        assert check(server, Phone(challenge, "x", "999").authorization(), now) == Refused(
            "999", "unknown user"
        )
    assert server.tracked == 0


def test_an_account_without_a_hash_cannot_be_guessed() -> None:
    server = authenticator()
    phone = Phone(server.challenge(0.0)[0])
    phone.secret = ""
    verdict = server.check(request(phone.authorization()), lambda _: Known("", ""), 1.0)
    assert verdict == Refused("201", "unknown user")


def test_an_unknown_user_costs_the_same_hashing_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    original = Algorithm.hash

    def count(self: Algorithm, text: str) -> str:
        hashed.append(len(text))
        return original(self, text)

    server = authenticator()
    challenge = server.challenge(0.0)[0]
    wrong = Phone(challenge, "wrong").authorization()
    unknown = Phone(challenge, "wrong", "999").authorization()
    monkeypatch.setattr(Algorithm, "hash", count)
    check(server, wrong)
    with_password = hashed.copy()
    hashed.clear()
    check(server, unknown)
    assert with_password == hashed
    assert len(hashed) == 2


def test_a_nonce_grows_stale() -> None:
    server = authenticator()
    phone = Phone(server.challenge(10.0)[0])
    assert check(server, phone.authorization(nc=1), 310.0) == Verified("201")
    assert check(server, phone.authorization(nc=2), 310.1) == Stale("201")


@pytest.mark.parametrize("nonce", ["", "x", "AAAA", "A" * 36, "é" * 36, "%00", "A" * 5000])
def test_a_nonce_that_is_not_ours_is_stale_for_who_knows_the_password(nonce: str) -> None:
    server = authenticator()
    phone = Phone(server.challenge(0.0)[0])
    phone.nonce = nonce or phone.nonce[:-4] + "AAAA"
    assert check(server, phone.authorization()) == Stale("201")


def test_a_nonce_of_before_the_restart_is_stale() -> None:
    before = Authenticator(REALM, b"old", 300)
    assert check(authenticator(), Phone(before.challenge(0.0)[0]).authorization()) == Stale("201")


def test_a_nonce_count_serves_once() -> None:
    server = authenticator()
    phone = Phone(server.challenge(0.0)[0])
    assert check(server, phone.authorization(nc=1)) == Verified("201")
    assert check(server, phone.authorization(nc=1)) == Stale("201")
    assert check(server, phone.authorization(nc=0)) == Stale("201")
    assert check(server, phone.authorization(nc=2)) == Verified("201")


def test_a_client_without_qop_may_use_a_nonce_once() -> None:
    server = authenticator()
    phone = Phone(server.challenge(0.0)[0])
    assert check(server, phone.authorization(qop="")) == Verified("201")
    assert check(server, phone.authorization(qop="")) == Stale("201")
    assert check(server, phone.authorization(nc=1)) == Stale("201")


def test_the_answer_is_bound_to_the_method() -> None:
    server = authenticator()
    authorization = Phone(server.challenge(0.0)[0]).authorization(method="REGISTER")
    verdict = server.check(request(authorization, "INVITE"), ACCOUNTS.get, 1.0)
    assert verdict == Refused("201", "wrong password")


@pytest.mark.parametrize(
    ("digest_uri", "accepted"),
    [
        (URI, True),
        ("sip:ACME.example:5060;transport=udp", True),
        ("sip:elsewhere.example", False),
        ("sip:acme.example", True),
        ("sip:202@acme.example", False),
        ("/", False),
    ],
)
def test_the_answer_is_bound_to_the_target(digest_uri: str, accepted: bool) -> None:
    server = authenticator()
    verdict = check(server, Phone(server.challenge(0.0)[0]).authorization(uri=digest_uri))
    assert verdict == (Verified("201") if accepted else Refused("201", "uri is not the Request-URI"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("algorithm=SHA-256", "algorithm=MD5-sess"),
        ("algorithm=SHA-256", "algorithm=x"),
        ("qop=auth", "qop=auth-int"),
    ],
)
def test_what_was_not_offered_is_refused(old: str, new: str) -> None:
    server = authenticator()
    authorization = Phone(server.challenge(0.0)[0]).authorization()
    assert check(server, authorization.replace(old, new)) == Refused("201", "algorithm or qop not offered")


def test_an_algorithm_can_be_switched_off() -> None:
    server = Authenticator(REALM, b"key", 300, algorithms=(Algorithm.SHA256,))
    (challenge,) = server.challenge(0.0)
    phone = Phone(challenge.replace("SHA-256", "MD5"))
    assert check(server, phone.authorization()) == Refused("201", "algorithm or qop not offered")


def test_an_answer_without_algorithm_is_md5() -> None:
    server = authenticator()
    authorization = Phone(server.challenge(0.0)[1]).authorization()
    assert check(server, authorization.replace(", algorithm=MD5", "")) == Verified("201")


@pytest.mark.parametrize(
    "text",
    [
        'Digest username="a, \\" b", realm="r", nonce="n", uri="sip:x", response="0a"',
        'digest\tresponse=0A ,uri = "sip:x" , NONCE="n",realm=r,, username="a, \\" b",',
    ],
)
def test_credentials_in_any_order_and_spacing(text: str) -> None:
    found = parse_credentials(text)
    assert found is not None
    assert (found.username, found.realm, found.nonce, found.uri) == ('a, \\" b', "r", "n", "sip:x")
    assert found.response.lower() == "0a"


GOOD = 'Digest username="201", realm="ringplan", nonce="n", uri="sip:x", response="0a"'


@pytest.mark.parametrize(
    "text",
    [
        "Digest",
        "Digest x",
        'Digest username="201',
        GOOD.replace('username="201", ', ""),
        GOOD.replace('nonce="n"', 'nonce=""'),
        GOOD.replace('"0a"', '"xyz"'),
        GOOD.replace('"0a"', '"é"'),
        GOOD.replace("201", "\udcff"),
        GOOD + ', realm="ringplan"',
        GOOD + " nonsense",
        GOOD + ", qop=auth",
        GOOD + ', qop=auth, nc=00000001, cnonce=""',
        GOOD + ', qop=auth, nc=xyz, cnonce="a"',
        GOOD + ', qop=auth, nc=000000001, cnonce="a"',
    ],
)
def test_malformed_credentials_are_a_bad_request(text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        check(authenticator(), text)
    assert refused.value.code == 400


@given(
    st.lists(
        st.sampled_from(
            [
                'username="201"',
                'realm="ringplan"',
                "realm=ringplan",
                'nonce="AAAA"',
                'uri="sip:x"',
                "response=ab",
                "algorithm=MD5",
                "qop=auth",
                "nc=1",
                'cnonce="x"',
                'cnonce="',
                "opaque=,",
                "\udcff",
                "=",
                '"',
                "\\",
            ]
        ),
        max_size=10,
    ).map(lambda parts: "Digest " + ", ".join(parts))
    | st.text(st.characters(), max_size=60).map("Digest ".__add__)
)
def test_hostile_credentials_are_judged_or_refused(text: str) -> None:
    try:
        verdict = check(authenticator(), text)
    except BadMessage:
        return
    assert not isinstance(verdict, Verified)
