//! The buffered client, against servers that behave and servers that do not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use framewright::framing::{JsonHeader, Lines, U32};
use framewright_host::{Address, BufferedClient, ClientConfig, ErrorKind, SocketOptions};

use crate::frame;

/// A server for one connection that does what it is told.
pub(crate) fn serve_once(script: impl FnOnce(TcpStream) + Send + 'static) -> (Address, JoinHandle<()>) {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap().into();
    (address, thread::spawn(move || script(listener.accept().unwrap().0)))
}

fn connect(server: &Address, buffer_size: usize) -> BufferedClient {
    BufferedClient::connect(server.host(), server.port(), buffer_size).unwrap()
}

#[test]
fn a_message_of_any_length_is_received_whole() {
    let lengths = [0, 1, 59, 60, 61, 63, 64, 65, 1000, 200_000];
    let message = |len: usize| (0..=250).cycle().take(len).collect::<Vec<u8>>();
    let (server, serving) = serve_once(move |mut stream| {
        for len in lengths {
            stream.write_all(&frame(&message(len))).unwrap();
        }
    });
    let mut client = connect(&server, 64);
    for len in lengths {
        assert_eq!(client.receive().unwrap(), Some(message(len)), "{len} bytes");
    }
    assert_eq!(client.receive().unwrap(), None, "the peer is gone");
    assert_eq!(client.receive().unwrap(), None, "and stays gone");
    serving.join().unwrap();
}

#[test]
fn a_reply_that_comes_byte_by_byte_is_received_whole() {
    let (server, serving) = serve_once(|mut stream| {
        stream.set_nodelay(true).unwrap();
        for byte in frame(b"drip") {
            stream.write_all(&[byte]).unwrap();
        }
    });
    let mut client = connect(&server, 64);
    assert_eq!(client.receive().unwrap(), Some(b"drip".to_vec()));
    serving.join().unwrap();
}

#[test]
fn lines_are_a_framing_like_any_other() {
    let (server, serving) = serve_once(|mut stream| {
        let mut bytes = [0; 9];
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"good day\n");
        stream.write_all(b"and to you\r\nlast without an end").unwrap();
    });
    let mut client = BufferedClient::connect_with(Lines, &server, ClientConfig::default()).unwrap();
    client.send(b"good day").unwrap();
    assert_eq!(client.receive().unwrap(), Some(b"and to you".to_vec()));
    assert_eq!(client.receive().unwrap(), Some(b"last without an end".to_vec()));
    assert_eq!(client.receive().unwrap(), None);
    let error = client.send(b"two\nlines").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadMessage);
    serving.join().unwrap();
}

#[test]
fn requests_with_typed_content_are_sent_like_any_other_message() {
    let law = JsonHeader { content_type: "text/plain", content_encoding: "ascii" };
    let (server, serving) = serve_once(|mut stream| {
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut header = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut header).unwrap();
        assert!(String::from_utf8_lossy(&header).contains(r#""content-length": 5"#), "{header:?}");
        let mut content = [0; 5];
        stream.read_exact(&mut content).unwrap();
        stream.write_all(&[&length[..], &header, &content].concat()).unwrap();
    });
    let mut client = BufferedClient::connect_with(law, &server, ClientConfig::default()).unwrap();
    let mut reply = Vec::new();
    client.request(b"hello", &mut reply).unwrap();
    assert_eq!(reply, b"hello");
    serving.join().unwrap();
}

#[test]
fn after_the_sending_side_is_closed_answers_still_arrive() {
    let (server, serving) = serve_once(|mut stream| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
    });
    let mut client = connect(&server, 64);
    client.send(b"one").unwrap();
    client.send(b"two").unwrap();
    client.finish_sending().unwrap();
    assert_eq!(client.receive().unwrap(), Some(b"one".to_vec()));
    assert_eq!(client.receive().unwrap(), Some(b"two".to_vec()));
    assert_eq!(client.receive().unwrap(), None);
    assert_eq!(client.send(b"three").unwrap_err().kind(), ErrorKind::BadMessage);
    serving.join().unwrap();
}

#[test]
fn a_reply_over_the_limit_is_refused() {
    let (server, serving) = serve_once(|mut stream| stream.write_all(&frame(&[7; 101])).unwrap());
    let config = ClientConfig { max_frame: 100, ..ClientConfig::default() };
    let mut client = BufferedClient::connect_with(U32::new(), &server, config).unwrap();
    let error = client.receive().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert_eq!(
        error.to_string(),
        format!(
            "no reply from {server}: what came is no message of this framing \
             (frame at byte 0: length 101 exceeds the limit of 100 bytes)"
        )
    );
    serving.join().unwrap();
}

#[test]
fn a_message_that_was_sent_in_part_is_never_followed_by_another() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (server, serving) = serve_once(move |_stream| _ = told.recv());
    let options = SocketOptions { write_timeout: Some(Duration::from_millis(100)), ..SocketOptions::default() };
    let config = ClientConfig { options, ..ClientConfig::default() };
    let mut client = BufferedClient::connect_with(U32::new(), &server, config).unwrap();
    let error = client.send(&vec![0; 64 << 20]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        format!("cannot send to {server}: timed out: the server does not read (waited 0.1 s)")
    );
    let error = client.send(b"next").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot send to {server}: the message cannot be sent (an earlier message was sent only in part)")
    );
    drop(tell);
    serving.join().unwrap();
}

#[test]
fn the_options_asked_for_are_the_socket_s() {
    let (server, serving) = serve_once(|_| ());
    let options = SocketOptions {
        no_delay: false,
        keep_alive: None,
        linger: Some(Duration::from_secs(3)),
        send_buffer: Some(20_000),
        receive_buffer: Some(30_000),
        ..SocketOptions::default()
    };
    let config = ClientConfig { options, ..ClientConfig::default() };
    let client = BufferedClient::connect_with(U32::new(), &server, config).unwrap();
    let socket = socket2::SockRef::from(client.socket());
    assert!(!socket.tcp_nodelay().unwrap());
    assert!(!socket.keepalive().unwrap());
    assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(3)));
    // Linux gives twice what was asked for.
    assert!((20_000..=40_000).contains(&socket.send_buffer_size().unwrap()));
    assert!((30_000..=60_000).contains(&socket.recv_buffer_size().unwrap()));
    serving.join().unwrap();

    let (server, serving) = serve_once(|_| ());
    let client = connect(&server, 64);
    let socket = socket2::SockRef::from(client.socket());
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.linger().unwrap(), None);
    serving.join().unwrap();
}

#[test]
fn what_the_server_said_before_it_closed_counts_more_than_that_the_rest_could_not_be_sent() {
    let (server, serving) = serve_once(|mut stream| {
        let mut bytes = [0; 1000];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&frame(b"enough")).unwrap();
        // Closed with bytes unread: the client gets a reset.
    });
    let mut client = connect(&server, 64);
    let mut reply = Vec::new();
    let error = client.request(&vec![0; 64 << 20], &mut reply).unwrap_err();
    assert_eq!(reply, b"enough");
    assert_eq!(error.kind(), ErrorKind::ResetByPeer, "{error}");
    serving.join().unwrap();
}
