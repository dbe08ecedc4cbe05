//! Programs and libraries that others wrote, beside Framewright over smoltcp: the kernel of a network namespace carries them to a TAP
//! interface, and at its other end is the command `smoltcp-demo`, or another server of the same parts, or a client.
//!
//! What `smoltcp-demo` has less of than `framewright serve`: its buffers are 4,096 bytes, its values 256, its datagrams 1,472. Longer
//! messages it streams, longer values it refuses with `ERROR`, longer datagrams it drops.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;

use framewright::Service;
use framewright::framing::{Framing, JsonHeader, Lines, Netstring, U32};
use framewright::service::Echo;
use framewright_host::{BufferedClient, ClientConfig};
use framewright_tests::conversation;
use framewright_tests::interop::messages::{LONG, binaries, short_texts, text, texts};
use framewright_tests::interop::on_tap::{DEVICE, HOST, Stack, StackServer};
use framewright_tests::interop::peer::{Heard, to_hex};
use framewright_tests::interop::plays::{self, Caller};
use framewright_tests::interop::roster::{self, Partner};
use framewright_tests::interop::{relay, services};
use framewright_tests::namespace;
use framewright_tests::server::ServerProcess;

/// Tests, each in a namespace of its own.
macro_rules! in_namespaces {
    ($($name:ident: $body:expr;)*) => {
        $(
            #[test]
            fn $name() {
                namespace::inside(stringify!($name), || $body);
            }
        )*
    };
}

const BUFFERS: [usize; 2] = [64, 4096];
/// Bytes of the buffers of `smoltcp-demo`.
const DEMO_BUFFER: usize = 4096;

in_namespaces! {
    erlang_packet_4_is_served: u32(&roster::ERLANG_4);
    twisted_int32_is_served: u32(&roster::TWISTED_INT32);
    python_multiprocessing_is_served: u32(&roster::MULTIPROCESSING);
    tokio_util_is_served: u32(&roster::TOKIO_UTIL);
    anyevent_packstring_is_served: u32(&roster::ANYEVENT);
    eventmachine_objects_are_served: u32(&roster::EVENTMACHINE);
    lua_is_served: u32(&roster::LUA);
    asyncio_is_served: u32(&roster::ASYNCIO);
    twisted_netstrings_are_served: echoes(&roster::TWISTED_NETSTRING, Echo::<Netstring>::default);

    erlang_packet_line_is_served: lines(&roster::ERLANG_LINE);
    twisted_lines_are_served: lines(&roster::TWISTED_LINE);
    anyevent_lines_are_served: lines(&roster::ANYEVENT_LINE);
    eventmachine_lines_are_served: lines(&roster::EVENTMACHINE_LINE);
    luasocket_lines_are_served: lines(&roster::LUA_LINE);
    asyncio_lines_are_served: lines(&roster::ASYNCIO_LINE);
    node_readline_is_served: lines(&roster::READLINE);
    openbsd_netcat_is_served: lines(&roster::NC_OPENBSD);
    traditional_netcat_is_served: lines(&roster::NC_TRADITIONAL);
    busybox_netcat_is_served: lines(&roster::NC_BUSYBOX);
    ncat_is_served: lines(&roster::NCAT);
    ncat_with_crlf_is_served: lines(&roster::NCAT_CRLF);
    socat_is_served: lines(&roster::SOCAT);
    telnet_is_served: lines(&roster::TELNET);

    strangers_meet_in_a_chat_room: {
        let server = ServerProcess::on_tap(&["chat"]);
        services::chat(server.address("chat"));
    };

    python_asks_the_service_message_by_the_description_of_its_format: {
        let server = ServerProcess::on_tap(&["kv", "message"]);
        let value = "In the caves beneath the Misty Mountains. \u{1F48D}";
        let mut store = BufferedClient::connect_with(Lines, &server.address("kv").into(), ClientConfig::default())
            .expect("a server that listens");
        let mut stored = Vec::new();
        store.request(format!("SET ring {value}").as_bytes(), &mut stored).expect("an answer");
        assert_eq!(stored, b"OK");
        services::requests(server.address("message"), value);
    };

    python_and_socat_send_datagrams: {
        let server = ServerProcess::on_tap(&["udp-echo"]);
        services::datagrams(server.address("udp-echo"), services::LONGEST_DATAGRAM_ON_SMOLTCP);
    };

    erlang_packet_4_serves: serves(&roster::ERLANG_4, &U32::new());
    twisted_int32_serves: serves(&roster::TWISTED_INT32, &U32::new());
    python_multiprocessing_serves: serves(&roster::MULTIPROCESSING, &U32::new());
    tokio_util_serves: serves(&roster::TOKIO_UTIL, &U32::new());
    anyevent_packstring_serves: serves(&roster::ANYEVENT, &U32::new());
    eventmachine_objects_serve: serves(&roster::EVENTMACHINE, &U32::new());
    lua_serves: serves(&roster::LUA, &U32::new());
    asyncio_serves: serves(&roster::ASYNCIO, &U32::new());
    twisted_netstrings_serve: serves(&roster::TWISTED_NETSTRING, &Netstring);
    erlang_packet_line_serves: serves_text(&roster::ERLANG_LINE);
    twisted_lines_serve: serves_text(&roster::TWISTED_LINE);
    anyevent_lines_serve: serves_text(&roster::ANYEVENT_LINE);
    eventmachine_lines_serve: serves_text(&roster::EVENTMACHINE_LINE);
    luasocket_lines_serve: serves_text(&roster::LUA_LINE);
    asyncio_lines_serve: serves_text(&roster::ASYNCIO_LINE);
    node_readline_serves: serves_text(&roster::READLINE);

    python_serves_json_header_by_the_description_of_the_format: {
        let stack = Stack::open();
        let Some((mut peer, address)) = roster::JSON_HEADER.server_at(HOST.into()) else { return };
        let slowly = relay::byte_by_byte(address);
        let search = br#"{"action": "search", "value": "morpheus"}"#;
        let found = "{\"result\": \"Follow the white rabbit. \u{1F407}\"}";
        let mut asked = vec![(JsonHeader::TEXT, search.to_vec(), found.as_bytes().to_vec())];
        for content in [Vec::new(), b"\0\xFF".to_vec(), text(DEMO_BUFFER), text(LONG)] {
            let answer = [b"First 10 bytes of request: ", &content[..content.len().min(10)]].concat();
            asked.push((BINARY, content, answer));
        }
        for (law, content, answer) in asked {
            let address = if content.len() < 100 { slowly } else { address };
            let mut client = stack.connect(&law, address, 256);
            assert_eq!(client.request(&content), Some(answer));
            let told = format!("{} {} {}", law.content_type, law.content_encoding, to_hex(&content));
            assert_eq!(peer.hear(), Heard::Message(told.into()), "what the server received");
            assert_eq!(client.receive(), None, "and it closes");
        }
    };

    python_sends_datagrams_back: {
        let stack = Stack::open();
        let Some((mut peer, address)) = roster::PYTHON_UDP.server_at(HOST.into()) else { return };
        let mut client = stack.datagrams(address);
        for message in services::datagram_messages(services::LONGEST_DATAGRAM_ON_SMOLTCP) {
            assert!(client.request(&message) == message, "{} bytes", message.len());
            assert_eq!(peer.hear(), Heard::Message(message));
        }
    };
}

const BINARY: JsonHeader = JsonHeader { content_type: "binary/custom-client-binary-type", content_encoding: "binary" };

/// `echo` and `trim` of the command; and an echo with buffers of every size.
fn u32(partner: &Partner) {
    let server = ServerProcess::on_tap(&["echo", "trim"]);
    let messages = texts(DEMO_BUFFER);
    let echo = [&messages[..], &binaries()].concat();
    plays::as_client(partner, server.address("echo"), DEMO_BUFFER, &echo, &short_texts(), &<[u8]>::to_vec);
    let trimmed = |message: &[u8]| conversation::Service::Trim.answer(message).expect("text");
    plays::as_client(partner, server.address("trim"), DEMO_BUFFER, &messages, &short_texts(), &trimmed);
    drop(server);
    echoes(partner, Echo::new);
}

/// `echo` in the framing that `make` serves, with text and with bytes that are none.
fn echoes<V: Service<Framing: Clone + Default> + 'static>(partner: &Partner, make: fn() -> V) {
    for buffer in BUFFERS {
        let _server = StackServer::start(buffer, make);
        let messages = [texts(buffer), binaries()].concat();
        plays::as_client(partner, own(), buffer, &messages, &short_texts(), &<[u8]>::to_vec);
    }
}

/// `kv` of the command; and an echo of lines with buffers of every size.
fn lines(partner: &Partner) {
    let server = ServerProcess::on_tap(&["kv"]);
    services::key_value(partner, server.address("kv"), DEMO_BUFFER, services::LONGEST_VALUE_ON_SMOLTCP);
    drop(server);
    for buffer in BUFFERS {
        let _server = StackServer::start(buffer, Echo::<Lines>::default);
        plays::as_client(partner, own(), buffer, &texts(buffer), &short_texts(), &<[u8]>::to_vec);
    }
}

fn own() -> SocketAddr {
    (DEVICE, StackServer::PORT).into()
}

/// The partner is the server of a client over smoltcp.
fn serves<L: Framing + Clone + 'static>(partner: &Partner, law: &L) {
    let stack = Stack::open();
    for buffer in BUFFERS {
        let messages = [texts(buffer), binaries()].concat();
        let dial = |server| -> Box<dyn Caller> { Box::new(stack.connect(law, server, buffer)) };
        plays::as_server_of(partner, HOST, &dial, buffer, &messages, &short_texts());
    }
}

fn serves_text(partner: &Partner) {
    let stack = Stack::open();
    for buffer in BUFFERS {
        let dial = |server| -> Box<dyn Caller> { Box::new(stack.connect(&Lines, server, buffer)) };
        plays::as_server_of(partner, HOST, &dial, buffer, &texts(buffer), &short_texts());
    }
}
