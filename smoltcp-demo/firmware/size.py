#!/usr/bin/env python3
"""Prints what the firmware costs: flash by part, RAM by owner, and where it can panic.

    ./size.py [--check] [ELF]

Flash is told by the debug information: each instruction belongs to the crate whose source line it was made of. What was inlined
from Rust's own library, or was made for one crate from another's generic code, counts for the crate that asked for it, as far as
the debug information says; the rest of Rust's library stands by itself. What `derive(defmt::Format)` makes counts for the log.
Constants belong to nobody: the compiler merges them.

With --check the exit status is 1 if a figure is over its limit. Needs binutils-arm-none-eabi.
"""

import argparse
import collections
import functools
import pathlib
import re
import subprocess
import sys

KIB = 1024
LIMITS = {
    "flash": 96 * KIB,
    "RAM": 60 * KIB,
    "framing, sessions and services": 24 * KIB,
    "a session without its buffers": 400,
    "panics in framewright": 0,
}
# What the stack of the exception handlers is given; it was never seen to take more than a hundred bytes.
HANDLERS = 512

HERE = pathlib.Path(__file__).resolve().parent
ELVES = [HERE / "target" / path / "release/firmware" for path in ("thumbv7m-none-eabi", "bare-metal/thumbv7m-none-eabi")]

# The parts of the firmware, and the crates that each is made of.
PARTS = {
    "framing, sessions and services": ["framewright"],
    "collections, JSON": ["heapless", "serde-json-core", "serde_core", "hash32"],
    "pool, pump, UDP": ["smoltcp-demo"],
    "TCP/IP": ["smoltcp", "managed", "byteorder"],
    "driver, clock, start": ["firmware", "cortex-m", "cortex-m-rt", "vcell", "volatile-register", "static_cell", "portable-atomic"],
    "log": ["defmt", "defmt-semihosting", "defmt-rtt", "semihosting"],
    "Rust's library": ["rust"],
}

# A call to one of these is the end.
PANIC = re.compile(r"core::panicking::|(unwrap|expect)_failed|slice_error_fail|slice_index_fail|len_mismatch_fail|copy_fail")


def tool(name, *arguments, text=None):
    """The output of a program of binutils."""
    try:
        command = ["arm-none-eabi-" + name, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        sys.exit("there is no arm-none-eabi-" + name + ": apt-get install binutils-arm-none-eabi")


class Elf:
    """A linked program with debug information."""

    def __init__(self, path):
        self.path = str(path)
        self.sections = {}
        for line in tool("size", "-A", "-d", self.path).splitlines():
            if found := re.match(r"(\.\S+)\s+(\d+)\s+(\d+)$", line):
                self.sections[found[1]] = (int(found[3]), int(found[2]))
        self.symbols = {}
        self.objects = []
        for line in tool("nm", "-C", "-S", self.path).splitlines():
            if found := re.match(r"([0-9a-f]+) (?:([0-9a-f]+) )?(\w) (.*)", line):
                address, size, kind, name = int(found[1], 16), int(found[2] or "0", 16), found[3], found[4]
                self.symbols[name] = address
                if kind in "bBdD" and size:
                    self.objects.append((size, name))

    def size(self, *names):
        return sum(self.sections.get(name, (0, 0))[1] for name in names)

    def instructions(self):
        """(address, what, function) of each instruction."""
        found, function = [], "?"
        for line in tool("objdump", "-d", "-C", "--no-show-raw-insn", "-j", ".text", self.path).splitlines():
            if head := re.match(r"[0-9a-f]+ <(.*)>:$", line):
                function = head[1]
            elif code := re.match(r"\s*([0-9a-f]+):\s+(.*)", line):
                found.append((int(code[1], 16), code[2], function))
        return found

    def sources(self, addresses):
        """For each address, the source lines of the functions that were inlined there, the innermost first."""
        text = "\n".join(f"{address:#x}" for address in addresses) + "\n"
        sources, lines = {}, []
        for line in tool("addr2line", "-a", "-i", "-e", self.path, text=text).splitlines():
            if line.startswith("0x"):
                lines = sources.setdefault(int(line, 16), [])
            else:
                lines.append(line.split(" ")[0])
        return sources


def crate(line):
    """The crate that a source line belongs to."""
    if found := re.search(r"/registry/src/[^/]+/(.+?)-\d[^/]*/", line):
        return found[1]
    for part, name in (
        ("/library/", "rust"),
        ("/rustc-", "rust"),
        ("/smoltcp-demo/firmware/", "firmware"),
        ("/smoltcp-demo/src/", "smoltcp-demo"),
        ("/core/src/", "framewright"),
    ):
        if part in line:
            return name
    return "firmware" if line.startswith("src/") else "rust"


@functools.cache
def text(line):
    """What is written at a source line."""
    path, _, number = line.partition(":")
    try:
        return pathlib.Path(path).read_text().splitlines()[int(number) - 1]
    except (OSError, ValueError, IndexError):
        return ""


def owner(lines):
    """The innermost source line that is not of Rust's library, and its crate."""
    for line in lines:
        name = crate(line)
        if name != "rust":
            return line, "defmt" if "derive(defmt::Format)" in text(line) else name
    return "", "rust"


def flash_by_crate(instructions, sources, end):
    """Bytes of instructions: by crate, and those of framewright by file."""
    crates, files = collections.Counter(), collections.Counter()
    addresses = [address for address, _, _ in instructions] + [end]
    for address, after in zip(addresses, addresses[1:]):
        line, name = owner(sources.get(address, []))
        # Behind a function may lie its table of constants, which counts for it.
        crates[name] += after - address
        if name == "framewright":
            file = line.split("/core/src/")[1].split(":")[0]
            files[re.sub(r"/.*|\.rs", "", file)] += after - address
    return crates, files


def panics(instructions, sources):
    """Source lines from which a panic is called, by crate.

    The compiler merges calls of several places into one. So what counts is not the call, but the branches that lead to it.
    """
    branches = collections.defaultdict(list)
    for address, what, _ in instructions:
        if found := re.match(r"(?:b|cb)\w*(?:\.[nw])?\s+(?:\w+, )?([0-9a-f]+)", what):
            branches[int(found[1], 16)].append(address)
    places = collections.defaultdict(set)
    for index, (address, what, function) in enumerate(instructions):
        if PANIC.search(function) or not (re.match(r"b(l|\.w|\.n)?\s", what) and PANIC.search(what)):
            continue
        come_from = [address]
        for before, what, _ in reversed(instructions[max(0, index - 8) : index + 1]):
            if branches[before]:
                come_from = branches[before]
            if branches[before] or (before != address and re.match(r"(b|bl|bx|pop)(\.[nw])?\s", what)):
                break
        for place in come_from:
            line, name = owner(sources.get(place, []))
            if name != "rust":
                places[name].add(re.sub(r".*/(core/src|smoltcp-demo|registry/src/[^/]+)/", "", line))
    return places


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="fail if a figure is over its limit")
    arguments.add_argument("elf", nargs="?", type=pathlib.Path, help="the program, where it is not in target")
    arguments = arguments.parse_args()
    built = [arguments.elf] if arguments.elf else [path for path in ELVES if path.exists()]
    if not built:
        sys.exit("build it first: cargo build --release, or ./build.sh")
    elf = Elf(max(built, key=lambda path: path.stat().st_mtime))

    instructions = elf.instructions()
    sources = elf.sources([address for address, _, _ in instructions])
    crates, files = flash_by_crate(instructions, sources, sum(elf.sections[".text"]))
    code, constants = elf.size(".text"), elf.size(".rodata")
    flash = code + constants + elf.size(".vector_table", ".data")

    print(f"flash, bytes: {flash} of {256 * KIB}\n")
    rest = dict(crates)
    for part, members in PARTS.items():
        size = sum(rest.pop(member, 0) for member in members)
        print(f"{size:8}  {part}")
        if members == ["framewright"]:
            print("          " + ", ".join(f"{name} {size}" for name, size in files.most_common()))
    print(f"{sum(rest.values()):8}  other: {', '.join(rest) or 'nothing'}")
    print(f"{constants:8}  constants: texts, tables, places of panics")
    print(f"{elf.size('.vector_table', '.data'):8}  vectors, and values of variables at the start")

    stack = elf.symbols["_program_stack_start"] - elf.symbols["_program_stack_end"]
    ram = elf.size(".data", ".bss", ".uninit") + stack + HANDLERS
    print(f"\nRAM, bytes: {ram} of {64 * KIB}\n")
    small = elf.size(".data", ".bss", ".uninit")
    for size, name in sorted(elf.objects, reverse=True):
        if size >= 64:
            print(f"{size:8}  {name}")
            small -= size
    print(f"{small:8}  variables of less than 64 bytes, gaps between all")
    print(f"{stack:8}  the program's stack")
    print(f"{HANDLERS:8}  the handlers' stack")

    places = panics(instructions, sources)
    print("\nsource lines from which a panic can be reached, by crate\n")
    for name, lines in sorted(places.items(), key=lambda item: -len(item[1])):
        print(f"{len(lines):8}  {name}" + (": " + ", ".join(sorted(lines)) if name == "framewright" else ""))

    session = next((size for name, size in elf.symbols.items() if name == "SESSION_BYTES"), None)
    figures = {
        "flash": flash,
        "RAM": ram,
        "framing, sessions and services": crates["framewright"],
        "a session without its buffers": session,
        "panics in framewright": len(places["framewright"]),
    }
    print("\nfigures, and what they are to stay below\n")
    over = False
    for name, figure in figures.items():
        if figure is not None:
            over |= figure > LIMITS[name]
            print(f"{figure:8} {'>' if figure > LIMITS[name] else '≤'} {LIMITS[name]:6}  {name}")
    return 1 if over and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
