#!/bin/sh
# On the machine, as root: the tests in each of the ways in which a control group may come about.
prefix=$(cat /mnt/work/prefix-path)
mkdir -p "$prefix"
mount --bind /mnt/work/prefix "$prefix"
mount -o remount,bind,ro "$prefix"
tests="python3 -B /mnt/work/tests/lib/runner.py /mnt/work/tests/integration/$(cat /mnt/work/what)"
# How a group is found: enough where what it then holds is shown by another run.
short=$tests
case $tests in
*.py) short="$tests WithoutGroups OnTheBus InGroups.test_the_way_that_was_meant \
InGroups.test_a_memory_hog_ends" ;;
esac
variables="SVENV_PREFIX=$prefix LC_ALL=C.UTF-8"
failed=0

try() {
    title=$1
    shift
    echo "--- $title"
    "$@" || { failed=$((failed + 1)); echo "--- FAILED: $title"; }
}

uname -r
systemctl --version | head -n 1
try "a user who has logged in" \
    su -l lingering -c "$variables SVENV_GROUP_WAY=systemd $tests"
try "a user without the variables of a session" \
    runuser -u lingering -- env -i PATH="$PATH" HOME=/home/lingering $variables \
    SVENV_GROUP_WAY=systemd $short
try "a user with a delegated subtree" \
    su -l lingering -c "systemd-run --quiet --user --scope -p Delegate=yes \
    env $variables SVENV_GROUP_WAY=delegated sh /mnt/work/delegated.sh $tests"
try "root" env HOME=/root $variables SVENV_GROUP_WAY=systemd $tests
try "a user without a service manager" \
    runuser -u plain -- env -i PATH="$PATH" HOME=/home/plain $variables $short
if [ "$failed" = 0 ]; then
    echo "machine: all runs are OK"
else
    echo "machine: $failed runs FAILED"
fi
