#!/bin/sh
# Builds and installs sandbox-venv on Debian, Ubuntu and their kin, then shows it at work.
# Run it as yourself (it asks sudo for what needs root) or as root.
#   ./install.sh [--prefix DIR] [--no-packages] [--no-demo]
set -eu
cd "$(dirname "$0")"

prefix=/usr/local
want_packages=yes
want_demo=yes
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) prefix=${2:?--prefix needs a directory}; shift ;;
    --no-packages) want_packages=no ;;
    --no-demo) want_demo=no ;;
    *) echo "usage: ./install.sh [--prefix DIR] [--no-packages] [--no-demo]" >&2; exit 2 ;;
    esac
    shift
done

# Packages for the build, then those for the tests and the demo.
packages="gcc libc6-dev musl-tools linux-libc-dev meson ninja-build pkg-config
    libseccomp-dev libinih-dev libyaml-dev
    libcriterion-dev bubblewrap python3 python3-venv"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Under `sudo ./install.sh` the person is the one who called sudo: the build directory is theirs, and
# the demo shows what they will see.
as_caller() {
    if [ "$(id -u)" -eq 0 ] && [ "${SUDO_USER:-root}" != root ]; then
        sudo -u "$SUDO_USER" -H "$@"
    else
        "$@"
    fi
}

install_packages() {
    missing=
    for package in $packages; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || {
        echo "install.sh: apt-get is not here; install the equivalents of:$missing" >&2
        exit 1
    }
    echo "== installing packages:$missing"
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # one word per package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}

build() {
    echo "== building"
    if [ -f build/build.ninja ]; then
        as_caller meson setup --reconfigure build -Dprefix="$prefix" -Dtests=false >/dev/null
    else
        as_caller meson setup build -Dprefix="$prefix" -Dtests=false >/dev/null
    fi
    as_caller meson compile -C build
}

[ "$want_packages" = no ] || install_packages
build
echo "== installing below $prefix"
as_root meson install -C build --no-rebuild --quiet
[ "$want_demo" = no ] || as_caller env PATH="$prefix/bin:$PATH" sh docs/demo.sh
