"""Telling call handling that settings changed, so that the next call follows them."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

REQUEST = {"v": 1, "id": 1, "do": "changed"}
LONGEST_ANSWER = 65536


def notify_changed(control_socket_path: Path, timeout: float = 1.0) -> bool:
    """Send `changed`, wait at most `timeout` seconds for the answer, which comes after settings are re-read.

    False means that nobody answered yes in time: what was saved comes into force when call handling is back.
    """
    deadline = time.monotonic() + timeout
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(timeout)
            control.connect(str(control_socket_path))
            control.sendall(json.dumps(REQUEST).encode() + b"\n")
            while b"\n" not in answer and len(answer) < LONGEST_ANSWER:
                control.settimeout(max(deadline - time.monotonic(), 0.001))
                if not (received := control.recv(4096)):
                    return False
                answer += received
        reply = json.loads(answer.partition(b"\n")[0])
    except (OSError, ValueError):
        return False
    return isinstance(reply, dict) and reply.get("id") == REQUEST["id"] and reply.get("ok") is True
