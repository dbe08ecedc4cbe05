//! Clients on Linux's stack, and a server there.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::memory::{rate, shares};
use super::{CROWD, Outcome, RING, Task, message};

/// The task with a server of threads on Linux's stack, over its loopback interface.
pub(crate) fn of_linux(task: Task, time: Duration) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    let clients = if matches!(task, Task::Crowd(_)) { CROWD } else { 1 };
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..clients {
                let (mut stream, _) = listener.accept().expect("a client");
                stream.set_nodelay(true).expect("set");
                scope.spawn(move || {
                    let mut bytes = vec![0; RING];
                    while let Ok(n @ 1..) = stream.read(&mut bytes) {
                        if stream.write_all(&bytes[..n]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        ask(address, task, time)
    })
}

/// The task with the server at this address.
pub(crate) fn ask(server: SocketAddr, task: Task, time: Duration) -> Outcome {
    match task {
        Task::Stream(len) => stream(server, len, time),
        Task::PingPong(len) => ping_pong(server, len, time),
        Task::Crowd(len) => crowd(server, len, time),
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("a connection");
    stream.set_nodelay(true).expect("set");
    stream
}

fn stream(server: SocketAddr, len: usize, time: Duration) -> Outcome {
    let mut reader = connect(server);
    let mut writer = reader.try_clone().expect("a second handle");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let messages = message(len).repeat(1 + RING / len);
            while !stop.load(Ordering::Relaxed) {
                writer.write_all(&messages).expect("sent");
            }
            writer.shutdown(Shutdown::Write).expect("closed");
        });
        let mut bytes = vec![0; RING];
        let begin = Instant::now();
        // The first tenth is for handshake and windows.
        while begin.elapsed() < time / 10 {
            assert_ne!(reader.read(&mut bytes).expect("answers"), 0);
        }
        let (start, mut received) = (Instant::now(), 0);
        while start.elapsed() < time {
            received += reader.read(&mut bytes).expect("answers") as u64;
        }
        let outcome = rate(received, start.elapsed());
        stop.store(true, Ordering::Relaxed);
        while reader.read(&mut bytes).expect("the last answers") > 0 {}
        outcome
    })
}

fn ping_pong(server: SocketAddr, len: usize, time: Duration) -> Outcome {
    let mut stream = connect(server);
    let one = message(len);
    let mut answer = vec![0; one.len()];
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let start = Instant::now();
        stream.write_all(&one).expect("sent");
        stream.read_exact(&mut answer).expect("the answer");
        times.push(start.elapsed());
    }
    times.sort();
    Outcome::Median(times[times.len() / 2])
}

fn crowd(server: SocketAddr, len: usize, time: Duration) -> Outcome {
    let one = message(len);
    let streams: Vec<TcpStream> = (0..CROWD).map(|_| connect(server)).collect();
    let start = Barrier::new(CROWD);
    let got: Vec<u64> = thread::scope(|scope| {
        let clients: Vec<_> = streams
            .into_iter()
            .map(|mut stream| {
                let (one, start) = (&one, &start);
                scope.spawn(move || {
                    let mut answer = vec![0; one.len()];
                    start.wait();
                    let (begin, mut got) = (Instant::now(), 0);
                    while begin.elapsed() < time {
                        stream.write_all(one).expect("sent");
                        stream.read_exact(&mut answer).expect("the answer");
                        got += one.len() as u64;
                    }
                    got
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client")).collect()
    });
    shares(&got, time)
}
