//! A stretch of the way on which every byte travels alone, in both directions.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Forwards connections to `target`, byte by byte, as long as the process lives. Returns where to connect to: an address of
/// this machine, that of `target` if it is one.
///
/// # Panics
/// There is no free port, or later `target` cannot be reached.
pub fn byte_by_byte(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((target.ip(), 0));
    let listener = listener.or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(target).expect("somebody who listens at the other end");
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                thread::spawn(move || forward(&from, &to));
            }
        }
    });
    address
}

/// Up to the end of the stream, and that too.
fn forward(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = to.set_nodelay(true);
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        for byte in &chunk[..n] {
            if to.write_all(&[*byte]).is_err() {
                return;
            }
            // A chance for the receiver to see it alone.
            thread::sleep(PAUSE);
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Longer than a byte takes on loopback.
const PAUSE: Duration = Duration::from_micros(100);
