"""The `json-header` framing as socket tutorials teach it: a request a connection, its answer, and then both close.

    json_header_peer.py client HOST PORT
    json_header_peer.py server HOST

Written from the description of the format, [header length: u16 big-endian][JSON header][content], and from nothing else.

The client reads requests from standard input, one a line, as CONTENT-TYPE ENCODING HEX, and says `got` and the same of
the answer. The server answers `search` in a table of its own; any other content with its first ten bytes.
"""

import json
import os
import socket
import struct
import sys
import threading

TABLE = {"morpheus": "Follow the white rabbit. \N{RABBIT}", "ring": "In the caves beneath the Misty Mountains. \N{RING}"}
REQUIRED = ("byteorder", "content-length", "content-type", "content-encoding")


class Message:
    """What was received so far, and what it says, step by step."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""
        self.header_length = None
        self.header = None
        self.content = None

    def receive(self):
        """All of one message, or None if the other side closes before."""
        while self.content is None:
            data = self.connection.recv(4096)
            if not data:
                return None
            self.buffer += data
            if self.header_length is None:
                self.process_protoheader()
            if self.header_length is not None and self.header is None:
                self.process_json_header()
            if self.header is not None:
                self.process_content()
        return self

    def process_protoheader(self):
        if len(self.buffer) >= 2:
            (self.header_length,) = struct.unpack(">H", self.buffer[:2])
            self.buffer = self.buffer[2:]

    def process_json_header(self):
        if len(self.buffer) >= self.header_length:
            self.header = json.loads(self.buffer[: self.header_length].decode("utf-8"))
            self.buffer = self.buffer[self.header_length :]
            for key in REQUIRED:
                if key not in self.header:
                    raise ValueError(f"missing required header '{key}'")

    def process_content(self):
        if len(self.buffer) >= self.header["content-length"]:
            self.content = self.buffer[: self.header["content-length"]]

    def line(self):
        return f"{self.header['content-type']} {self.header['content-encoding']} {self.content.hex() or '-'}"


def create(content_type, encoding, content):
    header = {
        "byteorder": sys.byteorder,
        "content-type": content_type,
        "content-encoding": encoding,
        "content-length": len(content),
    }
    header = json.dumps(header, ensure_ascii=False).encode("utf-8")
    return struct.pack(">H", len(header)) + header + content


def client(host, port):
    for line in sys.stdin:
        content_type, encoding, content = line.split()
        request = create(content_type, encoding, b"" if content == "-" else bytes.fromhex(content))
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(request)
            answer = Message(connection).receive()
        say("end" if answer is None else "got " + answer.line())


def server(host):
    listener = socket.create_server((host, 0))
    say("listening %d" % listener.getsockname()[1])
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def accept(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            request = Message(connection).receive()
            if request is not None:
                say("got " + request.line())
                connection.sendall(answer(request))


def answer(request):
    if request.header["content-type"] != "text/json":
        return create(
            "binary/custom-server-binary-type", "binary", b"First 10 bytes of request: " + request.content[:10]
        )
    query = json.loads(request.content.decode(request.header["content-encoding"]))
    if query.get("action") == "search":
        key = query.get("value")
        result = TABLE.get(key) or f"No match for '{key}'."
    else:
        result = f"Error: invalid action '{query.get('action')}'."
    content = json.dumps({"result": result}, ensure_ascii=False).encode("utf-8")
    return create("text/json", "utf-8", content)


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


client(*sys.argv[2:]) if sys.argv[1] == "client" else server(*sys.argv[2:])
