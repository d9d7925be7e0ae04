#!/bin/sh
# Make a virtual environment with the pinned dependencies and this project in it.
#
# usage: sh deploy/install.sh VENV        (from the top of the clone; `make venv` does)
# PYTHON names the interpreter; without it the first of 3.11 or newer on PATH is taken. pip reads
# its usual settings (PIP_INDEX_URL, HTTPS_PROXY, ...), so mirrors and proxies work.
set -eu

venv=$1

say() { printf '==> %s\n' "$*" >&2; }

give_up() {
  printf '\nerror: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# A name on PATH may be a version manager's stand-in that refuses to start: so each is tried.
find_python() {
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
    if is_recent "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  give_up "no Python 3.11 or newer was found${PYTHON:+ (PYTHON=$PYTHON)}." \
    "Install one (Debian 12, Ubuntu 24.04: apt install python3-venv; macOS: brew install python)" \
    "or name it: make venv PYTHON=/path/to/python3.12"
}

create() {
  python=$(find_python) || exit 1
  say "Creating $venv with $("$python" --version) ($python)"
  "$python" -m venv --clear "$venv" || give_up "the virtual environment could not be created." \
    "On Debian and Ubuntu the module is a package of its own: apt install python3-venv" \
    "Then call make again."
}

install() {
  "$venv/bin/python" -m pip --disable-pip-version-check install --no-input "$@"
}

is_recent "$venv/bin/python" || create

# A first installation shows its downloads; a later one has few or none.
quietly=
[ ! -e "$venv/.ready" ] || quietly=--quiet

say "Installing the packages of requirements.lock (about a minute the first time)"
install $quietly --require-hashes -r requirements.lock || give_up "the dependencies could not be installed." \
  "The lines above say which one and why. Usual reasons:" \
  "- no way to a package index: set HTTPS_PROXY, or PIP_INDEX_URL for a mirror of your own" \
  "- a hash that does not match: the download was changed on its way; try again, then report it" \
  "- no wheel for this platform: use Python 3.11 to 3.13 on Linux or macOS" \
  "Then call make again; what is installed already is kept."

# The lock brought setuptools, so this step needs no index.
say "Installing the command holdfast"
install --quiet --no-index --no-deps --no-build-isolation --editable . ||
  give_up "this project could not be installed into $venv." \
    "Remove the environment and try again: make clean venv"
say "Ready: $venv/bin/holdfast"
