"""The framings of serial lines, by packages from the Python package index: cobs, and sliplib.

    serial_peer.py cobs|slip|slip-leading-end

Each line of standard input is `encode HEX`, a payload, or `decode HEX`, a stream with its delimiters. The answer is a line
`got` with the frame, or with the payloads that are in the stream, or `failed` and why not.
"""

import sys


class Cobs:
    def __init__(self):
        from cobs import cobs

        self.cobs = cobs

    def encode(self, payload):
        # The package leaves the delimiter to its user.
        return self.cobs.encode(payload) + b"\0"

    def decode(self, stream):
        *frames, rest = stream.split(b"\0")
        if rest:
            raise ValueError("the last frame has no end")
        return [self.cobs.decode(frame) for frame in frames]


class Slip:
    def __init__(self, leading_end):
        import sliplib

        self.sliplib = sliplib
        self.leading_end = leading_end

    def encode(self, payload):
        with self.sliplib.use_leading_end_byte(self.leading_end):
            return self.sliplib.Driver().send(payload)

    def decode(self, stream):
        driver = self.sliplib.Driver()
        driver.receive(stream)
        payloads = []
        while (payload := driver.get(block=False)) is not None:
            payloads.append(payload)
        return payloads


PEERS = {"cobs": Cobs, "slip": lambda: Slip(False), "slip-leading-end": lambda: Slip(True)}

peer = PEERS[sys.argv[1]]()
for line in sys.stdin:
    deed, word = line.split()
    data = b"" if word == "-" else bytes.fromhex(word)
    try:
        found = [peer.encode(data)] if deed == "encode" else peer.decode(data)
    except Exception as error:
        print("failed", type(error).__name__, error, flush=True)
    else:
        print("got", *[item.hex() or "-" for item in found], flush=True)
