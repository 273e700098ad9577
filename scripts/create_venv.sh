#!/bin/sh
# Usage: create_venv.sh FOLDER
# Makes a virtual environment with Python 3.11 or later: the one named by PYTHON, or the first
# one found. Debian keeps `venv` in a package of its own, which root gets installed here.
set -eu

folder=$1
recent='import sys; sys.exit(sys.version_info < (3, 11))'

if [ -x "$folder/bin/python" ] && "$folder/bin/python" -c "$recent" &&
    "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if command -v "$candidate" >/dev/null && "$candidate" -c "$recent" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "doodlescope needs Python 3.11 or later; looked for: ${PYTHON:-python3}." >&2
    echo "Name one with: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "$python has no venv module; installing Debian's package python3-venv."
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-venv
    else
        echo "$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

echo "Making $folder with $("$python" --version)."
"$python" -m venv --clear "$folder"
