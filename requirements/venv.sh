#!/bin/sh
# Makes a virtual environment from a hash-pinned lock, or says in one sentence why it cannot.
#
#   venv.sh pythons               one line "3.12 /path/python" for each Python that can run p2pbot, newest first
#   venv.sh make DIR PROFILE [PYTHON]
#                                 DIR holds what requirements/PROFILE.txt (run or dev) pins, and p2pbot, editable
#   venv.sh clients DIR           DIR holds what requirements/clients.txt pins, and nothing of ours
#
# Promise: idempotent, and quick when nothing changed (a stamp in DIR names the lock that it was made from).
# Needs POSIX sh, git (for a hash) and Python 3.11 to 3.13 with venv; nothing is fetched but what the lock pins.
set -eu
cd "$(dirname "$0")/.."

# Prints "3.12" if the interpreter starts, is of a version that p2pbot runs on, and has all its own modules.
version_of() {
    "$1" -c '
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    raise SystemExit(1)
import ensurepip, sqlite3, ssl, venv
print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

candidates() {
    for version in 3.13 3.12 3.11; do command -v "python$version" || true; done
    for name in python3 python; do command -v "$name" || true; done
    if command -v pyenv >/dev/null 2>&1; then
        ls -d "$(pyenv root)"/versions/*/bin/python 2>/dev/null || true
    fi
}

# The first of each version wins: what is on PATH goes before what pyenv keeps.
pythons() {
    candidates | while IFS= read -r python; do
        if version=$(version_of "$python"); then echo "$version $python"; fi
    done | sort -s -t. -k2,2nr | awk '!seen[$1]++'
}

make_venv() {
    dir=$1 profile=$2
    # What the developers' lock made is kept as such: it holds everything of the other, at the same versions.
    if [ -e "$dir/bin/pytest" ]; then profile=dev; fi
    stamp="$dir/p2pbot-$profile-$(cat requirements/build.txt "requirements/$profile.txt" pyproject.toml | git hash-object --stdin)"
    if [ -e "$stamp" ] && version_of "$dir/bin/python" >/dev/null; then return; fi
    if ! version_of "$dir/bin/python" >/dev/null; then create "$dir" "${3:-}"; fi
    rm -f "$dir/p2pbot-$profile-"*
    echo "Setting up $dir from requirements/$profile.txt; this takes a minute the first time." >&2
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
    "$dir/bin/python" -m pip install --quiet --require-hashes -r requirements/build.txt -r "requirements/$profile.txt"
    "$dir/bin/python" -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
    touch "$stamp"
}

make_clients() {
    dir=$1
    stamp="$dir/clients-$(git hash-object requirements/clients.txt)"
    if [ -e "$stamp" ] && version_of "$dir/bin/python" >/dev/null; then return; fi
    create "$dir" ""
    echo "Setting up $dir from requirements/clients.txt; this takes half a minute." >&2
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
    "$dir/bin/python" -m pip install --quiet --no-deps --require-hashes -r requirements/clients.txt
    touch "$stamp"
}

create() {
    python=${2:-$(pythons | awk 'NR == 1 { print $2 }')}
    if [ -z "$python" ]; then
        echo "p2pbot needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found." >&2
        echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Elsewhere: pyenv install 3.13." >&2
        exit 1
    fi
    rm -rf "$1"
    "$python" -m venv "$1"
}

case "${1:-}" in
    pythons) pythons ;;
    make) make_venv "$2" "$3" "${4:-}" ;;
    clients) make_clients "$2" ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
