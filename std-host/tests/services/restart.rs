//! The server is stopped and started again while clients are connected.

use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::child::Server;
use crate::client::Client;
use crate::{Directory, wait_until};

/// Stops the server, orderly or not, and starts it again at the same addresses.
fn restart(server: &mut Server, signal: Signal, more: &[&str]) -> Server {
    let at = |service| format!("{service}={}", server.address(service));
    let (kv, chat) = (at("kv"), at("chat"));
    server.signal(signal);
    assert_eq!(server.wait().success(), signal == Signal::TERM);
    Server::start(&[&["serve", &kv, &chat][..], more].concat())
}

fn try_connect(address: SocketAddr) -> Option<Client> {
    TcpStream::connect(address).ok().map(Client::new)
}

#[test]
fn clients_learn_that_the_server_is_gone_and_find_it_again_at_once() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut server = Server::start(&["serve", "kv=0", "chat=0"]);
        let mut kv: Vec<_> = (0..3).map(|_| Client::connect(&server, "kv")).collect();
        for (i, client) in kv.iter_mut().enumerate() {
            assert_eq!(client.ask(&format!("SET k{i} {i}")), "OK");
        }
        let mut members: Vec<_> = ["ann", "bob", "cat"].map(|name| Client::join(&server, name, name)).into();
        let (kv_at, chat_at) = (server.address("kv"), server.address("chat"));
        let _server = restart(&mut server, signal, &[]);
        for client in &mut kv {
            assert_eq!(client.try_read(), None);
        }
        for member in &mut members {
            // Others may be seen to leave first.
            while let Some(line) = member.try_read() {
                assert!(line.contains(" joined") || line.contains(" left"), "{line}");
            }
        }
        let mut client = try_connect(kv_at).unwrap();
        assert_eq!(client.ask("GET k1"), "ERROR", "it was in memory");
        let mut ann = try_connect(chat_at).unwrap();
        assert_eq!(ann.enter("ann", "ann"), [""; 0], "the name is free, the history was in memory");
    }
}

#[test]
fn with_data_a_client_that_comes_back_finds_what_it_left() {
    let directory = Directory::new();
    let more = ["--data", directory.path()];
    let mut server = Server::start(&[&["serve", "kv=0", "chat=0"][..], &more].concat());
    let (kv_at, chat_at) = (server.address("kv"), server.address("chat"));
    for signal in [Signal::KILL, Signal::TERM] {
        let mut client = try_connect(kv_at).unwrap();
        let mut ann = try_connect(chat_at).unwrap();
        ann.enter("ann", "ann");
        let before = client.ask("GET counter").parse().unwrap_or(0);
        assert_eq!(client.ask(&format!("SET counter {}", before + 1)), "OK");
        server = restart(&mut server, signal, &more);
        wait_until("the counter is found again", || {
            try_connect(kv_at).is_some_and(|mut client| client.ask("GET counter") == (before + 1).to_string())
        });
    }
    assert_eq!(try_connect(kv_at).unwrap().ask("GET counter"), "2");
}
