#!/usr/bin/env bash
# Installs what a fresh machine lacks, apart from rustup, a C compiler and make. Python packages go into target/venv, and
# the runner of gungraun goes into target/tools. apt-get installs Python, its venv module, valgrind, and cmake if pip
# cannot; this needs root on a Debian system. Programs that are already installed are used.
#
#   tests/setup.sh build          cmake, which compiles the bundled HDF5
#   tests/setup.sh readers        the Python packages of tests/python/requirements.txt, which check our output files
#   tests/setup.sh instructions   valgrind and the runner of gungraun, which count instructions
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CMAKE_NEEDED=3.26 # by the bundled HDF5; Debian 12 has 3.25
CMAKE_PIP="cmake==4.4.4"
VENV=target/venv
TOOLS=target/tools

# Remove the environment of an earlier run from PATH: its python must not make the new environment.
PATH=${PATH//"$PWD/$VENV/bin:"/}

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# apt_install PACKAGE: installs a package. Fails without root or on a system that is not Debian.
apt_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "apt-get install $1"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -q --no-install-recommends "$1" >&2 </dev/null && return
    apt-get update -q >&2 </dev/null && apt-get install -y -q --no-install-recommends "$1" >&2 </dev/null
}

# Makes a Python environment with pip in target/venv, unless there is one that works.
make_venv() {
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1 && return
    command -v python3 >/dev/null || apt_install python3 || return 1
    rm -rf "$VENV"
    say "making a Python environment in $VENV"
    python3 -m venv "$VENV" >/dev/null 2>&1 && return
    rm -rf "$VENV"
    if apt_install python3-venv && python3 -m venv "$VENV" >&2; then return; fi
    rm -rf "$VENV"
    return 1
}

pip_install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 </dev/null; }

# new_enough CMAKE: whether this cmake runs and is at least the version needed.
new_enough() {
    local version
    version=$("$1" --version 2>/dev/null | sed -n '1s/^cmake version //p') && [ -n "$version" ] || return 1
    [ "$(printf '%s\n' "$CMAKE_NEEDED" "$version" | sort -V | head -n 1)" = "$CMAKE_NEEDED" ]
}

build() {
    command -v cargo >/dev/null || fail "cargo is missing. Install Rust with rustup, then run make again."
    command -v cc >/dev/null || fail "a C compiler is missing. Install one (Debian: apt install gcc), run make again."
    # An old cmake in target/venv must be replaced, because make puts target/venv/bin first on PATH.
    new_enough "$VENV/bin/cmake" && return
    if new_enough cmake && [ ! -e "$VENV/bin/cmake" ]; then return; fi
    say "cmake $CMAKE_NEEDED or later is not on PATH; the bundled HDF5 is compiled with it"
    if make_venv; then
        say "pip install $CMAKE_PIP into $VENV"
        pip_install --force-reinstall "$CMAKE_PIP" && new_enough "$VENV/bin/cmake" && return
    fi
    apt_install cmake && new_enough cmake && return
    fail "cmake $CMAKE_NEEDED or later could not be installed. Install it, or Python's venv module" \
        "(Debian: apt install python3-venv), then run make again. The system's HDF5 can be used instead of the" \
        "bundled one: cargo build --release --no-default-features."
}

readers() {
    make_venv || fail "a Python environment is needed to check the files we write, and python3 -m venv does not work." \
        "Install Python's venv module (Debian: apt install python3-venv), then run make again."
    say "pip install -r tests/python/requirements.txt into $VENV"
    pip_install -r tests/python/requirements.txt ||
        fail "the Python packages of tests/python/requirements.txt could not be installed; pip's message is above."
}

instructions() {
    local runner version
    command -v python3 >/dev/null || apt_install python3 || fail "python3 is missing. Install it, then run make again."
    command -v valgrind >/dev/null || apt_install valgrind ||
        fail "valgrind is missing: it counts the instructions. Install it (Debian: apt install valgrind), then run" \
            "make again. Only the step \"instructions\" needs it."
    # The runner must have the same version as the library.
    runner=$TOOLS/bin/gungraun-runner
    version=$(sed -n '/^name = "gungraun"$/{n;s/^version = "\(.*\)"$/\1/p}' Cargo.lock)
    [ -n "$version" ] || fail "gungraun is not in Cargo.lock."
    [ "$("$runner" --version 2>/dev/null)" = "gungraun-runner $version" ] && return
    say "cargo install gungraun-runner $version into $TOOLS"
    cargo install --quiet --root "$TOOLS" --locked --force --version "$version" gungraun-runner >&2 ||
        fail "gungraun-runner $version could not be installed; cargo's message is above."
}

case "${1:-}" in
build) build ;;
readers) readers ;;
instructions) instructions ;;
*) fail "usage: tests/setup.sh build|readers|instructions" ;;
esac
