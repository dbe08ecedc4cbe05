//! A client on `std::net` alone: a socket, a decoder, an encoder, and a loop.
//!
//! `framewright_host::BufferedClient` is this with time-outs, all addresses of a name, and errors in words. Run it with
//! `cargo run -p std-host --example blocking_client [ADDRESS]`; without an address it talks to a server of its own.

use framewright::framing::U32;
use framewright::service::Trim;
use framewright::{Decoder, Encoder, End};
use framewright_host::BufferedServer;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).map_or_else(own_server, Ok)?;
    let mut socket = TcpStream::connect(address)?;
    let mut encoder = Encoder::new(U32::new(), [0; 1024]);
    let mut decoder = Decoder::new(U32::new(), [0; 1024]);

    // Three messages in one write.
    for message in ["Four score and seven years ago", "0123456789", "ünïcödé text: 🌍🌎🌏"] {
        encoder.push(message.as_bytes())?;
    }
    socket.write_all(encoder.pending())?;
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
    match decoder.finish()? {
        End::Clean => Ok(()),
        other => Err(format!("the server ended inside a message: {other:?}").into()),
    }
}

/// Starts a server at any free port, and returns its address.
fn own_server() -> Result<String, Box<dyn Error>> {
    let mut server = BufferedServer::bind("127.0.0.1", 0, 4096, |_| Trim::default())?;
    let address = server.addresses()[0].to_string();
    std::thread::spawn(move || server.start());
    Ok(address)
}
