"""A client of the services `trim` and `echo`, written from their description alone, with Python's standard library.

    python3 partner.py HOST ECHO_PORT TRIM_PORT BUFFER_SIZE [CASE]...
    python3 partner.py --list

prints `ok CASE` for each case that went as it must, and a traceback, with exit status 1, for the first that did not.
BUFFER_SIZE is that of the server: messages are made around it. Two cases are not among those that are run when none is named:
`stop` tells the server, whose process id is in SERVER_PID, to stop; `sixty_four_mebibytes` is over the usual limit.
"""

import os
import random
import signal
import socket
import struct
import sys
import threading

TIMEOUT = 60

HOST, ECHO, TRIM, BUFFER = "127.0.0.1", 0, 0, 4096


def connect(port):
    link = socket.create_connection((HOST, port), timeout=TIMEOUT)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def frame(payload):
    return struct.pack("!I", len(payload)) + payload


def trimmed(payload):
    """Without the first ten characters; the bytes behind them need not be text."""
    text = payload.decode("utf-8", errors="surrogateescape")
    return text[10:].encode("utf-8", errors="surrogateescape")


def read(link, size):
    chunks = []
    while size:
        chunk = link.recv(min(size, 1 << 16))
        if not chunk:
            raise EOFError(f"the server closed; {size} bytes are missing")
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def receive(link):
    (size,) = struct.unpack("!I", read(link, 4))
    return read(link, size)


def ask(link, payload):
    """Sends and receives at the same time: a long message is answered before it has ended."""
    sender = threading.Thread(target=link.sendall, args=(frame(payload),))
    sender.start()
    reply = receive(link)
    sender.join()
    return reply


def text(size):
    return bytes(32 + (i * 7 + i // 89) % 95 for i in range(size))


def same(got, want):
    assert got == want, f"got {len(got)} bytes {got[:40]!r}, not {len(want)} bytes {want[:40]!r}"


def ends(link):
    """The server has closed its side, in order."""
    same(link.recv(1), b"")


# ------------------------------------------------------------------------------------------------- the cases


def example():
    with connect(TRIM) as link:
        link.sendall(b"\x00\x00\x00\x1eFour score and seven years ago")
        same(read(link, 24), b"\x00\x00\x00\x14 and seven years ago")


def lengths():
    sizes = [1, 9, 10, 11, BUFFER // 2, *range(BUFFER - 15, BUFFER + 16), 3 * BUFFER + 7, 10 * BUFFER, 70_000]
    with connect(ECHO) as echo, connect(TRIM) as trim:
        for size in sizes:
            same(ask(echo, text(size)), text(size))
            same(ask(trim, text(size)), text(size)[10:])


def three_in_series():
    with connect(ECHO) as link:
        for size in (5, BUFFER + 5, 4 * BUFFER):
            same(ask(link, text(size)), text(size))


def three_before_the_first_reply_is_read():
    sizes = (5, BUFFER + 5, 4 * BUFFER)
    for together in (True, False):
        with connect(ECHO) as link:
            if together:
                link.sendall(b"".join(frame(text(size)) for size in sizes))
            else:
                for size in sizes:
                    link.sendall(frame(text(size)))
            for size in sizes:
                same(receive(link), text(size))


def a_hundred_in_one_write():
    messages = [f"0123456789 message {i}".encode() for i in range(100)]
    with connect(TRIM) as link:
        link.sendall(b"".join(map(frame, messages)))
        for message in messages:
            same(receive(link), message[10:])


def a_client_leaves_and_a_new_one_is_served():
    for i in range(20):
        with connect(ECHO) as link:
            same(ask(link, b"client %d" % i), b"client %d" % i)


def empty_messages():
    for port in (ECHO, TRIM):
        with connect(port) as link:
            same(ask(link, b""), b"")
            link.sendall(frame(b"") * 50)
            same(read(link, 200), frame(b"") * 50)


def half_close():
    messages = [text(size) for size in (30, 0, BUFFER + 1, 5 * BUFFER)]
    with connect(TRIM) as link:
        link.sendall(b"".join(map(frame, messages)))
        link.shutdown(socket.SHUT_WR)
        for message in messages:
            same(receive(link), message[10:])
        ends(link)


def one_byte_at_a_time():
    messages = [text(30), b"", text(BUFFER + 20)]
    with connect(TRIM) as link:
        for message in messages:
            for byte in frame(message):
                link.send(bytes([byte]))
        for message in messages:
            same(receive(link), message[10:])


def pieces_of_chance():
    chance = random.Random(1)
    messages = [text(chance.choice([0, 3, 17, BUFFER - 4, BUFFER, BUFFER * 3])) for _ in range(60)]
    stream = b"".join(map(frame, messages))
    with connect(ECHO) as link:
        def send():
            at = 0
            while at < len(stream):
                size = chance.randrange(1, 2 * BUFFER)
                link.sendall(stream[at:at + size])
                at += size
        sender = threading.Thread(target=send)
        sender.start()
        for message in messages:
            same(receive(link), message)
        sender.join()


def characters():
    crabs = "🦀é語x🦀é語x🦀é".encode()
    cases = [
        crabs,
        "🦀🦀🦀🦀🦀🦀🦀🦀🦀".encode(),
        crabs + b"\xff\xc0\x80" + text(BUFFER),
        "語".encode() * BUFFER,
        b"e\xcc\x81" * 6,
    ]
    with connect(TRIM) as link:
        for case in cases:
            same(ask(link, case), trimmed(case))
        for case in cases:
            for byte in frame(case[:200]):
                link.send(bytes([byte]))
            same(receive(link), trimmed(case[:200]))


def what_is_not_text_closes_the_connection():
    for bad in (b"12345\xff", b"\xed\xa0\x80" + text(20), b"12345\xf0\x9f\xa6" + text(4 * BUFFER), b"123456789\xc3"):
        with connect(TRIM) as link, connect(TRIM) as other:
            link.sendall(frame(b"0123456789 good") + frame(bad))
            same(receive(link), b" good")
            ends(link)
            same(ask(other, b"0123456789 unharmed"), b" unharmed")


def lengths_over_the_limit_close_the_connection():
    for size in (0xFFFFFFFF, (16 << 20) + 1, 1 << 31):
        for more in (b"", b"and some of it"):
            with connect(ECHO) as link, connect(ECHO) as other:
                link.sendall(frame(b"before") + struct.pack("!I", size) + more)
                same(receive(link), b"before")
                ends(link)
                same(ask(other, b"unharmed"), b"unharmed")


def a_stream_that_ends_inside_a_message():
    for cut in (b"\x00", b"\x00\x00\x00", b"\x00\x00\x00\x28", b"\x00\x00\x00\x28" + text(39)):
        with connect(ECHO) as link:
            link.sendall(frame(b"whole") + cut)
            link.shutdown(socket.SHUT_WR)
            same(receive(link), b"whole")
            ends(link)


def a_reset_in_the_middle():
    for _ in range(20):
        link = connect(ECHO)
        link.sendall(frame(text(10 * BUFFER))[:BUFFER])
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
    with connect(ECHO) as link:
        same(ask(link, b"unharmed"), b"unharmed")


def two_hundred_clients_at_once():
    links = [connect(ECHO if i % 2 else TRIM) for i in range(200)]
    for turn in range(3):
        for i, link in enumerate(links):
            link.sendall(frame(b"0123456789 %d %d " % (turn, i) + text(i)))
        for i, link in reversed(list(enumerate(links))):
            want = b"0123456789 %d %d " % (turn, i) + text(i)
            same(receive(link), want if i % 2 else want[10:])
    for link in links:
        link.close()


def two_hundred_threads_at_once():
    failures = []

    def client(i):
        try:
            with connect(ECHO) as link:
                for turn in range(5):
                    want = b"%d/%d" % (i, turn) * (1 + turn * BUFFER // 8)
                    same(ask(link, want), want)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def sixteen_mebibytes():
    payload = text(1 << 16) * 256
    with connect(ECHO) as link:
        same(ask(link, payload), payload)
        same(ask(link, b"and a short one"), b"and a short one")
    with connect(TRIM) as link:
        same(ask(link, payload), payload[10:])


def sixty_four_mebibytes():
    payload = text(1 << 16) * 1024
    with connect(ECHO) as link:
        same(ask(link, payload), payload)


def stop():
    """The server is told to stop while five more are sent: the client learns that it is gone."""
    with connect(ECHO) as link, connect(TRIM) as idle:
        same(ask(link, b"before"), b"before")
        same(ask(idle, b"before"), b"")
        os.kill(int(os.environ["SERVER_PID"]), signal.SIGTERM)
        answered = 0
        try:
            for i in range(5):
                link.sendall(frame(b"more %d" % i))
            while True:
                same(receive(link), b"more %d" % answered)
                answered += 1
        except (EOFError, ConnectionError):
            pass
        assert answered <= 5
        ends(idle)


CASES = [
    example,
    lengths,
    three_in_series,
    three_before_the_first_reply_is_read,
    a_hundred_in_one_write,
    a_client_leaves_and_a_new_one_is_served,
    empty_messages,
    half_close,
    one_byte_at_a_time,
    pieces_of_chance,
    characters,
    what_is_not_text_closes_the_connection,
    lengths_over_the_limit_close_the_connection,
    a_stream_that_ends_inside_a_message,
    a_reset_in_the_middle,
    two_hundred_clients_at_once,
    two_hundred_threads_at_once,
    sixteen_mebibytes,
]


def main():
    global HOST, ECHO, TRIM, BUFFER
    if sys.argv[1:] == ["--list"]:
        print("\n".join(case.__name__ for case in CASES))
        return
    HOST, ECHO, TRIM, BUFFER = sys.argv[1], *map(int, sys.argv[2:5])
    named = {case.__name__: case for case in [*CASES, sixty_four_mebibytes, stop]}
    for case in [named[name] for name in sys.argv[5:]] or CASES:
        case()
        print("ok", case.__name__, flush=True)


if __name__ == "__main__":
    main()
