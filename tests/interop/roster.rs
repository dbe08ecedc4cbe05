//! Who there is: programs and libraries that speak a framing of ours with code of their own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use super::peer::{Heard, Peer, Talk};
use super::tokio_util_peer;
use crate::peers;

/// Somebody who can be a client, and mostly a server too.
#[derive(Clone, Copy, Debug)]
pub struct Partner {
    /// What it is called.
    pub name: &'static str,
    /// How it leaves when it has nothing more to say.
    pub leaving: Leaving,
    /// Whether it takes a message.
    pub takes: fn(&[u8]) -> bool,
    made: Made,
}

/// How a partner leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It closes its sending side, and receives what is still to come.
    HalfCloses,
    /// It closes the connection.
    Closes,
}

/// A package that makes frames of payloads and payloads of streams, and knows of no connection.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// What it is called.
    pub name: &'static str,
    script: Script,
}

/// What a partner is made of.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// A file of this directory.
    Script(Script),
    /// A program for the terminal that sends what it reads and prints what it receives.
    Tool { program: Program, arguments: fn(&str, &str) -> Vec<String>, talk: Talk },
    /// tokio-util, in this process.
    TokioUtil,
}

/// A program that can be installed.
#[derive(Clone, Copy, Debug)]
struct Program {
    name: &'static str,
    /// The Debian package that has it.
    package: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Script {
    interpreter: Program,
    file: &'static str,
    /// Its arguments before the role.
    before: &'static [&'static str],
    /// Its last arguments.
    last: &'static [&'static str],
    /// What it needs beside its interpreter.
    module: Option<Module>,
    talk: Talk,
}

/// A library of an interpreter.
#[derive(Clone, Copy, Debug)]
struct Module {
    /// The interpreter's arguments to load it and do nothing.
    load: [&'static str; 2],
    /// What has it.
    package: &'static str,
}

/// Erlang/OTP's `gen_tcp` with `{packet, 4}`.
pub const ERLANG_4: Partner = Partner {
    name: "Erlang {packet, 4}",
    leaving: Leaving::HalfCloses,
    takes: |message| message.len() < 0x7FFF_FFFB,
    made: Made::Script(Script { before: &["4"], ..ERLANG }),
};

/// The same with `{packet_size, 1000}`.
pub const ERLANG_4_UP_TO_1000: Partner = Partner {
    takes: |message| message.len() <= 1000,
    made: Made::Script(Script { before: &["4"], last: &["packet_size=1000"], ..ERLANG }),
    ..ERLANG_4
};

/// Erlang/OTP's `gen_tcp` with `{packet, line}` and a buffer for long lines.
pub const ERLANG_LINE: Partner = Partner {
    name: "Erlang {packet, line}",
    leaving: Leaving::HalfCloses,
    takes: |line| line.len() <= 200_000,
    made: Made::Script(Script { before: &["line"], last: &["buffer=200001"], ..ERLANG }),
};

/// The same with the buffer that it has where nobody asks for another.
pub const ERLANG_LINE_AS_IT_COMES: Partner =
    Partner { made: Made::Script(Script { before: &["line"], ..ERLANG }), ..ERLANG_LINE };

/// Twisted's `Int32StringReceiver`.
pub const TWISTED_INT32: Partner =
    twisted("Twisted Int32StringReceiver", &["int32"], |message| message.len() <= 99_999);

/// The same without `IHalfCloseableProtocol`, as most programs have it.
pub const TWISTED_INT32_AS_IT_COMES: Partner =
    Partner { leaving: Leaving::Closes, ..twisted("Twisted as it comes", &["int32-as-it-comes"], |_| true) };

/// Twisted's `NetstringReceiver`.
pub const TWISTED_NETSTRING: Partner =
    twisted("Twisted NetstringReceiver", &["netstring"], |message| message.len() <= 99_999);

/// Twisted's `LineReceiver`, told that lines end in LF.
pub const TWISTED_LINE: Partner = twisted("Twisted LineReceiver with LF", &["line"], |line| line.len() <= 16_384);

/// Twisted's `LineReceiver` as it comes: lines end in CR LF.
pub const TWISTED_LINE_CRLF: Partner = twisted("Twisted LineReceiver", &["line-crlf"], |line| line.len() <= 16_384);

/// Python's `multiprocessing.connection`.
pub const MULTIPROCESSING: Partner = Partner {
    name: "Python multiprocessing.connection",
    leaving: Leaving::Closes,
    takes: |message| message.len() <= 0x7FFF_FFFF,
    made: Made::Script(Script { file: "multiprocessing_peer.py", ..PYTHON }),
};

/// Perl's `AnyEvent::Handle` with `packstring => "N"`.
pub const ANYEVENT: Partner = script("AnyEvent packstring", &["packstring"], |_| true, ANYEVENT_PERL);

/// The same with `rbuf_max => 1000`.
pub const ANYEVENT_UP_TO_1000: Partner = Partner {
    takes: |message| message.len() + 4 <= 1000,
    made: Made::Script(Script { before: &["packstring"], last: &["rbuf_max=1000"], ..ANYEVENT_PERL }),
    ..ANYEVENT
};

/// `AnyEvent::Handle` with `line`.
pub const ANYEVENT_LINE: Partner = script("AnyEvent line", &["line"], |_| true, ANYEVENT_PERL);

/// Ruby's `EventMachine` with `ObjectProtocol`, and strings of bytes for objects.
pub const EVENTMACHINE: Partner =
    Partner { leaving: Leaving::Closes, ..script("EventMachine ObjectProtocol", &["object"], |_| true, RUBY) };

/// `EventMachine` with `LineText2`.
pub const EVENTMACHINE_LINE: Partner =
    Partner { leaving: Leaving::Closes, ..script("EventMachine LineText2", &["line"], |_| true, RUBY) };

/// Lua's `string.pack(">s4")` on `LuaSocket`.
pub const LUA: Partner = script("Lua string.pack", &["s4"], |_| true, LUA_SOCKET);

/// `LuaSocket`'s `receive("*l")`.
pub const LUA_LINE: Partner = script("LuaSocket lines", &["line"], |_| true, LUA_SOCKET);

/// Python's asyncio streams with `readexactly`.
pub const ASYNCIO: Partner = script("Python asyncio readexactly", &["u32"], |_| true, ASYNCIO_STREAMS);

/// asyncio streams with `readline`.
pub const ASYNCIO_LINE: Partner =
    script("Python asyncio readline", &["line"], |line| line.len() <= 65_536, ASYNCIO_STREAMS);

/// Node.js's `readline`.
pub const READLINE: Partner = script("Node.js readline", &[], |_| true, NODE);

/// tokio-util's `LengthDelimitedCodec`.
pub const TOKIO_UTIL: Partner = Partner {
    name: "tokio-util LengthDelimitedCodec",
    leaving: Leaving::HalfCloses,
    takes: |message| message.len() <= 8 << 20,
    made: Made::TokioUtil,
};

/// Python, as tutorials teach `json-header`: a request a connection. Its messages are lines, `CONTENT-TYPE ENCODING HEX`.
pub const JSON_HEADER: Partner = Partner {
    name: "Python, by the description of json-header",
    leaving: Leaving::Closes,
    takes: |_| true,
    made: Made::Script(Script { file: "json_header_peer.py", talk: Talk::Words, ..PYTHON }),
};

/// Python's datagram sockets.
pub const PYTHON_UDP: Partner = Partner {
    name: "Python datagrams",
    leaving: Leaving::Closes,
    takes: |_| true,
    made: Made::Script(Script { file: "udp_peer.py", ..PYTHON }),
};

/// Socat with datagrams: each line is one, with its LF. It never learns of an end.
pub const SOCAT_UDP: Partner =
    tool("socat datagrams", ("socat", "socat"), |host, port| strings(&["-", &format!("UDP:{host}:{port}")]));

/// OpenBSD's netcat.
pub const NC_OPENBSD: Partner =
    tool("OpenBSD netcat", ("nc.openbsd", "netcat-openbsd"), |host, port| strings(&["-N", host, port]));

/// The first netcat there was. It has no half-close.
pub const NC_TRADITIONAL: Partner = Partner {
    leaving: Leaving::Closes,
    ..tool("traditional netcat", ("nc.traditional", "netcat-traditional"), |host, port| {
        strings(&["-q", "0", host, port])
    })
};

/// Busybox's netcat.
pub const NC_BUSYBOX: Partner = tool("busybox nc", ("busybox", "busybox"), |host, port| strings(&["nc", host, port]));

/// Nmap's netcat.
pub const NCAT: Partner = tool("ncat", ("ncat", "ncat"), |host, port| strings(&[host, port]));

/// Nmap's netcat, with CR LF.
pub const NCAT_CRLF: Partner = tool("ncat -C", ("ncat", "ncat"), |host, port| strings(&["-C", host, port]));

/// Socat. Half a second, its usual patience with the other direction when one has ended, is short for a busy machine.
pub const SOCAT: Partner =
    tool("socat", ("socat", "socat"), |host, port| strings(&["-t", "60", "-", &format!("TCP:{host}:{port}")]));

/// The telnet client. It has no half-close. When its input is no terminal it takes some bytes for keys, also in the middle of
/// a character: 0x80 interrupts, and 0x05 and 0x1D with or without their eighth bit are for itself.
pub const TELNET: Partner = Partner {
    name: "telnet",
    takes: |line| !line.iter().any(|byte| matches!(byte, 0x05 | 0x1D | 0x80 | 0x85 | 0x9D)),
    leaving: Leaving::Closes,
    made: Made::Tool {
        program: Program { name: "telnet", package: "telnet" },
        arguments: |host, port| strings(&[host, port]),
        talk: Talk::LinesAfter("Escape character"),
    },
};

/// The Python package `cobs`.
pub const COBS: Codec = Codec {
    name: "Python cobs",
    script: Script {
        module: Some(Module { load: ["-c", "import cobs"], package: "the Python package cobs" }),
        before: &["cobs"],
        ..SERIAL
    },
};

/// The Python package `sliplib`.
pub const SLIPLIB: Codec =
    Codec { name: "sliplib", script: Script { module: Some(SLIPLIB_MODULE), before: &["slip"], ..SERIAL } };

/// The Python package `sliplib`, with an END before each frame too.
pub const SLIPLIB_LEADING_END: Codec = Codec {
    name: "sliplib with a leading END",
    script: Script { module: Some(SLIPLIB_MODULE), before: &["slip-leading-end"], ..SERIAL },
};

const ERLANG: Script = Script {
    interpreter: Program { name: "escript", package: "erlang-base" },
    file: "erlang_peer.escript",
    before: &[],
    last: &[],
    module: None,
    talk: Talk::Hex,
};

const PYTHON: Script = Script { interpreter: Program { name: "python3", package: "python3" }, file: "", ..ERLANG };

const ANYEVENT_PERL: Script = Script {
    interpreter: Program { name: "perl", package: "perl" },
    file: "anyevent_peer.pl",
    module: Some(Module { load: ["-MAnyEvent::Handle", "-e1"], package: "the Debian package libanyevent-perl" }),
    ..ERLANG
};

const RUBY: Script = Script {
    interpreter: Program { name: "ruby", package: "ruby" },
    file: "eventmachine_peer.rb",
    module: Some(Module { load: ["-reventmachine", "-e1"], package: "the Debian package ruby-eventmachine" }),
    ..ERLANG
};

const LUA_SOCKET: Script = Script {
    interpreter: Program { name: "lua5.4", package: "lua5.4" },
    file: "lua_peer.lua",
    module: Some(Module { load: ["-e", "require('socket')"], package: "the Debian package lua-socket" }),
    ..ERLANG
};

const NODE: Script =
    Script { interpreter: Program { name: "node", package: "nodejs" }, file: "readline_peer.mjs", ..ERLANG };

const ASYNCIO_STREAMS: Script = Script { file: "asyncio_peer.py", ..PYTHON };

const SLIPLIB_MODULE: Module = Module { load: ["-c", "import sliplib"], package: "the Python package sliplib" };

const SERIAL: Script = Script { file: "serial_peer.py", ..PYTHON };

const TWISTED: Script = Script {
    file: "twisted_peer.py",
    module: Some(Module { load: ["-c", "import twisted"], package: "the Python package twisted" }),
    ..PYTHON
};

const fn twisted(name: &'static str, framing: &'static [&'static str], takes: fn(&[u8]) -> bool) -> Partner {
    script(name, framing, takes, TWISTED)
}

const fn script(
    name: &'static str,
    before: &'static [&'static str],
    takes: fn(&[u8]) -> bool,
    script: Script,
) -> Partner {
    Partner { name, leaving: Leaving::HalfCloses, takes, made: Made::Script(Script { before, ..script }) }
}

const fn tool(
    name: &'static str,
    (program, package): (&'static str, &'static str),
    arguments: fn(&str, &str) -> Vec<String>,
) -> Partner {
    let program = Program { name: program, package };
    let made = Made::Tool { program, arguments, talk: Talk::Lines };
    Partner { name, leaving: Leaving::HalfCloses, takes: |_| true, made }
}

impl Partner {
    /// Started as a client of `server`; `None` where it is missing and that is allowed.
    ///
    /// # Panics
    /// It is missing, and that is not allowed.
    pub fn client(&self, server: SocketAddr) -> Option<Peer> {
        let (host, port) = (server.ip().to_string(), server.port().to_string());
        match self.made {
            Made::Script(script) => {
                Some(Peer::program(self.name, &mut script.command(&["client", &host, &port])?, script.talk))
            }
            Made::Tool { program, arguments, talk } => {
                let mut command = program.command()?;
                Some(Peer::program(self.name, command.args(arguments(&host, &port)), talk))
            }
            Made::TokioUtil => Some(tokio_util_peer::client(self.name, server)),
        }
    }

    /// Started as a server on loopback that sends every message back; and where it listens. `None` where it is missing and
    /// that is allowed.
    ///
    /// # Panics
    /// It is missing, and that is not allowed; or it cannot be a server.
    pub fn server(&self) -> Option<(Peer, SocketAddr)> {
        self.server_at(Ipv4Addr::LOCALHOST.into())
    }

    /// The same at an address of this machine.
    ///
    /// # Panics
    /// As [`server`](Self::server).
    pub fn server_at(&self, host: IpAddr) -> Option<(Peer, SocketAddr)> {
        let mut peer = match self.made {
            Made::Script(script) => {
                Peer::program(self.name, &mut script.command(&["server", &host.to_string()])?, script.talk)
            }
            Made::Tool { .. } => panic!("{} is a client", self.name),
            Made::TokioUtil => tokio_util_peer::server(self.name, host),
        };
        match peer.hear() {
            Heard::Listening(port) => Some((peer, (host, port).into())),
            other => panic!("{} does not listen: {other:?}", self.name),
        }
    }
}

impl Codec {
    /// Started to make a frame of each payload that it is told; `None` where it is missing and that is allowed.
    ///
    /// # Panics
    /// It is missing, and that is not allowed.
    pub fn encoder(&self) -> Option<Peer> {
        Some(Peer::program(self.name, &mut self.script.command(&["encode"])?, Talk::Hex))
    }

    /// Started to find the payloads in a stream that it is told in pieces; `None` where it is missing and that is allowed.
    ///
    /// # Panics
    /// It is missing, and that is not allowed.
    pub fn decoder(&self) -> Option<Peer> {
        Some(Peer::program(self.name, &mut self.script.command(&["decode"])?, Talk::Hex))
    }
}

impl Program {
    fn command(self) -> Option<Command> {
        peers::find(self.name, self.package).map(Command::new)
    }
}

impl Script {
    fn command(self, role: &[&str]) -> Option<Command> {
        let Program { name, package } = self.interpreter;
        let mut command = match self.module {
            Some(module) => Command::new(peers::find_with_module(name, package, &module.load, module.package)?),
            None => self.interpreter.command()?,
        };
        let file = peers::script("interop").join(self.file);
        command.arg(file).args(self.before).args(role).args(self.last);
        Some(command)
    }
}

fn strings(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(ToString::to_string).collect()
}
