"""The framings of serial lines, by packages from the Python package index: cobs, and sliplib.

    serial_peer.py cobs|slip|slip-leading-end encode
    serial_peer.py cobs|slip|slip-leading-end decode

The first is told payloads and tells the frame of each, with its delimiters; the second is told pieces of a stream and
tells the payloads in it. How: see README.md.
"""

import sys


class Cobs:
    """The package leaves the delimiters to its user."""

    def __init__(self):
        from cobs import cobs

        self.cobs = cobs
        self.stream = b""

    def encode(self, payload):
        return self.cobs.encode(payload) + b"\0"

    def decode(self, piece):
        *frames, self.stream = (self.stream + piece).split(b"\0")
        for frame in frames:
            # Nothing between two delimiters is idle time on the line: an empty payload has a code byte.
            if frame:
                yield attempt(self.cobs.decode, frame)


class Slip:
    def __init__(self, leading_end):
        import sliplib

        with sliplib.use_leading_end_byte(leading_end):
            self.driver = sliplib.Driver()

    def encode(self, payload):
        return self.driver.send(payload)

    def decode(self, piece):
        self.driver.receive(piece)
        while (payload := attempt(self.driver.get, block=False)) is not None:
            yield payload


def attempt(function, *arguments, **options):
    """What it returns, or the exception that it raises."""
    try:
        return function(*arguments, **options)
    except Exception as error:
        return error


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


PEERS = {"cobs": Cobs, "slip": lambda: Slip(False), "slip-leading-end": lambda: Slip(True)}

framing, role = sys.argv[1:]
peer = PEERS[framing]()
for line in sys.stdin:
    for word in line.split():
        data = b"" if word == "-" else bytes.fromhex(word)
        for found in [peer.encode(data)] if role == "encode" else peer.decode(data):
            if isinstance(found, Exception):
                say(f"failed {type(found).__name__}")
            else:
                say("got " + (found.hex() or "-"))
say("end")
