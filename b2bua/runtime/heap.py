"""What the process holds in memory, apart from what its two allocators keep for later.

Python takes memory by the megabyte and gives back a megabyte only when nothing in it is in use; so after a burst the
resident size says little of what is held. These figures say it.
"""

from __future__ import annotations

import ctypes
import sys


class _MallInfo(ctypes.Structure):
    """`struct mallinfo2` of the GNU C library (mallinfo(3))."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def blocks_in_use() -> int:
    """How many small pieces, of at most 512 bytes each, Python's objects are made of."""
    return sys.getallocatedblocks()


def bytes_in_use() -> int:
    """How many bytes of larger pieces are in use; 0 where the C library does not tell (glibc before 2.33, musl)."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return 0
    mallinfo.restype = _MallInfo
    told = mallinfo()
    return int(told.uordblks + told.hblkhd)
