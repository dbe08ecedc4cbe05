#!/usr/bin/env bash
# Builds the firmware with what the machine has: a toolchain with the target thumbv7m-none-eabi, which `rustup target add
# thumbv7m-none-eabi` gives, or else Debian's second Rust compiler, of the packages rustc-web cargo-web rust-web-src
# binutils-arm-none-eabi. From this folder:
#
#     ./build.sh [CARGO ARGUMENT]...
#
# The last line that it prints on stdout is the folder with the programs: `firmware`, `raw-echo` and `overflow`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=thumbv7m-none-eabi
if [[ -d $(rustc --print sysroot 2>/dev/null || true)/lib/rustlib/$target/lib ]]; then
    cargo build --release --target-dir target "$@" >&2
    echo "$PWD/target/$target/release"
    exit
fi

for tool in /usr/bin/rustc /usr/bin/cargo arm-none-eabi-ld; do
    if ! command -v "$tool" >/dev/null; then
        echo "no target $target here (rustup target add $target), and no $tool for the way around that:" \
            "apt-get install rustc-web cargo-web rust-web-src binutils-arm-none-eabi" >&2
        exit 1
    fi
done

# That compiler brings no library for the target, so `core` is built from source, which only an unstable flag does. And it
# brings no linker, so GNU's is used, called by its own name and not by way of a C compiler.
export RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc
/usr/bin/cargo build --release -Zbuild-std=core --target-dir target/bare-metal \
    --config "target.$target.linker = 'arm-none-eabi-ld'" \
    --config "target.$target.rustflags = ['-C', 'linker-flavor=ld']" \
    "$@" >&2
echo "$PWD/target/bare-metal/$target/release"
