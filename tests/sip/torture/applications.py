"""RFC 4475 §3.3.9 to §3.4.1: what applications make of it, and a peer from before RFC 3261."""

from __future__ import annotations

from tests.sip.torture.expectation import ACCEPTED, DROPPED, Torture, session, wire

APPLICATIONS = (
    Torture(
        "3.3.9",
        "mcl01",
        400,
        "two lengths: nobody knows where the message ends, so no stream goes on",
        wire(
            """
OPTIONS sip:user@example.com SIP/2.0
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK293423
To: sip:user@example.com
From: sip:other@example.net;tag=3923942
Call-ID: mcl01.fhn2323orihawfdoa3o4r52o3irsdf
CSeq: 15932 OPTIONS
Content-Length: 13
Max-Forwards: 60
Content-Length: 5
Content-Type: text/plain

There's no way to know how many octets are supposed to be here.

"""
        ),
        closes=True,
    ),
    Torture(
        "3.3.10",
        "bcast",
        DROPPED,
        "a response with a second Via is not for us, least of all to be broadcast",
        wire(
            """
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23
Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 154
Content-Type: application/sdp
Contact: <sip:user@host28.example.com>

"""
            + session("192.0.2.198")
        ),
    ),
    Torture(
        "3.3.11",
        "zeromf",
        200,
        "whoever is asked himself answers, however few hops are left",
        wire(
            """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:caller@example.net;tag=3ghsd41
Call-ID: zeromf.jfasdlfnm2o2l43r5u0asdfas
CSeq: 39234321 OPTIONS
Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw2349i
Max-Forwards: 0
Content-Length: 0

"""
        ),
    ),
    Torture(
        "3.3.12",
        "cparam01",
        ACCEPTED,
        "without brackets the parameter is the header's",
        wire(
            """
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards: 70
From: sip:watson@example.com;tag=DkfVgjkrtMwaerKKpe
To: sip:watson@example.com
Call-ID: cparam01.70710@saturn.example.com
CSeq: 2 REGISTER
Contact: sip:+19725552222@gw1.example.net;unknownparam
l: 0

"""
        ),
    ),
    Torture(
        "3.3.13",
        "cparam02",
        ACCEPTED,
        "within brackets it is the URI's",
        wire(
            """
REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw
Max-Forwards: 70
From: sip:watson@example.com;tag=838293
To: sip:watson@example.com
Call-ID: cparam02.70710@saturn.example.com
CSeq: 3 REGISTER
Contact: <sip:+19725552222@gw1.example.net;unknownparam>
l: 0

"""
        ),
    ),
    Torture(
        "3.3.14",
        "regescrt",
        ACCEPTED,
        "a contact with an escaped Route is kept as it is; no request carries it on",
        wire(
            """
REGISTER sip:example.com SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=8
Max-Forwards: 70
Call-ID: regescrt.k345asrl3fdbv@192.0.2.1
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
M: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>
L:0

"""
        ),
    ),
    Torture(
        "3.3.15",
        "sdp01",
        ACCEPTED,
        "406 would be right as well; a caller that offers a description is taken to understand one",
        wire(
            """
INVITE sip:user@example.com SIP/2.0
To: sip:j_user@example.com
Contact: <sip:caller@host15.example.net>
From: sip:caller@example.net;tag=234
Max-Forwards: 5
Call-ID: sdp01.ndaksdj9342dasdd
Accept: text/nobodyKnowsThis
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw
Content-Length: 150
Content-Type: application/sdp

"""
            + session("192.0.2.5")
        ),
    ),
    Torture(
        "3.4.1",
        "inv2543",
        ACCEPTED,
        "no branch, no From tag, no Contact, no length; a stream cannot do without the last",
        wire(
            """
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

v=0
o=mhandley 29739 7272939 IN IP4 192.0.2.5
s=-
c=IN IP4 192.0.2.5
t=0 0
m=audio 49217 RTP/AVP 0
"""
        ),
        stream=400,
        closes=True,
    ),
)
