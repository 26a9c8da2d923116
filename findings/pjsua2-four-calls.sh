#!/bin/bash
# pjsua2-python takes "maxCalls = 32" without a word and has four calls: the fifth caller gets 486 Busy Here.
#
# Package    pjsua2-python 2.15.1.post1 from PyPI
# Input      EpConfig.uaConfig.maxCalls = 32, an account that answers every INVITE with 180; six plain INVITEs by UDP
# One would guess   six calls ring; or libInit refuses a number that the build does not have
# Seen       libInit succeeds, four calls ring, and the library itself answers the fifth and sixth with 486, before
#            onIncomingCall is called: to a caller "the person is on the phone", to the program nothing at all. The number
#            is PJSUA_MAX_CALLS of the build, 4, which the Python package does not export; maxCalls reads 32 ever after.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pjsua2-python==2.15.1.post1
cat > "$here/try.py" <<'PYTHON'
import os
import re
import socket
import sys

import pjsua2 as pj

calls: list[pj.Call] = []


class Account(pj.Account):
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = pj.Call(self, prm.callId)
        calls.append(call)
        ringing = pj.CallOpParam()
        ringing.statusCode = 180
        call.answer(ringing)


config = pj.EpConfig()
config.logConfig.level = config.logConfig.consoleLevel = 0
config.uaConfig.threadCnt = 0
config.uaConfig.mainThreadOnly = True
config.uaConfig.maxCalls = 32
endpoint = pj.Endpoint()
endpoint.libCreate()
endpoint.libInit(config)
transport = pj.TransportConfig()
transport.boundAddress = "127.0.0.1"
number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
endpoint.libStart()
endpoint.audDevManager().setNullDev()
print("pjsip", endpoint.libVersion().full, "maxCalls", config.uaConfig.maxCalls)
account = Account()
account_config = pj.AccountConfig()
account_config.idUri = "sip:me@127.0.0.1"
account.create(account_config, True)
port = int(endpoint.transportGetInfo(number).localAddress.rpartition(":")[2])

phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
phone.bind(("127.0.0.1", 0))
phone.setblocking(False)
here = phone.getsockname()[1]
answers = []
for call in range(6):
    sdp = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )
    invite = (
        f"INVITE sip:me@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{here};branch=z9hG4bK{call}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:c{call}@127.0.0.1>;tag=t{call}\r\nTo: <sip:me@127.0.0.1>\r\n"
        f"Call-ID: c{call}@127.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <sip:c{call}@127.0.0.1:{here}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
    )
    phone.sendto(invite.encode(), ("127.0.0.1", port))
    found = None
    for _ in range(300):
        endpoint.libHandleEvents(10)
        try:
            code = int(re.match(rb"SIP/2.0 (\d+)", phone.recv(65536))[1])
        except (BlockingIOError, TypeError):
            continue
        if code > 100:
            found = code
            break
    answers.append(found)
print("answers to six calls:", answers, "onIncomingCall was called", len(calls), "times")
as_found = answers == [180, 180, 180, 180, 486, 486] and len(calls) == 4
print("as found" if as_found else "another behaviour than was found")
sys.stdout.flush()
os._exit(0 if as_found else 1)  # the library aborts where calls are left when it is taken down
PYTHON
"$here/venv/bin/python" "$here/try.py"
