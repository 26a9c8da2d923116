"""Reading challenges and computing their answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.sip.auth.challenge import Challenge, Credential, challenges_in
from b2bua.sip.auth.digest import Account, Algorithm, Authenticator, Verified, ha1, parse_credentials
from b2bua.sip.text.message import Request, Response

MUFASA = Credential("Mufasa", "Circle of Life")


def response(code: int, *lines: str, header: str = "") -> Response:
    name = header or {401: "www-authenticate", 407: "proxy-authenticate"}[code]
    return Response(code, "Because", {name: list(lines)}, b"")


def read(line: str) -> list[Challenge]:
    return list(challenges_in(response(401, line)))


def test_the_password_is_not_shown() -> None:
    assert "Circle" not in repr(MUFASA)


# RFC 7616 §3.9.1, both algorithms, and RFC 2617 §3.5.
@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ],
)
def test_the_examples_of_the_rfc(algorithm: str, expected: str) -> None:
    (challenge,) = read(
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    answer = challenge.answer(
        MUFASA, "GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 1
    )
    assert f'response="{expected}"' in answer
    assert answer.startswith('Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/')
    assert f"algorithm={algorithm}, qop=auth, nc=00000001, " in answer
    assert answer.endswith('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"')


def test_without_qop_it_is_answered_as_in_rfc_2069() -> None:
    (challenge,) = read('Digest realm="r", nonce="n"')
    answer = challenge.answer(Credential("u", "p"), "REGISTER", "sip:h", "unused", 9)
    # MD5(MD5("u:r:p") ":n:" MD5("REGISTER:sip:h")), worked out with md5sum.
    assert answer == (
        'Digest username="u", realm="r", nonce="n", uri="sip:h", response="f7949f33797a7abbe390eaa95b1ca294"'
    )


def test_the_strongest_of_each_realm_is_answered() -> None:
    found = challenges_in(
        response(
            407,
            'Digest realm="a", nonce="1", algorithm=MD5, Digest realm="a", nonce="2", algorithm=SHA-256',
            'Digest realm="b", nonce="3", algorithm=SHA-256',
            'Digest realm="b", nonce="4", algorithm=MD5',
            'Digest realm="c", nonce="5"',
        )
    )
    assert [(each.realm, each.nonce, each.header) for each in found] == [
        ("a", "2", "Proxy-Authorization"),
        ("b", "3", "Proxy-Authorization"),
        ("c", "5", "Proxy-Authorization"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        'digest REALM = "r" ,nonce= "n",  qop="AUTH" , stale = TRUE',
        'Digest\trealm="r",nonce="n",qop=auth,stale="true"',
        'Digest realm="r" nonce="n" qop="auth-int, auth" stale=true',
        'Digest  realm="r",, nonce="n", qop="auth", stale=true, domain="sip:x", charset=UTF-8,',
        'Basic realm="other", Digest realm="r", nonce="n", qop="auth", stale=true',
        'Digest realm="r", nonce="n", qop="auth", stale=true, realm="again", nonce="again"',
        'Digest realm="r", nonce="n", qop="auth", stale=true, opaque',
        'Digest realm="r", nonce="n", qop="auth", stale=true, Basic realm="other", nonce="other"',
    ],
)
def test_what_peers_write(line: str) -> None:
    (challenge,) = read(line)
    assert (challenge.realm, challenge.nonce, challenge.qop, challenge.stale) == ("r", "n", True, True)
    assert (challenge.algorithm, challenge.algorithm_text) == (Algorithm.MD5, "")


def test_the_algorithm_is_answered_as_it_was_written() -> None:
    (challenge,) = read('Digest realm="r", nonce="n", algorithm="sha-256"')
    assert challenge.algorithm is Algorithm.SHA256
    assert "algorithm=sha-256" in challenge.answer(Credential("u", "p"), "BYE", "sip:h", "c", 1)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Digest",
        'Basic realm="r"',
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r',
        'realm="r", nonce="n"',
    ],
)
def test_what_cannot_be_answered(line: str) -> None:
    assert read(line) == []


def test_a_challenge_in_the_header_of_the_other_code_is_none() -> None:
    assert challenges_in(response(401, 'Digest realm="r", nonce="n"', header="proxy-authenticate")) == ()


def test_quotes_and_backslashes_stay_escaped() -> None:
    (challenge,) = read(r'Digest realm="a \"b\" c", nonce="n", opaque="\\"')
    answer = challenge.answer(Credential('u"\\', "p"), "BYE", "sip:h", "c", 1)
    assert r'username="u\"\\", realm="a \"b\" c"' in answer
    assert answer.endswith(r'opaque="\\"')
    assert parse_credentials(answer) is not None


@given(st.text(st.sampled_from('Digest realm="r", nonce=n\\ \t,qop=auth\'é'), max_size=80))
def test_nothing_that_is_sent_raises(line: str) -> None:
    for challenge in read(line):
        challenge.answer(MUFASA, "BYE", "sip:h", "c", 1)


@pytest.mark.parametrize("algorithms", [(Algorithm.MD5,), (Algorithm.SHA256,), tuple(Algorithm)])
@pytest.mark.parametrize("count", [1, 2, 255])
def test_our_own_server_accepts_it(algorithms: tuple[Algorithm, ...], count: int) -> None:
    class Known:
        ha1_md5 = ha1("u", "r", "p", Algorithm.MD5)
        ha1_sha256 = ha1("u", "r", "p", Algorithm.SHA256)

    known: Account = Known()
    server = Authenticator("r", b"k" * 32, 300, algorithms)
    (challenge,) = challenges_in(response(401, *server.challenge(0.0)))
    assert challenge.algorithm is algorithms[0]
    answer = challenge.answer(Credential("u", "p"), "INVITE", "sip:201@h", "c", count)
    request = Request("INVITE", "sip:201@h", {"authorization": answer}, b"")
    assert server.check(request, lambda name: known if name == "u" else None, 1.0) == Verified("u")
