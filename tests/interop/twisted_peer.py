"""Twisted's framings, as they are in twisted.protocols.basic.

    twisted_peer.py int32|int32-as-it-comes|netstring|line|line-crlf client HOST PORT [MAX_LENGTH]
    twisted_peer.py int32|int32-as-it-comes|netstring|line|line-crlf server HOST [MAX_LENGTH]

How it is told what to send, and tells what it got: see README.md.
"""

import sys
import threading

from twisted.internet import error, interfaces, protocol, reactor
from twisted.protocols import basic
from zope.interface import implementer


class Reporter:
    """What is the same for all framings; `sendString` is how the framing sends a message."""

    def report(self, message):
        say("got " + (message.hex() or "-"))
        self.factory.received(self, message)

    stringReceived = report

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.factory.connected(self)

    # For a class that says to have these two, the end of what it receives is not the end of what it sends.
    def readConnectionLost(self):
        self.transport.loseConnection()

    def writeConnectionLost(self):
        pass

    def connectionLost(self, reason):
        clean = reason.check(error.ConnectionDone)
        say("end" if clean else "failed " + reason.getErrorMessage())
        self.factory.lost()


class Int32AsItComes(Reporter, basic.Int32StringReceiver):
    def lengthLimitExceeded(self, length):
        say("failed length %d" % length)
        super().lengthLimitExceeded(length)


@implementer(interfaces.IHalfCloseableProtocol)
class Int32(Int32AsItComes):
    pass


@implementer(interfaces.IHalfCloseableProtocol)
class Netstring(Reporter, basic.NetstringReceiver):
    # It has its own, which only remembers that nothing was received.
    def connectionMade(self):
        Reporter.connectionMade(self)


@implementer(interfaces.IHalfCloseableProtocol)
class Line(Reporter, basic.LineReceiver):
    delimiter = b"\n"

    lineReceived = Reporter.report
    sendString = basic.LineReceiver.sendLine

    def lineLengthExceeded(self, line):
        say("failed line %d" % len(line))
        super().lineLengthExceeded(line)


class LineCrlf(Line):
    delimiter = b"\r\n"


class Client(protocol.ClientFactory):
    """Sends what it is told."""

    def connected(self, connection):
        start(read_turns, connection)

    def received(self, connection, message):
        pass

    def lost(self):
        reactor.stop()

    def clientConnectionFailed(self, connector, reason):
        say("failed " + reason.getErrorMessage())
        reactor.stop()


class Server(protocol.ServerFactory):
    """Sends every message back."""

    def connected(self, connection):
        pass

    def received(self, connection, message):
        connection.sendString(message)

    def lost(self):
        pass


def read_turns(connection):
    """Standard input: each line has the messages of one turn."""
    for line in sys.stdin:
        turn = [b"" if word == "-" else bytes.fromhex(word) for word in line.split()]
        reactor.callFromThread(send_all, connection, turn)
    reactor.callFromThread(finish, connection)


def send_all(connection, turn):
    for message in turn:
        connection.sendString(message)


def finish(connection):
    if connection.connected:
        connection.transport.loseWriteConnection()


def read_until_end():
    """Standard input of a server: its end is the server's."""
    sys.stdin.read()
    reactor.callFromThread(reactor.stop)


# Standard streams are used from outside of the reactor, which would not let them block.
def start(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


FRAMINGS = {
    "int32": Int32,
    "int32-as-it-comes": Int32AsItComes,
    "netstring": Netstring,
    "line": Line,
    "line-crlf": LineCrlf,
}

framing, role, host, *rest = sys.argv[1:]
factory = Client() if role == "client" else Server()
factory.protocol = FRAMINGS[framing]
if role == "client":
    port, *rest = rest
    reactor.connectTCP(host, int(port), factory)
else:
    listening = reactor.listenTCP(0, factory, interface=host)
    say("listening %d" % listening.getHost().port)
    start(read_until_end)
if rest:
    factory.protocol.MAX_LENGTH = int(rest[0])
reactor.run()
