#!/usr/bin/env bash
# Builds the firmware with Debian's second Rust compiler, where the toolchain at hand has no target thumbv7m-none-eabi
# and cannot get it. Needs the packages rustc-web cargo-web rust-web-src binutils-arm-none-eabi. From this folder:
#
#     ./build.sh [CARGO ARGUMENT]...
#
# The program is then target/bare-metal/thumbv7m-none-eabi/release/firmware. Where `rustup target add thumbv7m-none-eabi` is
# possible, `cargo build --release` does the same without this script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for tool in /usr/bin/rustc /usr/bin/cargo arm-none-eabi-ld; do
    if ! command -v "$tool" >/dev/null; then
        echo "there is no $tool: apt-get install rustc-web cargo-web rust-web-src binutils-arm-none-eabi" >&2
        exit 1
    fi
done

# That compiler brings no library for the target, so `core` is built from source, which only an unstable flag does. And it
# brings no linker, so GNU's is used, called by its own name and not by way of a C compiler.
export RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc
exec /usr/bin/cargo build --release -Zbuild-std=core --target-dir target/bare-metal \
    --config 'target.thumbv7m-none-eabi.linker = "arm-none-eabi-ld"' \
    --config 'target.thumbv7m-none-eabi.rustflags = ["-C", "linker-flavor=ld"]' \
    "$@"
