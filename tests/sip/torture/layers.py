"""RFC 4475 §3.2 to §3.3.8: what transactions and applications refuse.

The length of multi01 is not the RFC's, which is two more than its body has.
"""

from __future__ import annotations

from tests.sip.torture.expectation import ACCEPTED, Torture, session, wire

LAYERS = (
    Torture(
        "3.2.1",
        "badbranch",
        200,
        "a magic cookie with nothing behind it names no transaction: as if there were none",
        wire(
            """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK
Accept: application/sdp
Call-ID: badbranch.sadonfo23i420jv0as0derf3j3n
CSeq: 8 OPTIONS
l: 0

"""
        ),
    ),
    Torture(
        "3.3.1",
        "insuf",
        400,
        "no Call-ID, no From, no To; the answer has none of them either",
        wire(
            """
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
l: 152

"""
            + session("192.0.2.95")
        ),
    ),
    Torture(
        "3.3.2",
        "unkscm",
        416,
        "a Request-URI of a scheme that nobody knows",
        wire(
            """
OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=384
Max-Forwards: 3
Call-ID: unkscm.nasdfasser0q239nwsdfasdkl34
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234
Content-Length: 0

"""
        ),
    ),
    Torture(
        "3.3.3",
        "novelsc",
        416,
        "a known scheme, but none that we would ever take as a target",
        wire(
            """
OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=384
Max-Forwards: 3
Call-ID: novelsc.asdfasser0q239nwsdfasdkl34
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKkdjuw39234
Content-Length: 0

"""
        ),
    ),
    Torture(
        "3.3.4",
        "unksm2",
        400,
        "From may have any scheme, but what is registered is a SIP address",
        wire(
            """
REGISTER sip:example.com SIP/2.0
To: isbn:2983792873
From: <http://www.example.com>;tag=3234233
Call-ID: unksm2.daksdj@hyphenated-host.example.com
CSeq: 234902 REGISTER
Max-Forwards: 70
Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKkdjuw
Contact: <name:John_Smith>
l: 0

"""
        ),
    ),
    Torture(
        "3.3.5",
        "bext01",
        420,
        "extensions that are required and nobody has; Proxy-Require is for proxies",
        wire(
            """
OPTIONS sip:user@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.net;tag=242etr
Max-Forwards: 6
Call-ID: bext01.0ha0isndaksdj
Require: nothingSupportsThis, nothingSupportsThisEither
Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis
CSeq: 8 OPTIONS
Via: SIP/2.0/TLS fold-and-staple.example.com;branch=z9hG4bKkdjuw
Content-Length: 0

"""
        ),
    ),
    Torture(
        "3.3.6",
        "invut",
        415,
        "a body that nobody can read; the answer says what we read",
        wire(
            """
INVITE sip:user@example.com SIP/2.0
Contact: <sip:caller@host5.example.net>
To: sip:j.user@example.com
From: sip:caller@example.net;tag=8392034
Max-Forwards: 70
Call-ID: invut.0ha0isndaksdjadsfij34n23d
CSeq: 235448 INVITE
Via: SIP/2.0/UDP somehost.example.com;branch=z9hG4bKkdjuw
Content-Type: application/unknownformat
Content-Length: 40

<audio>
 <pcmu port="443"/>
</audio>
"""
        ),
    ),
    Torture(
        "3.3.7",
        "regaut01",
        ACCEPTED,
        "credentials of an unknown scheme are none: the sender is challenged",
        wire(
            """
REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=87321hj23128
Max-Forwards: 8
Call-ID: regaut01.0ha0isndaksdj
CSeq: 9338 REGISTER
Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bKkdjuw
Authorization: NoOneKnowsThisScheme opaque-data=here
Content-Length:0

"""
        ),
    ),
    Torture(
        "3.3.8",
        "multi01",
        400,
        "headers twice of which a message has one",
        wire(
            """
INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKkdjuw
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.98asdh@192.0.2.1
CSeq: 59 INVITE
Call-ID: multi01.98asdh@192.0.2.2
From: sip:caller@example.com;tag=3413415
To: sip:user@example.com
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: 152
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5

"""
            + session("192.0.2.25")
        ),
    ),
)
