#!/bin/sh
# Sets up what `make run`, `make call`, `make test` or `make bench` needs: ./setup.sh run|call|test|bench|bench-peers
#
# Python 3.11 or 3.12 with a virtual environment in .venv, the packages of requirements.lock (checked by their
# hashes), this project, and the Debian packages of that purpose. Says what it does; says nothing when all is there.
set -eu
cd "$(dirname "$0")"

purpose=${1:-run}
case $purpose in
    run) programs="ffmpeg:ffmpeg" ;;
    call|bench) programs="sipp:sip-tester" ;;
    bench-peers) programs="sipp:sip-tester kamailio:kamailio" ;;
    test) programs="ffmpeg:ffmpeg sipp:sip-tester baresip:baresip linphonec:linphone-cli twinkle-console:twinkle-console kamailio:kamailio" ;;
    *) echo "usage: $0 run|call|test|bench|bench-peers" >&2; exit 2 ;;
esac

say() { printf '\033[1m%s\033[0m\n' "== $*"; }
[ -t 1 ] || say() { printf '%s\n' "== $*"; }

# The first Python that runs and that the packages are built for.
find_python() {
    for candidate in python3.11 python3.12 python3 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

usable_venv() { .venv/bin/python -m pip --version >/dev/null 2>&1; }

missing=""
for pair in $programs; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
if ! usable_venv; then
    python=$(find_python)
    if [ -z "$python" ]; then
        missing="$missing python3 python3-venv"
    elif ! "$python" -c 'import ensurepip' 2>/dev/null; then
        missing="$missing python3-venv"
    fi
fi

if [ -n "$missing" ]; then
    install="apt-get install -y --no-install-recommends$missing"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing:$missing (Debian's names). Install them with this system's packager, then run this again." >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        echo "Debian packages are missing. Run this, then start again:" >&2
        echo "    sudo $install" >&2
        exit 1
    fi
    say "Debian packages:$missing"
    apt-get update -q
    # shellcheck disable=SC2086  # the list is split into words on purpose
    DEBIAN_FRONTEND=noninteractive $install </dev/null
    # Debian starts a Kamailio of its own on port 5060, which is ours.
    case $missing in
        *kamailio*) systemctl disable --now kamailio >/dev/null 2>&1 || true ;;
    esac
fi

if ! usable_venv; then
    python=$(find_python)
    if [ -z "$python" ]; then
        echo "Python 3.11 or 3.12 is needed; this machine has $(python3 --version 2>&1 || echo none)." >&2
        exit 1
    fi
    say "virtual environment in .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

# What the environment holds is named by what it was made from and where it lies.
stamp=.venv/installed-$( { cat requirements.lock pyproject.toml; pwd; } | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
    say "Python packages of requirements.lock, each checked by its hash"
    .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
    say "this project"
    .venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --quiet --editable .
    rm -f .venv/installed-*
    touch "$stamp"
fi

# What Ringplan is compared with lives in an environment of its own, and nothing of it is ours.
if [ "$purpose" = bench-peers ] && [ ! -x build/sippy/bin/b2bua_simple ]; then
    say "sippy in build/sippy"
    rm -rf build/sippy
    .venv/bin/python -m venv build/sippy
    build/sippy/bin/python -m pip install --disable-pip-version-check --quiet sippy==2.5.0
fi
