"""What can go wrong with the data directory, told so that an operator knows what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The disk is full, or a quota or limit (`ulimit -f`) of this user is reached."""


class StoreError(Exception):
    """The data directory cannot be used as it is. The text says why, and the remedy."""


def no_room(folder: Path, why: str) -> str:
    """The sentence for a full disk, and for a quota or limit that is reached."""
    return (
        f"There is no room on the disk that holds {folder} ({why}). What is there is sound. Make room (df -h and "
        f"df -i {folder}; quota), then do the same again."
    )


def unusable(folder: Path, error: OSError, setting: str = "data_dir") -> str:
    """Why a folder cannot be used, by what the system said, and the remedy. `setting` is what names the folder."""
    why = error.strerror or str(error)
    file = error.filename or folder
    match error.errno:
        case number if number in NO_ROOM:
            return no_room(folder, why)
        case errno.EROFS:
            return (
                f"{setting} ({folder}) is on a file system that is mounted read-only. Mount it to be written; after "
                "a fault of the disk the system does that by itself, and dmesg says so."
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"{setting} ({folder}) cannot be used: {file} is not open to user {os.geteuid()} ({why}). Run "
                f"Ringplan as the user who owns the folder, or give it back (chown -R USER {folder})."
            )
        case errno.EIO:
            return f"{setting} ({folder}) cannot be used: the disk fails at {file} ({why}). dmesg says more."
        case _:
            return f"{setting} ({folder}) cannot be used: {file}: {why}."
