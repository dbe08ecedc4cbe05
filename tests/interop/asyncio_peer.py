"""Python's asyncio streams: readexactly, as its users read a length and a payload, and readline.

    asyncio_peer.py u32|line client HOST PORT
    asyncio_peer.py u32|line server HOST

How it is told what to send, and tells what it got: see README.md.
"""

import asyncio
import struct
import sys


async def take(reader):
    """The next message; None at the end of the stream."""
    if framing == "line":
        line = await reader.readline()
        return line.removesuffix(b"\n") if line else None
    try:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    return await reader.readexactly(length)


def put(writer, message):
    writer.write(message + b"\n" if framing == "line" else struct.pack("!I", len(message)) + message)


async def receive(reader, answer):
    """Reports every message, up to the end of the stream."""
    try:
        while (message := await take(reader)) is not None:
            say("got " + (message.hex() or "-"))
            await answer(message)
        say("end")
    except (OSError, ValueError, EOFError) as error:
        say("failed %s: %s" % (type(error).__name__, error))


async def client(host, port):
    reader, writer = await asyncio.open_connection(host, int(port))

    async def ignore(message):
        pass

    async def send():
        while line := await asyncio.to_thread(sys.stdin.readline):
            for word in line.split():
                put(writer, b"" if word == "-" else bytes.fromhex(word))
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    await receive(reader, ignore)
    await sending


async def serve(reader, writer):
    async def answer(message):
        put(writer, message)
        await writer.drain()

    await receive(reader, answer)
    writer.close()


async def server(host):
    listening = await asyncio.start_server(serve, host, 0)
    say("listening %d" % listening.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


framing, role, *rest = sys.argv[1:]
asyncio.run(client(*rest) if role == "client" else server(*rest))
