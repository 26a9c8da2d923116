"""RFC 4475 §3.1.1.1 to §3.1.1.7: what may stand in a header."""

from __future__ import annotations

from tests.sip.torture.expectation import ACCEPTED, Torture, session, wire

METHOD = "!interesting-Method0123456789_*+`.%indeed'~"
USER = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
CALLER = "amazinglylongcallername" * 5
SPELLINGS = (
    *(["Via:", "v:", "V:", "Via:", "ViA:", "VIa:", "VIA:", "via:", "viA:", "vIa:", "vIA:"]),
    *("V :", "v :", "V  :", "v  :", "Via :", "Via  :"),
    *(["Via:"] * 16),
)
VIAS = "".join(f"{name} SIP/2.0/TCP sip{33 - place}.example.com\n" for place, name in enumerate(SPELLINGS))
LONG = "long" * 20
LONG_TO = (
    f'"I have a user name of {"extreme" * 10} proportion"<sip:user@example.com:6000;unknownparam1=very{LONG}value;'
    f"longparam{'name' * 25}=shortvalue;very{'long' * 25}ParameterNameWithNoValue>"
)
LONG_FROM = (
    f"sip:{CALLER}@example.net;tag=12{'982' * 50}424;unknownheaderparam{'name' * 20}=unknowheaderparam{'value' * 15};"
    f"unknownValueless{'paramname' * 10}"
)
LONG_HEADER = (
    f"Unknown-{'Long' * 20}-Name: unknown-{LONG}-value; "
    f"unknown-{LONG}-parameter-name = unknown-{LONG}-parameter-value"
)

VALID = (
    Torture(
        "3.1.1.1",
        "wsinv",
        481,
        "folding and blanks everywhere: well-formed; its To tag names a dialog that is not ours",
        wire(
            r"""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
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
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

"""
            + session("192.0.2.3").replace("c=IN IP4 192.0.2.3", "c=IN IP4 192.0.2.4")
        ),
    ),
    Torture(
        "3.1.1.2",
        "intmeth",
        501,
        "every character that a token, a URI and a quoted string may have: valid, of a method that nobody knows",
        wire(
            f"""
{METHOD} sip:{USER}:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:{USER}@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%="работающий";tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/"][?}}{{
CSeq: 139122385 {METHOD}
Max-Forwards: 255
extensionHeader-!.%*+_`'~:\ufeff大停電
Content-Length: 0

"""
        ),
    ),
    Torture(
        "3.1.1.3",
        "esc01",
        ACCEPTED,
        "escapes in URIs mean the characters they stand for, and %40 ends no user part",
        wire(
            """
INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 150

"""
            + session("192.0.2.1")
        ),
    ),
    Torture(
        "3.1.1.4",
        "escnull",
        ACCEPTED,
        "an escaped NUL is a character like others, and the two contacts are two",
        wire(
            """
REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

"""
        ),
    ),
    Torture(
        "3.1.1.5",
        "esc02",
        501,
        "outside of URIs % escapes nothing: this is no REGISTER, and C%6Fntact no Contact",
        wire(
            """
RE%47IST%45R sip:registrar.example.com SIP/2.0
To: "%Z%45" <sip:resource@example.com>
From: "%Z%45" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

"""
        ),
    ),
    Torture(
        "3.1.1.6",
        "lwsdisp",
        200,
        "no blank is needed between a display name and <",
        wire(
            """
OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

"""
        ),
    ),
    Torture(
        "3.1.1.7",
        "longreq",
        ACCEPTED,
        "names, values and lists may be long",
        wire(
            f"""
INVITE sip:user@example.com SIP/2.0
To: {LONG_TO}
F: {LONG_FROM}
Call-ID: longreq.one{"really" * 20}longcallid
CSeq: 3882340 INVITE
{LONG_HEADER}
{VIAS}Via: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very{"long" * 50}branchvalue
Max-Forwards: 70
Contact: <sip:{CALLER}@host5.example.net>
Content-Type: application/sdp
l: 150

"""
            + session("192.0.2.1")
        ),
    ),
)
