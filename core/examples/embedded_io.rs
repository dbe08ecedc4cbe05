//! A client over `embedded-io`, the traits that drivers of serial ports and sockets implement; here over a TCP socket of the host.
//!
//! Run it with `cargo run -p core --example embedded_io`.

use embedded_io_adapters::std::FromStd;
use framewright::framing::U32;
use framewright::io::FrameStream;
use framewright::{Decoder, Encoder};
use std::error::Error;
use std::net::{TcpListener, TcpStream};

fn main() -> Result<(), Box<dyn Error>> {
    // The other end: sends back each message twice.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let other_end = std::thread::spawn(move || {
        let (socket, _) = listener.accept().expect("the client connects");
        let (decoder, encoder) = (Decoder::new(U32::new(), [0; 64]), Encoder::new(U32::new(), [0; 256]));
        let mut stream = FrameStream::new(FromStd::new(socket), decoder, encoder);
        while let Some((request, replies)) = stream.read_request().expect("the client is well behaved") {
            replies.push(request).and_then(|()| replies.push(request)).expect("two short replies fit");
            stream.flush().expect("the client is there");
        }
    });

    let socket = FromStd::new(TcpStream::connect(address)?);
    let mut stream = FrameStream::new(socket, Decoder::new(U32::new(), [0; 64]), Encoder::new(U32::new(), [0; 64]));
    for message in ["Four score", "and seven", "years ago"] {
        stream.write_frame(message.as_bytes())?;
        for _ in 0..2 {
            let reply = stream.read_frame()?.ok_or("closed before the reply")?;
            println!("{}", std::str::from_utf8(reply)?);
            assert_eq!(reply, message.as_bytes());
        }
    }
    drop(stream); // a clean end: between two messages
    other_end.join().map_err(|_| "the other end failed")?;
    Ok(())
}
