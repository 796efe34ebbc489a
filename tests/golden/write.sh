#!/bin/sh
# Makes the expected plan of every case anew: write.sh GOLDEN-PLAN. Look at the difference before
# you commit it: it is what changes in people's sandboxes.
set -eu
for dir in "$(dirname "$0")"/cases/*/; do
    "$1" "$dir" --write
done
