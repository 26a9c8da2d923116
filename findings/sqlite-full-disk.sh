#!/bin/bash
# SQLite on a full disk: READING a sound database is a "disk I/O error", and nothing says that the disk is full.
#
# Package    apsw 3.46.1.0 from PyPI (SQLite 3.46.1)
# Input      a sound database with a write-ahead log, closed properly, on a file system that has since filled up
# One would guess   reading needs no room; and whatever needs some is answered with SQLITE_FULL
# Seen       SELECT raises SQLITE_IOERR, extended SQLITE_IOERR_SHMSIZE, text "disk I/O error": the shared memory beside
#            the database (32 KiB, -shm) finds no room. The same file with journal_mode DELETE can be read, and writing to
#            it is SQLITE_FULL, as one would guess. So a message "the disk is broken" or "the database is damaged" for an
#            I/O error is wrong, and only trying to write a file oneself tells.
# Needs      root, or user namespaces, for a small file system in memory
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check apsw==3.46.1.0
cat > "$here/try.py" <<'PYTHON'
import sys

import apsw

folder = sys.argv[1]
print("SQLite", apsw.sqlite_lib_version())
for mode in ("wal", "delete"):
    made = apsw.Connection(f"{folder}/{mode}.db")
    made.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    made.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    made.close()
with open(f"{folder}/fill", "wb", buffering=0) as fill:
    try:
        while fill.write(bytes(4096)):
            pass
    except OSError as error:
        print("the disk:", error.strerror)


def outcome(file: str, statement: str) -> str:
    try:
        database = apsw.Connection(f"{folder}/{file}")
        return f"rows {database.execute(statement).fetchall()}"
    except apsw.Error as error:
        name = apsw.mapping_extended_result_codes.get(error.extendedresult)
        return f"{type(error).__name__}, {name or apsw.mapping_result_codes[error.result]}: {error}"


seen = {
    "read, write-ahead log": outcome("wal.db", "SELECT * FROM t"),
    "read, rollback journal": outcome("delete.db", "SELECT * FROM t"),
    "write, rollback journal": outcome("delete.db", "INSERT INTO t VALUES (zeroblob(100000))"),
}
for what, came in seen.items():
    print(f"{what}: {came}")
assert "SQLITE_IOERR_SHMSIZE" in seen["read, write-ahead log"], "another behaviour than was found"
assert seen["read, rollback journal"] == "rows [(1,)]", "another behaviour than was found"
assert "SQLITE_FULL" in seen["write, rollback journal"], "another behaviour than was found"
print("as found")
PYTHON
mkdir "$here/disk"
[ "$(id -u)" = 0 ] && own=() || own=(--user --map-root-user)
unshare "${own[@]}" --mount bash -c "mount -t tmpfs -o size=256k none '$here/disk' && '$here/venv/bin/python' '$here/try.py' '$here/disk'"
