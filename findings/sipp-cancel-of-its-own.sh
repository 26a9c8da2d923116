#!/bin/bash
# SIPp's own CANCEL and ACK, where a scenario ends early, do not match the INVITE that they belong to.
#
# Package    Debian 12's sip-tester 1:3.6.1-1+b2 (must be installed)
# Input      a scenario that calls a Request-URI other than its To, as every phone behind a service does, and knows 100, 180
#            and 200 only; the other side answers 183 with a To tag, or 486 with one. SIPp ends such a call by itself.
# One would guess   CANCEL with the INVITE's Request-URI and To, without a tag (RFC 3261 §9.1), and ACK with the
#            INVITE's Request-URI and the answer's To (§17.1.1.3)
# Seen       both are made from the answer: their Request-URI is the URI of To, and the CANCEL has the answer's tag. Branch,
#            Call-ID and CSeq are right, so whoever goes by the branch alone cancels the call; a proxy that routes by
#            Request-URI sends them elsewhere, and to whoever sees a tag the CANCEL belongs to a dialog that is not there
#            yet (481), and the phone rings on. A test that ends early so leaves calls behind in the one under test.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
command -v sipp >/dev/null || { echo "needs Debian 12's sip-tester"; exit 2; }
dpkg-query -W sip-tester
cat > "$here/call.xml" <<'XML'
<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a call">
  <send retrans="500"><![CDATA[
      INVITE sip:line7@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      Max-Forwards: 70
      From: <sip:caller@phones.example>;tag=[call_number]
      To: <sip:+441632960123@phones.example>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:caller@[local_ip]:[local_port]>
      Content-Length: 0

  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200"/>
</scenario>
XML
cat > "$here/try.py" <<'PYTHON'
import re
import socket
import subprocess
import sys


def bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


def field(message: str, name: str) -> str:
    return re.search(rf"^{name}: *(.*?)\r$", message, re.M)[1]


def reaction(line: str, method: str) -> tuple[str, str]:
    """To an answer to its INVITE: the INVITE, and the next request of this method."""
    callee, spare = bound(), bound()
    own = spare.getsockname()[1]
    spare.close()
    command = ["sipp", f"127.0.0.1:{callee.getsockname()[1]}", "-i", "127.0.0.1", "-p", str(own), "-sf", "call.xml"]
    caller = subprocess.Popen(
        [*command, "-m", "1", "-nostdin", "-timeout", "15"], cwd=sys.argv[1],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        data, source = callee.recvfrom(65536)
        invite = data.decode()
        head = [f"SIP/2.0 {line}", *(f"{name}: {field(invite, name)}" for name in ("Via", "From", "Call-ID", "CSeq"))]
        head += [f"To: {field(invite, 'To')};tag=callee", f"Contact: <sip:line7@127.0.0.1:{callee.getsockname()[1]}>"]
        callee.sendto(("\r\n".join([*head, "Content-Length: 0"]) + "\r\n\r\n").encode(), source)
        while not data.startswith(method.encode()):
            data = callee.recv(65536)
        return invite, data.decode()
    finally:
        caller.kill()
        caller.wait()
        callee.close()


as_found = True
for line, method in (("183 Session Progress", "CANCEL"), ("486 Busy Here", "ACK")):
    invite, request = reaction(line, method)
    print(f"after {line}:")
    for message in (invite, request):
        print(f"  {message.splitlines()[0]}   To: {field(message, 'To')}   CSeq: {field(message, 'CSeq')}")
    same = all(field(invite, name) == field(request, name) for name in ("Via", "From", "Call-ID"))
    print("  Via, From and Call-ID are the INVITE's:", same)
    as_found = as_found and same and request.startswith(f"{method} sip:+441632960123@phones.example SIP/2.0")
    as_found = as_found and field(request, "To") == f"{field(invite, 'To')};tag=callee"
assert as_found, "another behaviour than was found"
print("as found")
PYTHON
python3 "$here/try.py" "$here"
