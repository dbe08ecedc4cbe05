//! Datagrams: `udp-echo` and `send --udp`.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::process::Signal;

use crate::PATIENCE;
use crate::child::{Server, run};

/// A socket that talks to the server only.
fn client_of(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    socket.connect(server.address("udp-echo")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn exchange(socket: &UdpSocket, datagram: &[u8]) -> Vec<u8> {
    socket.send(datagram).unwrap();
    let mut buffer = vec![0; 70_000];
    let n = socket.recv(&mut buffer).unwrap();
    buffer.truncate(n);
    buffer
}

#[test]
fn each_datagram_comes_back_from_the_empty_one_to_the_longest() {
    let server = Server::start(&["serve", "udp-echo=0", "--buffer-size", "64"]);
    assert!(server.lines[0].starts_with("listening udp-echo udp 127.0.0.1:"), "{:?}", server.lines);
    let socket = client_of(&server);
    for len in [0, 1, 64, 65, 1472, 4097, 65_507] {
        let datagram: Vec<u8> = (0..=250).cycle().take(len).collect();
        assert!(exchange(&socket, &datagram) == datagram, "{len} bytes");
    }
}

#[test]
fn a_datagram_that_is_too_long_is_not_answered_by_a_part_of_it() {
    let server = Server::start(&["serve", "udp-echo=0", "--max-frame", "100"]);
    let socket = client_of(&server);
    socket.send(&[1; 101]).unwrap();
    assert_eq!(exchange(&socket, &[2; 100]), [2; 100], "the first answer is to the second datagram");
    server.wait_for_log("dropped: longer than 100 bytes");
    server.wait_for_log(&format!("peer=Some({})", socket.local_addr().unwrap()));
}

#[test]
fn send_with_udp_prints_a_line_a_datagram() {
    let server = Server::start(&["serve", "udp-echo=0"]);
    let address = server.address("udp-echo").to_string();
    let output = run(&["send", "--udp", &address, "one", "", "three"], b"");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one\n\nthree\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(run(&["send", "--udp", &address], b"from\nstdin").stdout, b"from\nstdin\n");
}

#[test]
fn every_address_of_a_name_is_tried() {
    let server = Server::start(&["serve", "udp-echo=0"]);
    let address = format!("localhost:{}", server.address("udp-echo").port());
    let output = run(&["send", "--udp", &address, "x"], b"");
    assert_eq!(output.stdout, b"x\n", "{}", String::from_utf8(output.stderr).unwrap());
}

#[test]
fn what_goes_wrong_is_told_in_words() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let told = |args: &[&str], stdin: &[u8]| {
        let output = run(args, stdin);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        told(&["send", "--udp", "--reply-timeout", "0.1", &address, "x"], b""),
        format!("framewright: no reply from {address}: timed out: the server does not answer (waited 0.1 s)\n")
    );
    assert_eq!(
        told(&["send", "--udp", &address], &vec![b'x'; 65_508]),
        format!(
            "framewright: cannot send to {address}: too long for a datagram: at most 65507 bytes over IPv4 \
             (Message too long (os error 90))\n"
        )
    );
    // Connected elsewhere, it keeps the port and listens to nobody here.
    silent.connect("127.0.0.1:9").unwrap();
    assert_eq!(
        told(&["send", "--udp", &address, "x"], b""),
        format!(
            "framewright: no reply from {address}: connection refused: is the server running? \
             (Connection refused (os error 111))\n"
        )
    );
}

#[test]
fn it_stops_with_the_others() {
    let mut server = Server::start(&["serve", "udp-echo=0", "echo=0", "-v"]);
    let socket = client_of(&server);
    assert_eq!(exchange(&socket, b"x"), b"x");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let _ = socket.send(b"y");
    socket.recv(&mut [0; 10]).expect_err("it is gone");
}

#[test]
fn the_answer_comes_from_the_address_that_was_asked() {
    let server = Server::start(&["serve", "udp-echo=0.0.0.0:0"]);
    let port = server.address("udp-echo").port();
    for asked in ["127.0.0.1", "127.0.0.2", "127.7.7.7"] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // Connected: what comes from elsewhere is not for it.
        socket.connect((asked, port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(exchange(&socket, asked.as_bytes()), asked.as_bytes());
    }
    if let Ok(socket) = UdpSocket::bind("[::1]:0") {
        let server = Server::start(&["serve", "udp-echo=[::]:0"]);
        let port = server.address("udp-echo").port();
        socket.connect(("::1", port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(exchange(&socket, b"over IPv6"), b"over IPv6");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.2", port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(exchange(&socket, b"over IPv4"), b"over IPv4");
    }
}
