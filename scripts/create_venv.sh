#!/bin/sh
# Usage: create_venv.sh FOLDER
# Makes a virtual environment with the Python that PYTHON names, or the first one found that the
# locked packages exist for. Debian keeps `venv` in a package of its own; root gets it installed.
set -eu

folder=$1
# torch 2.13.0, the locked version, is published for these.
fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

if [ -x "$folder/bin/python" ] && "$folder/bin/python" -c "$fits" &&
    "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

candidates=${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}
python=
for candidate in $candidates; do
    if command -v "$candidate" >/dev/null && "$candidate" -c "$fits" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "doodlescope needs Python 3.11, 3.12, 3.13 or 3.14; looked for: $candidates." >&2
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
