#!/usr/bin/env bash
# Installs what is missing: Debian packages, and a virtual environment with the locked Python packages.
#   scripts/setup.sh [core|molmo|dev]
# core: everything but the model. molmo: torch and transformers too. dev: that, and what the tests need.
# EXECUTOR=celery in the environment: Redis too.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-core}
PYTHON=${PYTHON:-python3}

say() { printf '  %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

apt_install() {
    command -v apt-get >/dev/null || die "please install $* (this script knows apt only)"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "please install $* as root: apt-get install $*"
        sudo=(sudo)
    fi
    say "installing $* (apt)"
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    # Debian starts a Redis of its own with the package; Octavo's is started with its workers, and on a socket.
    [[ " $* " != *" redis-server "* || ! -d /run/systemd/system ]] || "${sudo[@]}" systemctl --quiet disable --now redis-server
}

packages=()
{ command -v tesseract >/dev/null && tesseract --list-langs 2>/dev/null | grep -qx eng && tesseract --list-langs | grep -qx osd; } \
    || packages+=(tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd)
[ "$profile" != dev ] || command -v chromium >/dev/null || packages+=(chromium)
[ "$profile" != dev ] || command -v pdftotext >/dev/null || packages+=(poppler-utils)
"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
{ [ "$profile" != dev ] && [ "${EXECUTOR:-}" != celery ]; } || command -v redis-server >/dev/null || packages+=(redis-server)
[ ${#packages[@]} -eq 0 ] || apt_install "${packages[@]}"

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || die "Octavo needs Python 3.11 or newer, $PYTHON is $("$PYTHON" -V); set PYTHON=/path/to/python"
[ -x .venv/bin/python ] || { say "creating .venv"; "$PYTHON" -m venv .venv; }

case $profile in
    core)  requirements=(-r requirements-core.txt) lock=requirements-core.lock ;;
    molmo) requirements=(-r requirements.txt) lock=requirements.lock ;;
    dev)   requirements=(-r requirements.txt -r requirements-dev.txt) lock=requirements-dev.lock ;;
    *)     die "unknown profile $profile: core, molmo or dev" ;;
esac
# What has been installed is remembered by the content of the files that name it.
files=("$lock" pyproject.toml)
for argument in "${requirements[@]}"; do [ "$argument" = -r ] || files+=("$argument"); done
for file in "${files[@]}"; do [ -f "$file" ] || die "$file is missing from this checkout"; done
stamp=.venv/octavo-$profile.sha256
if [ "$(sha256sum "${files[@]}" | sha256sum)" != "$(cat "$stamp" 2>/dev/null)" ]; then
    say "installing Python packages ($profile); the first time takes some minutes"
    # pip takes no hashes with constraints, and torch's CUDA libraries are left out where its wheel does not ask for them.
    sed -n 's/ *\\$//; /^[a-z0-9]/p' "$lock" > .venv/constraints.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "${requirements[@]}" -c .venv/constraints.txt
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
    sha256sum "${files[@]}" | sha256sum > "$stamp"
fi
say "Python packages and tools are in place"
