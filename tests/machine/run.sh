#!/bin/sh
# Runs integration tests on an emulated machine: Debian's kernel and systemd, with a real cgroup v2
# tree, whatever the machine at hand has. By hand, as root:
#
#   tests/machine/run.sh DIRECTORY PREFIX [TEST...]
#
# DIRECTORY keeps the disk from run to run (2 GB, made by debootstrap in a few minutes the first time).
# PREFIX is where sandbox-venv is installed; the machine sees it at the same path. TEST is one file of
# tests/integration and names in it; test_limits.py when nothing is said. MIRROR names another mirror of
# Debian's than debootstrap's own, ACCEL=kvm uses the processor's help where that works. Needs
# debootstrap, e2fsprogs and qemu-system-x86_64.
#
# Without that help a whole run takes ten minutes or more: too long for every commit. Exit status 0:
# every run inside said OK.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2; }
directory=$(realpath -m "$1")
prefix=$(realpath "$2")
shift 2
[ $# -gt 0 ] || set -- test_limits.py

packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,linux-image-cloud-amd64,\
initramfs-tools,python3,python3-venv,libyaml-0-2,libinih1,libseccomp2,util-linux,procps

make_disk() {
    root=$directory/root
    [ -e "$root/boot/vmlinuz-done" ] || {
        rm -rf "$root"
        debootstrap --variant=minbase --include="$packages" bookworm "$root" ${MIRROR:-}
        chroot "$root" useradd -m -u 1000 -s /bin/bash lingering
        chroot "$root" useradd -m -u 1001 -s /bin/bash plain
        mkdir -p "$root/var/lib/systemd/linger"
        # systemd runs a manager for this user from the start, without a log-in.
        touch "$root/var/lib/systemd/linger/lingering"
        ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
        install -D -m 644 "$here/tests.service" "$root/etc/systemd/system/tests.service"
        mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
        ln -sf ../tests.service "$root/etc/systemd/system/multi-user.target.wants/tests.service"
        echo machine >"$root/etc/hostname"
        touch "$root/boot/vmlinuz-done"
    }
    cp "$root"/boot/vmlinuz-*-amd64 "$directory/kernel"
    cp "$root"/boot/initrd.img-*-amd64 "$directory/initrd"
    truncate -s 3G "$directory/disk.new"
    mkfs.ext4 -q -d "$root" "$directory/disk.new"
    mv "$directory/disk.new" "$directory/disk"
}

# Files that change from run to run go onto a second disk.
make_work() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/tests"
    cp -r "$here/../lib" "$here/../integration" "$work/tests"
    cp -r "$prefix" "$work/prefix"
    cp "$here"/inside.sh "$here"/delegated.sh "$work"
    echo "$prefix" >"$work/prefix-path"
    echo "$*" >"$work/what"
    chmod -R a+rX "$work"
    rm -f "$directory/work"
    truncate -s 200M "$directory/work"
    mkfs.ext4 -q -d "$work" "$directory/work"
}

mkdir -p "$directory"
[ -e "$directory/disk" ] || make_disk
make_work "$@"
qemu-system-x86_64 -accel "${ACCEL:-tcg}" -cpu max -machine q35 -smp 2 -m 2048 -nographic -no-reboot -nic none \
    -kernel "$directory/kernel" -initrd "$directory/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet loglevel=3 systemd.show_status=no" \
    -drive "file=$directory/disk,format=raw,if=virtio,snapshot=on" \
    -drive "file=$directory/work,format=raw,if=virtio,readonly=on" </dev/null | tee "$directory/log"
grep -q '^machine: all runs are OK' "$directory/log"
