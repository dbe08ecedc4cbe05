#!/usr/bin/env bash
# Builds the firmware with what the machine has, and runs it in QEMU: build.sh, then qemu.sh with the same arguments.
#
#     ./run.sh [SERVICE=PORT]... [-- QEMU ARGUMENT...]
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
programs=$("$here/build.sh" --locked)
exec "$here/qemu.sh" "$programs/firmware" "$@"
