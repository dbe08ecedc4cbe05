//! The client that sends and receives at the same time.

use std::io::Read;
use std::time::{Duration, Instant};

use framewright::framing::U32;
use framewright_host::{ClientConfig, DuplexClient};
use rustix::event::{PollFlags, Timespec};

use crate::client::serve_once;
use crate::{PATIENCE, frame};

/// The buffer is full, the socket is not, and the server is silent: nobody but the client itself can wake who waits for room.
#[test]
fn who_waits_for_room_is_woken_when_the_socket_takes_all_at_once() {
    let (server, serving) = serve_once(|mut stream| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, frame(&[7; 30]).repeat(5));
    });
    let config = ClientConfig { buffer_size: 64, ..ClientConfig::default() };
    let mut client = DuplexClient::connect(U32::new(), &server, config).unwrap();
    let begin = Instant::now();
    for _ in 0..5 {
        while !client.queue(&[7; 30]).unwrap() {
            client.wait(None, Some(PATIENCE)).unwrap();
        }
    }
    client.finish_sending();
    while client.next().unwrap().is_none() {
        client.wait(None, Some(PATIENCE)).unwrap();
    }
    assert!(begin.elapsed() < PATIENCE, "it slept though there was room");
    serving.join().unwrap();
}

/// And where there is no room, waiting takes no processor time.
#[test]
fn who_waits_for_room_sleeps_while_the_socket_takes_nothing() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (server, serving) = serve_once(move |_stream| _ = told.recv());
    let mut client = DuplexClient::connect(U32::new(), &server, ClientConfig::default()).unwrap();
    let is_writable = |client: &DuplexClient<U32>| {
        let mut socket = [rustix::event::PollFd::new(client.socket(), PollFlags::OUT)];
        rustix::event::poll(&mut socket, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
    };
    // What the peer's system takes grows for a while.
    let (deadline, mut waits_in_vain) = (Instant::now() + PATIENCE, 0);
    while waits_in_vain < 3 {
        assert!(Instant::now() < deadline, "it does not sleep");
        if client.queue(&[7; 4000]).unwrap() {
            waits_in_vain = 0;
            continue;
        }
        let begin = Instant::now();
        client.wait(None, Some(Duration::from_millis(50))).unwrap();
        if !is_writable(&client) && begin.elapsed() >= Duration::from_millis(50) {
            waits_in_vain += 1;
        }
    }
    drop(tell);
    serving.join().unwrap();
}
