//! Programs and libraries that others wrote, as clients of the threaded server.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use framewright::Service;
use framewright::framing::{Lines, Netstring};
use framewright::service::{Echo, Trim};
use framewright_host::{BufferedClient, BufferedServer, ClientConfig, Stopper};
use framewright_tests::conversation;
use framewright_tests::interop::messages::{binaries, short_texts, texts};
use framewright_tests::interop::plays;
use framewright_tests::interop::roster::{self, Partner};
use framewright_tests::interop::services;
use framewright_tests::server::ServerProcess;

/// A threaded server for one service; it stops when this is dropped.
struct Server {
    address: SocketAddr,
    stopper: Stopper,
    serving: Option<JoinHandle<()>>,
}

impl Server {
    fn start<V: Service<Framing: Clone + Default> + 'static>(
        buffer: usize,
        make: impl Fn() -> V + Send + Sync + 'static,
    ) -> Self {
        let mut server = BufferedServer::bind("127.0.0.1", 0, buffer, move |_| make()).expect("a free port");
        let (address, stopper) = (server.addresses()[0], server.stopper());
        let serving = thread::spawn(move || {
            server.start().expect("a server that serves");
        });
        Self { address, stopper, serving: Some(serving) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopper.stop();
        let ended = self.serving.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the server panicked");
    }
}

const BUFFERS: [usize; 2] = [64, 4096];

/// `echo` in the framing that `make` serves, with text and with bytes that are none.
fn echoes<V: Service<Framing: Clone + Default> + 'static>(partner: &Partner, make: fn() -> V) {
    for buffer in BUFFERS {
        let server = Server::start(buffer, make);
        let messages = [texts(buffer), binaries()].concat();
        plays::as_client(partner, server.address, buffer, &messages, &short_texts(), &<[u8]>::to_vec);
    }
}

fn u32(partner: &Partner) {
    echoes(partner, Echo::new);
    for buffer in BUFFERS {
        let server = Server::start(buffer, Trim::default);
        let answer = |message: &[u8]| conversation::Service::Trim.answer(message).expect("text");
        plays::as_client(partner, server.address, buffer, &texts(buffer), &short_texts(), &answer);
    }
}

fn lines(partner: &Partner) {
    for buffer in BUFFERS {
        let server = Server::start(buffer, Echo::<Lines>::default);
        plays::as_client(partner, server.address, buffer, &texts(buffer), &short_texts(), &<[u8]>::to_vec);
    }
}

fn kv(partner: &Partner) {
    for buffer in BUFFERS {
        let server = ServerProcess::start(&["kv=127.0.0.1:0", "--buffer-size", &buffer.to_string()]);
        services::key_value(partner, server.address("kv"), buffer, services::LONGEST_VALUE);
    }
}

#[test]
fn erlang_packet_4_is_served() {
    u32(&roster::ERLANG_4);
}

#[test]
fn twisted_int32_is_served() {
    u32(&roster::TWISTED_INT32);
}

#[test]
fn python_multiprocessing_is_served() {
    u32(&roster::MULTIPROCESSING);
}

#[test]
fn tokio_util_is_served() {
    u32(&roster::TOKIO_UTIL);
}

#[test]
fn anyevent_packstring_is_served() {
    u32(&roster::ANYEVENT);
}

#[test]
fn eventmachine_objects_are_served() {
    u32(&roster::EVENTMACHINE);
}

#[test]
fn lua_is_served() {
    u32(&roster::LUA);
}

#[test]
fn asyncio_is_served() {
    u32(&roster::ASYNCIO);
}

#[test]
fn erlang_packet_line_is_served() {
    lines(&roster::ERLANG_LINE);
}

#[test]
fn twisted_lines_are_served() {
    lines(&roster::TWISTED_LINE);
}

#[test]
fn anyevent_lines_are_served() {
    lines(&roster::ANYEVENT_LINE);
}

#[test]
fn eventmachine_lines_are_served() {
    lines(&roster::EVENTMACHINE_LINE);
}

#[test]
fn luasocket_lines_are_served() {
    lines(&roster::LUA_LINE);
}

#[test]
fn asyncio_lines_are_served() {
    lines(&roster::ASYNCIO_LINE);
}

#[test]
fn node_readline_is_served() {
    lines(&roster::READLINE);
}

#[test]
fn openbsd_netcat_is_served() {
    lines(&roster::NC_OPENBSD);
}

#[test]
fn traditional_netcat_is_served() {
    lines(&roster::NC_TRADITIONAL);
}

#[test]
fn busybox_netcat_is_served() {
    lines(&roster::NC_BUSYBOX);
}

#[test]
fn ncat_is_served() {
    lines(&roster::NCAT);
}

#[test]
fn ncat_with_crlf_is_served() {
    lines(&roster::NCAT_CRLF);
}

#[test]
fn socat_is_served() {
    lines(&roster::SOCAT);
}

#[test]
fn telnet_is_served() {
    lines(&roster::TELNET);
}

#[test]
fn twisted_netstrings_are_served() {
    echoes(&roster::TWISTED_NETSTRING, Echo::<Netstring>::default);
}

#[test]
fn erlang_packet_line_uses_kv() {
    kv(&roster::ERLANG_LINE);
}

#[test]
fn twisted_lines_use_kv() {
    kv(&roster::TWISTED_LINE);
}

#[test]
fn anyevent_lines_use_kv() {
    kv(&roster::ANYEVENT_LINE);
}

#[test]
fn eventmachine_lines_use_kv() {
    kv(&roster::EVENTMACHINE_LINE);
}

#[test]
fn luasocket_lines_use_kv() {
    kv(&roster::LUA_LINE);
}

#[test]
fn asyncio_lines_use_kv() {
    kv(&roster::ASYNCIO_LINE);
}

#[test]
fn node_readline_uses_kv() {
    kv(&roster::READLINE);
}

#[test]
fn openbsd_netcat_uses_kv() {
    kv(&roster::NC_OPENBSD);
}

#[test]
fn traditional_netcat_uses_kv() {
    kv(&roster::NC_TRADITIONAL);
}

#[test]
fn busybox_netcat_uses_kv() {
    kv(&roster::NC_BUSYBOX);
}

#[test]
fn ncat_uses_kv() {
    kv(&roster::NCAT);
}

#[test]
fn ncat_with_crlf_uses_kv() {
    kv(&roster::NCAT_CRLF);
}

#[test]
fn socat_uses_kv() {
    kv(&roster::SOCAT);
}

#[test]
fn telnet_uses_kv() {
    kv(&roster::TELNET);
}

#[test]
fn strangers_meet_in_a_chat_room() {
    let server = ServerProcess::start(&["chat=127.0.0.1:0"]);
    services::chat(server.address("chat"));
}

#[test]
fn python_asks_the_service_message_by_the_description_of_its_format() {
    for buffer in BUFFERS {
        let server =
            ServerProcess::start(&["kv=127.0.0.1:0", "message=127.0.0.1:0", "--buffer-size", &buffer.to_string()]);
        let value = "In the caves beneath the Misty Mountains. \u{1F48D}";
        let mut store = BufferedClient::connect_with(Lines, &server.address("kv").into(), ClientConfig::default())
            .expect("a server that listens");
        let mut stored = Vec::new();
        store.request(format!("SET ring {value}").as_bytes(), &mut stored).expect("an answer");
        assert_eq!(stored, b"OK");
        services::requests(server.address("message"), value);
    }
}

#[test]
fn python_and_socat_send_datagrams() {
    let server = ServerProcess::start(&["udp-echo=127.0.0.1:0"]);
    services::datagrams(server.address("udp-echo"), services::LONGEST_DATAGRAM);
}
