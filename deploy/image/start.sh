#!/bin/sh
# What the image runs: doodlescope, with what was compiled when the image was built.
#
# Numba keeps what it has compiled in a folder that it can write to, and the image is mounted
# read-only: so that folder is a copy in the one place that is not.
set -eu
compiled="$(dirname "$0")/made/numba"
scratch="${TMPDIR:-/tmp}/doodlescope"
if ! mkdir -p "$scratch" || ! cp -R "$compiled" "$scratch"; then
    echo "doodlescope needs a folder that it can write to: docker run --tmpfs /tmp ..." >&2
    exit 1
fi
export HOME="$scratch" NUMBA_CACHE_DIR="$scratch/numba"
exec python -P -m server "$@"
