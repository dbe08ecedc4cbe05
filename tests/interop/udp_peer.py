"""Datagrams by Python's socket module.

    udp_peer.py client HOST PORT
    udp_peer.py server HOST

How it is told what to send, and tells what it got: see README.md.
"""

import os
import socket
import sys
import threading


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report(datagram):
    say("got " + (datagram.hex() or "-"))


def client(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(60)
        connection.connect((host, int(port)))
        for line in sys.stdin:
            words = line.split()
            for word in words:
                connection.send(b"" if word == "-" else bytes.fromhex(word))
            for _ in words:
                report(connection.recv(65536))
        say("end")


def server(host):
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.bind((host, 0))
    say("listening %d" % connection.getsockname()[1])
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def serve(connection):
    while True:
        datagram, sender = connection.recvfrom(65536)
        report(datagram)
        connection.sendto(datagram, sender)


client(*sys.argv[2:]) if sys.argv[1] == "client" else server(*sys.argv[2:])
