"""RFC 5118: IPv6 in messages. Calls with sound by IPv6 alone are beyond us and get 488.

The lengths of three bodies are not those of the RFC, which do not fit.
"""

from __future__ import annotations

from tests.sip.torture.expectation import ACCEPTED, Torture, wire


def _register(target: str) -> bytes:
    return wire(
        f"""
REGISTER {target} SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
Content-Length: 0

"""
    )


def _options(host: str) -> bytes:
    return wire(
        f"""
OPTIONS sip:user@{host} SIP/2.0
To: sip:user@{host}
From: sip:user@example.com;tag=810x2
Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKas3-111
Call-ID: G9559905523997077@hlau_4100
CSeq: 689 OPTIONS
Max-Forwards: 70
Content-Length: 0

"""
    )


IPV6 = (
    Torture("4.1", "ipv6-good", ACCEPTED, "addresses in brackets", _register("sip:[2001:db8::10]")),
    Torture("4.2", "ipv6-bad", 400, "a Request-URI without brackets", _register("sip:2001:db8::10")),
    Torture(
        "4.3",
        "port-ambiguous",
        ACCEPTED,
        "what stands in the brackets is the address, whatever was meant",
        _register("sip:[2001:db8::10:5070]"),
    ),
    Torture(
        "4.4",
        "port-unambiguous",
        ACCEPTED,
        "a port behind the brackets",
        _register("sip:[2001:db8::10]:5070"),
    ),
    Torture(
        "4.5",
        "via-received-param-with-delim",
        481,
        "brackets in received are good; there is no such dialog",
        wire(
            """
BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com;tag=bd76ya
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Max-Forwards: 70
CSeq: 321 BYE
Content-Length: 0

"""
        ),
    ),
    Torture(
        "4.5",
        "via-received-param-no-delim",
        200,
        "received without brackets is good too",
        wire(
            """
OPTIONS sip:[2001:db8::10] SIP/2.0
To: sip:user@example.com
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3
Call-ID: SSG95523997077@hlau_4100
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
CSeq: 921 OPTIONS
Content-Length: 0

"""
        ),
    ),
    Torture(
        "4.6",
        "ipv6-in-sdp",
        ACCEPTED,
        "well-formed; sound that has no IPv4 address cannot be relayed",
        wire(
            """
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::20]>
CSeq: 8612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: 251

v=0
o=assistant 971731711378798081 0 IN IP6 2001:db8::20
s=Live video feed for today's meeting
c=IN IP6 2001:db8::20
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
"""
        ),
        trunk=488,
    ),
    Torture(
        "4.7",
        "mult-ip-in-header",
        481,
        "IPv4 and IPv6 in one list of Via; there is no such dialog",
        wire(
            """
BYE sip:user@host.example.net SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144
Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200
Call-ID: 997077@lau_4100
Max-Forwards: 70
CSeq: 89187 BYE
To: sip:user@example.net;tag=9817--94
From: sip:user@example.com;tag=81x2
Content-Length: 0

"""
        ),
    ),
    Torture(
        "4.8",
        "mult-ip-in-sdp",
        ACCEPTED,
        "the sound has an IPv4 address; the picture may have another",
        wire(
            """
INVITE sip:user@[2001:db8::10] SIP/2.0
To: sip:user@[2001:db8::10]
From: sip:user@example.com;tag=81x2
Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "Caller" <sip:caller@[2001:db8::9:1]>
Max-Forwards: 70
CSeq: 8912 INVITE
Content-Type: application/sdp
Content-Length: 189

v=0
o=bob 280744730 28977631 IN IP4 host.example.com
s=
t=0 0
m=audio 22334 RTP/AVP 0
c=IN IP4 192.0.2.1
m=video 6024 RTP/AVP 107
c=IN IP6 2001:db8::1
a=rtpmap:107 H263-1998/90000
"""
        ),
    ),
    Torture(
        "4.9",
        "ipv4-mapped-ipv6",
        ACCEPTED,
        "well-formed; what is written as IPv6 is taken as IPv6",
        wire(
            """
INVITE sip:user@example.com SIP/2.0
To: sip:user@example.com
From: sip:user@east.example.com;tag=81x2
Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19
Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111
Call-ID: SSG9559905523997077@hlau_4100
Contact: "T. desk phone" <sip:ted@[::ffff:192.0.2.2]>
CSeq: 612 INVITE
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: 245

v=0
o=assistant 971731711378798081 0 IN IP6 ::ffff:192.0.2.2
s=Call me soon, please!
c=IN IP6 ::ffff:192.0.2.2
t=3338481189 3370017201
m=audio 6000 RTP/AVP 2
a=rtpmap:2 G726-32/8000
m=video 6024 RTP/AVP 107
a=rtpmap:107 H263-1998/90000
"""
        ),
        trunk=488,
    ),
    Torture(
        "4.10",
        "ipv6-bug-abnf-3-colons",
        200,
        "RFC 3261's grammar allows three colons before an IPv4 address: taken as two",
        _options("[2001:db8:::192.0.2.1]"),
    ),
    Torture(
        "4.10",
        "ipv6-correct-abnf-2-colons",
        200,
        "two colons, as RFC 4291 has it",
        _options("[2001:db8::192.0.2.1]"),
    ),
)
