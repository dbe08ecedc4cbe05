//! A client on `std::net` alone: a socket, a decoder, an encoder, and a loop.
//!
//! `BufferedClient` of the package `std-host` is this with time-outs, all addresses of a name, and errors in words. Run it with
//! `cargo run -p core --example blocking_client [ADDRESS]`; without an address it talks to a server of its own.

use framewright::framing::U32;
use framewright::service::Trim;
use framewright::{Decoder, Encoder, End, Instant, Session, SessionConfig};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).map_or_else(own_server, Ok)?;
    let mut socket = TcpStream::connect(address)?;
    let mut encoder = Encoder::new(U32::new(), [0; 1024]);
    let mut decoder = Decoder::new(U32::new(), [0; 1024]);

    for message in ["Four score and seven years ago", "0123456789", "ünïcödé text: 🌍🌎🌏"] {
        encoder.push(message.as_bytes())?;
    }
    socket.write_all(encoder.pending())?; // three messages in one write
    socket.shutdown(Shutdown::Write)?; // we have said all; the answers still come

    loop {
        let n = socket.read(decoder.spare_mut())?;
        decoder.commit(n);
        while let Some(reply) = decoder.pop()? {
            println!("{:?}", std::str::from_utf8(reply)?);
        }
        if n == 0 {
            break;
        }
    }
    assert_eq!(decoder.finish()?, End::Clean, "the server ended inside a message");
    Ok(())
}

/// Serves one client at any free port, and returns its address. The front page of the crate has this loop with time-outs.
fn own_server() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || -> Result<(), Box<dyn Error + Send + Sync>> {
        let (mut socket, now) = (listener.accept()?.0, Instant::ZERO);
        let mut session = Session::new(Trim::default(), [0; 256], [0; 256], SessionConfig::default(), now)?;
        while !session.is_done() {
            match socket.read(session.input_mut())? {
                0 => session.handle_end(now),
                n => session.handle_filled(n, now),
            }
            while !session.poll_output(now).is_empty() {
                let n = socket.write(session.poll_output(now))?;
                session.sent(n, now);
            }
        }
        Ok(())
    });
    Ok(address)
}
