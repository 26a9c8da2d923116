"""Asking the running service over its control socket: one JSON line out, one back."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

VERSION = 1
TIMEOUT = 3.0
"""Seconds that the service has to answer."""


class NotRunningError(Exception):
    """No service answers on this control socket."""


def ask(path: Path, do: str, timeout: float = TIMEOUT, **fields: Any) -> dict[str, Any]:
    """The answer to the request `do` with these fields. Raises NotRunningError when none comes or it is not a yes."""
    request = json.dumps({"v": VERSION, "id": 1, "do": do, **fields}).encode() + b"\n"
    deadline = time.monotonic() + timeout
    received = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(timeout)
            control.connect(str(path))
            control.sendall(request)
            while b"\n" not in received:
                control.settimeout(max(deadline - time.monotonic(), 0.001))
                part = control.recv(65536)
                if not part:
                    raise NotRunningError(f"{path}: the service closed the connection")
                received += part
        answer = json.loads(received.partition(b"\n")[0])
    except (OSError, ValueError) as error:
        raise NotRunningError(f"{path}: {error}") from None
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise NotRunningError(f"{path}: {do} was refused: {answer}")
    return answer
