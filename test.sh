#!/bin/sh
# Builds with everything that tests need, installs it into the build directory, runs all tests and
# says at the end how many passed, failed and were skipped.
#   ./test.sh [SUITE...]     lint unit golden integration faults probes live: all when none is
#                            named;
#                            mutations takes controls out and asks which probes notice (minutes)
#   ./test.sh --build-only
# From the environment:
#   SVENV_BUILD=DIR     build here (default: build-test)
#   SVENV_PREFIX=DIR    test what is installed there already, instead of installing
#   SVENV_BUILT=1       test what is built and installed there already; whoever does needs no right to
#                       write in the build directory but in its meson-logs
#   SVENV_TALLY=FILE    add the counts to this file, one line a suite
#   SVENV_MUST_WORK=1   a test that cannot run is a failure
# Packages: those that install.sh installs.
set -eu
cd "$(dirname "$0")"

build_only=
if [ "${1:-}" = --build-only ]; then
    build_only=yes
    shift
fi
[ $# -gt 0 ] || set -- lint unit golden integration faults probes live
build=${SVENV_BUILD:-$PWD/build-test}
prefix=${SVENV_PREFIX:-$build/prefix}
tally=${SVENV_TALLY:-$build/tally}
[ -n "${SVENV_TALLY:-}" ] || rm -f "$tally"

build() {
    # A newer compiler's new warning stops CI, not somebody who only wants to see the tests pass.
    werror=false
    [ "${CI:-}" != true ] || werror=true
    reconfigure=
    [ ! -f "$build/build.ninja" ] || reconfigure=--reconfigure
    # shellcheck disable=SC2086 # one word or none
    meson setup $reconfigure "$build" --prefix "$prefix" -Dtests=true -Dwerror=$werror >/dev/null
    meson compile -C "$build" --ninja-args=--quiet,-k0
    [ -n "${SVENV_PREFIX:-}" ] || meson install -C "$build" --no-rebuild --quiet
}

[ "${SVENV_BUILT:-}" = 1 ] || build
[ -z "$build_only" ] || exit 0

# So that Criterion tells skipped cases, which its sum leaves out.
export CRITERION_VERBOSITY_LEVEL=1
failed=0
for suite in "$@"; do
    echo "== $suite"
    log=$suite-$(id -un)
    # The count is of what ran; a suite without tests leaves no log.
    rm -f "$build/meson-logs/$log.json"
    meson test -C "$build" --no-rebuild --print-errorlogs --suite "$suite" --logbase "$log" ||
        failed=1
    python3 -B tests/tally.py add "$tally" "$suite" "$build/meson-logs/$log.json" || failed=1
done
[ -n "${SVENV_TALLY:-}" ] || python3 -B tests/tally.py total "$tally" || failed=1
exit "$failed"
