//! tokio's `Framed` with a law of this engine: a task that serves, and a client.
//!
//! What differs from the codecs that come with tokio-util: a stream that ends inside a message is an error and not an end, and a length on
//! the wire reserves nothing. Run it with `cargo run -p std-host --example tokio_framed --features tokio-codec`.

use framewright::framing::U32;
use framewright_host::tokio_codec::{Codec, CodecError};
use futures_util::{SinkExt, StreamExt};
use std::error::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

/// Sends every message back, up to the end of the stream. How many there were.
async fn serve(socket: TcpStream) -> Result<usize, CodecError> {
    let mut messages = Framed::new(socket, Codec::new(U32::new()));
    let mut served = 0;
    while let Some(message) = messages.next().await {
        messages.send(message?).await?;
        served += 1;
    }
    Ok(served)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        let whole = serve(listener.accept().await?.0).await;
        let cut = serve(listener.accept().await?.0).await;
        Ok::<_, std::io::Error>((whole, cut))
    });

    let mut client = Framed::new(TcpStream::connect(address).await?, Codec::new(U32::new()));
    for message in ["Four score", "", "and seven years ago"] {
        client.send(message).await?;
        let reply = client.next().await.ok_or("closed before the reply")??;
        println!("{:?}", std::str::from_utf8(&reply)?);
        assert_eq!(reply, message);
    }
    drop(client);

    // Three bytes of five, and the end.
    TcpStream::connect(address).await?.write_all(b"\0\0\0\x05hel").await?;

    let (whole, cut) = serving.await??;
    let cut = cut.expect_err("a stream that ends inside a message");
    println!("the second client: {cut}");
    assert_eq!(whole?, 3);
    assert!(matches!(cut, CodecError::Truncated { have: 7, need: Some(9) }));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(run())
}
