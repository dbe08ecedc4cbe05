#!/usr/bin/env bash
# Runs a program for the board in QEMU, with its ports forwarded to this machine. `cargo run --release` calls it; so may you:
#
#     ./qemu.sh ELF [SERVICE=PORT]... [-- QEMU ARGUMENT...]
#
# Each service is found at its own port of 127.0.0.1, or at the PORT named. The log is decoded if defmt-print is installed
# (cargo install defmt-print). Needs qemu-system-arm (Debian package qemu-system-arm), and no privilege. Stop it by Ctrl-C.
#
# To capture what goes over the emulated wire: -- -object filter-dump,id=f,netdev=n0,file=capture.pcap
set -euo pipefail

declare -A ports=([trim]=4567 [echo]=12345 [hello]=65432 [time]=65431 [kv]=6380 [chat]=5555 [message]=65433 [udp-echo]=3456)
names=(trim echo hello time kv chat message udp-echo)

if (($# == 0)); then
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    exit 2
fi
elf=$1
shift
declare -A chosen=()
while (($# > 0)) && [[ $1 != -- ]]; do
    if [[ ! $1 =~ ^([a-z-]+)=([0-9]+)$ ]] || [[ -z ${ports[${BASH_REMATCH[1]}]:-} ]]; then
        echo "not SERVICE=PORT: '$1'; the services are ${names[*]}" >&2
        exit 2
    fi
    chosen[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
    shift
done
if (($# > 0)); then
    shift
fi

if ! command -v qemu-system-arm >/dev/null; then
    echo "there is no qemu-system-arm: apt-get install qemu-system-arm" >&2
    exit 1
fi

network=user,id=n0
echo "the board's services, on this machine:" >&2
for name in "${names[@]}"; do
    transport=tcp
    if [[ $name == udp-echo ]]; then transport=udp; fi
    here=${chosen[$name]:-${ports[$name]}}
    network+=,hostfwd=$transport:127.0.0.1:$here-10.0.2.15:${ports[$name]}
    printf '  %-8s %s 127.0.0.1:%s\n' "$name" "$transport" "$here" >&2
done

run() {
    qemu-system-arm -M lm3s6965evb -kernel "$elf" -display none -monitor none -serial null \
        -semihosting-config enable=on,target=native -netdev "$network" -net nic,netdev=n0 "$@"
}

if command -v defmt-print >/dev/null; then
    run "$@" | defmt-print -e "$elf"
else
    echo "the log is not shown: cargo install defmt-print" >&2
    run "$@" >/dev/null
fi
