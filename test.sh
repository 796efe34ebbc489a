#!/bin/sh
# Builds with everything that tests need and runs all of them.
#   ./test.sh [arguments of `meson test`]
# Packages: those that install.sh installs.
set -eu
cd "$(dirname "$0")"
if [ ! -f build-test/build.ninja ]; then
    meson setup build-test -Dtests=true >/dev/null
fi
meson compile -C build-test
exec meson test -C build-test --print-errorlogs "$@"
