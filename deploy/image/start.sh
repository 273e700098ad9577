#!/bin/sh
# What the image runs: doodlescope, with what was compiled when the image was built.
#
# Numba keeps what it has compiled in a folder that it can write to, and the image is mounted
# read-only: so that folder is a copy in the one place that is not. Exported networks are kept in
# DOODLESCOPE_CACHE: a folder of the user's own, such as a volume, begins with those of the image.
set -eu
made="$(dirname "$0")/made"
scratch="${TMPDIR:-/tmp}/doodlescope"
if ! mkdir -p "$scratch" || ! cp -R "$made/numba" "$scratch"; then
    echo "doodlescope needs a folder that it can write to: docker run --tmpfs /tmp ..." >&2
    exit 1
fi
cache="${DOODLESCOPE_CACHE:-}"
if [ -d "$cache" ] && [ -w "$cache" ] && [ "$cache" != "$made/forms" ]; then
    for form in "$made"/forms/*.onnx; do
        kept="$cache/${form##*/}"
        [ ! -e "$form" ] || [ -e "$kept" ] || cp "$form" "$kept" || true  # it only saves time
    done
fi
export HOME="$scratch" NUMBA_CACHE_DIR="$scratch/numba"
exec python -P -m server "$@"
