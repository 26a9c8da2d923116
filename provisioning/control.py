"""Asking the running service over its control socket: one JSON line out, one back."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

VERSION = 1
"""The version of the lines in both directions."""
TIMEOUT = 3.0
"""Seconds that the service has to answer."""


class NotRunningError(Exception):
    """No service answers on this control socket."""


def ask(path: Path, do: str, timeout: float = TIMEOUT, **fields: Any) -> dict[str, Any]:
    """The answer to the request `do` with these fields. Raises NotRunningError when none comes or it is not a yes."""
    asked = {"v": VERSION, "id": 1, "do": do, **fields}
    deadline = time.monotonic() + timeout
    received = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(timeout)
            control.connect(str(path))
            control.sendall(json.dumps(asked).encode() + b"\n")
            while b"\n" not in received:
                control.settimeout(max(deadline - time.monotonic(), 0.001))
                part = control.recv(65536)
                if not part:
                    raise NotRunningError(f"{path}: the service closed the connection")
                received += part
        answer = json.loads(received.partition(b"\n")[0])
    except (OSError, ValueError) as error:
        raise NotRunningError(f"{path}: {error}") from None
    if not isinstance(answer, dict) or answer.get("id") != asked["id"] or answer.get("ok") is not True:
        raise NotRunningError(f"{path}: {do} was refused: {answer}")
    return answer


def notify_changed(path: Path, timeout: float = 1.0) -> bool:
    """Tell call handling that settings changed, and wait at most `timeout` seconds until it has read them again.

    False means that nobody answered yes in time: what was saved comes into force when call handling is back.
    """
    try:
        ask(path, "changed", timeout)
    except NotRunningError:
        return False
    return True
