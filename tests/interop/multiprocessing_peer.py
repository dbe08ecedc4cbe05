"""Python's multiprocessing.connection: what pools and managers of processes speak to one another, here over TCP and
without its handshake (authkey=None).

    multiprocessing_peer.py client HOST PORT
    multiprocessing_peer.py server HOST

How it is told what to send, and tells what it got: see README.md.
"""

import os
import sys
import threading
from multiprocessing.connection import Client, Listener


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def receive(connection, answer):
    """Reports every message, up to the end of the stream."""
    while True:
        try:
            message = connection.recv_bytes()
        except EOFError:
            say("end")
            return
        except OSError as error:
            say("failed " + (error.strerror or str(error)))
            return
        say("got " + (message.hex() or "-"))
        answer(message)


def client(host, port):
    connection = Client((host, int(port)), authkey=None)
    threading.Thread(target=receive, args=(connection, lambda message: None), daemon=True).start()
    for line in sys.stdin:
        for word in line.split():
            connection.send_bytes(b"" if word == "-" else bytes.fromhex(word))
    # It cannot close one direction alone.
    say("end")
    sys.stdout.flush()
    os._exit(0)


def server(host):
    with Listener((host, 0), backlog=16) as listener:
        say("listening %d" % listener.address[1])
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        sys.stdin.read()
        os._exit(0)


def accept(listener):
    while True:
        connection = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection):
    with connection:
        receive(connection, connection.send_bytes)


client(*sys.argv[2:]) if sys.argv[1] == "client" else server(*sys.argv[2:])
