//! Every error that a person may meet on one machine, by its words.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use framewright::framing::U32;
use framewright::service::Echo;
use framewright_host::{Address, BufferedClient, BufferedServer, ClientConfig, HostError, ServerConfig, SocketOptions};

use crate::child::{limited, run_as};
use crate::client::serve_once;

fn connect(server: &Address, timeout: Duration) -> Result<BufferedClient, HostError> {
    let timeout = Some(timeout);
    let options = SocketOptions { connect_timeout: timeout, read_timeout: timeout, ..SocketOptions::default() };
    BufferedClient::connect_with(U32::new(), server, ClientConfig { options, ..ClientConfig::default() })
}

fn connect_in_time(server: &Address) -> BufferedClient {
    connect(server, Duration::from_secs(10)).unwrap()
}

/// A port that is taken, and at which nobody listens.
fn deaf_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

#[test]
fn a_name_that_does_not_exist() {
    // A label of more than 63 letters cannot exist, and no name server needs to be asked.
    let name = "x".repeat(64) + ".invalid";
    let error = BufferedClient::connect(&name, 1, 4096).unwrap_err().to_string();
    let start =
        format!("cannot find {name}: name not found: check its spelling, or use an IP address (failed to lookup");
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn nobody_listens() {
    let (_socket, port) = deaf_port();
    assert_eq!(
        BufferedClient::connect("127.0.0.1", port, 4096).unwrap_err().to_string(),
        format!(
            "cannot connect to 127.0.0.1:{port}: connection refused: is the server running? \
             (Connection refused (os error 111))"
        )
    );
}

#[test]
fn a_server_that_accepts_nobody() {
    let listener = SocketOptions::default().listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), 0).unwrap();
    let server: Address = listener.local_addr().unwrap().into();
    let mut waiting = Vec::new();
    let error = loop {
        match connect(&server, Duration::from_millis(250)) {
            Ok(client) => waiting.push(client),
            Err(error) => break error.to_string(),
        }
        assert!(waiting.len() < 100, "the backlog never fills");
    };
    let start =
        format!("cannot connect to {server}: timed out: is the host up, and no firewall in between? (waited 0.");
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn a_server_that_does_not_answer() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (server, serving) = serve_once(move |_stream| _ = told.recv());
    let mut client = connect(&server, Duration::from_millis(100)).unwrap();
    assert_eq!(
        client.request(b"?", &mut Vec::new()).unwrap_err().to_string(),
        format!("no reply from {server}: timed out: the server does not answer (waited 0.1 s)")
    );
    drop(tell);
    serving.join().unwrap();
}

#[test]
fn a_server_that_breaks_the_connection() {
    use std::io::Read;
    let (server, serving) = serve_once(|mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let mut client = connect_in_time(&server);
    client.send(b"?").unwrap();
    serving.join().unwrap();
    assert_eq!(
        client.receive().unwrap_err().to_string(),
        format!(
            "no reply from {server}: reset by peer: the other side broke the connection; its log may say why \
             (Connection reset by peer (os error 104))"
        )
    );
}

#[test]
fn a_server_that_closes_before_the_reply_or_inside_it() {
    use std::io::{Read, Write};
    for (bytes, detail) in [
        (&b""[..], ""),
        (b"\0\0", " (truncated: the stream ended inside a message (2 bytes of it came))"),
        (b"\0\0\0\x09abc", " (truncated: the stream ended inside a message (7 of its 13 bytes came))"),
    ] {
        let (server, serving) = serve_once(move |mut stream| {
            stream.read_exact(&mut [0; 5]).unwrap();
            stream.write_all(bytes).unwrap();
        });
        let mut client = connect_in_time(&server);
        assert_eq!(
            client.request(b"?", &mut Vec::new()).unwrap_err().to_string(),
            format!("no reply from {server}: closed before the reply: the server's log may say why{detail}")
        );
        serving.join().unwrap();
    }
}

#[test]
fn a_port_that_another_program_has() {
    let first = BufferedServer::bind("127.0.0.1", 0, 4096, |_| Echo::new()).unwrap();
    let port = first.addresses()[0].port();
    assert_eq!(
        BufferedServer::bind("127.0.0.1", port, 4096, |_| Echo::new()).unwrap_err().to_string(),
        format!(
            "cannot listen on 127.0.0.1:{port}: port already in use: another program listens there; \
             stop it or take another port (0 is any free one) (Address already in use (os error 98))"
        )
    );
}

#[test]
fn an_address_of_another_machine() {
    // Kept for documentation by RFC 5737: no machine has it.
    assert_eq!(
        BufferedServer::bind("192.0.2.1", 0, 4096, |_| Echo::new()).unwrap_err().to_string(),
        "cannot listen on 192.0.2.1:0: no such local address: \
         take one of this machine's, or 0.0.0.0 or [::] for all of them \
         (Cannot assign requested address (os error 99))"
    );
}

#[test]
fn no_file_descriptor_is_left() {
    // Three are taken by the standard streams, and with less than four no program can be loaded.
    for files in 4..=7 {
        let output = run_as(limited(files).args(["serve", "echo=0"]), b"");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{files}: {stderr}");
        let told =
            "too many open files: raise the limit (`ulimit -n`), or use fewer (Too many open files (os error 24))\n";
        assert!(stderr.ends_with(told), "{files}: {stderr}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn a_buffer_size_that_no_buffer_has() {
    for size in [0, 63, 100, 4095, 65537, 1 << 17] {
        let config = ServerConfig { buffer_size: size, ..ServerConfig::default() };
        assert_eq!(
            BufferedServer::new(config).unwrap_err().to_string(),
            format!("buffer size {size}: not allowed (a power of two from 64 to 65536)")
        );
        let error = BufferedClient::connect("127.0.0.1", 1, size).unwrap_err().to_string();
        assert!(error.starts_with(&format!("buffer size {size}: not allowed")), "{error}");
    }
}
