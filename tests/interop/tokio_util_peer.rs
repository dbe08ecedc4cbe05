//! tokio-util's `LengthDelimitedCodec`, as a peer: an event loop on a thread of this process.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{self, Sender};
use std::thread;

use bytes::{Bytes, BytesMut};
use futures_util::future::try_join;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::peer::{Heard, Peer};

type Messages = Framed<TcpStream, LengthDelimitedCodec>;

/// A client of `server`.
pub(super) fn client(name: &'static str, server: SocketAddr) -> Peer {
    let (tell, heard) = mpsc::channel();
    let (turns, told) = unbounded_channel();
    run(name, async move { talk(connect(server).await?, told, &tell).await });
    let say = move |messages: &[&[u8]]| {
        let turn = messages.iter().map(|message| Bytes::copy_from_slice(message)).collect();
        turns.send(turn).map_err(io::Error::other)
    };
    Peer::inside(name, Box::new(say), heard)
}

/// A server at any port of `host` that sends every message back, as long as the process lives.
pub(super) fn server(name: &'static str, host: IpAddr) -> Peer {
    let (tell, heard) = mpsc::channel();
    run(name, async move {
        let listener = TcpListener::bind((host, 0)).await?;
        let _ = tell.send(Heard::Listening(listener.local_addr()?.port()));
        loop {
            let (socket, _) = listener.accept().await?;
            tokio::spawn(serve(Framed::new(socket, LengthDelimitedCodec::new()), tell.clone()));
        }
    });
    Peer::inside(name, Box::new(|_: &[&[u8]]| Err(io::Error::other("it is a server"))), heard)
}

async fn connect(server: SocketAddr) -> io::Result<Messages> {
    let socket = TcpStream::connect(server).await?;
    socket.set_nodelay(true)?;
    Ok(Framed::new(socket, LengthDelimitedCodec::new()))
}

/// Sends what it is told, reports what comes.
async fn talk(messages: Messages, mut turns: UnboundedReceiver<Vec<Bytes>>, tell: &Sender<Heard>) -> io::Result<()> {
    let (mut sink, mut stream) = messages.split();
    let sending = async {
        while let Some(turn) = turns.recv().await {
            for message in turn {
                sink.feed(message).await?;
            }
            sink.flush().await?;
        }
        // This closes the sending side.
        sink.close().await
    };
    let receiving = async {
        while let Some(message) = stream.next().await {
            report(message, tell)?;
        }
        let _ = tell.send(Heard::End);
        Ok(())
    };
    try_join(sending, receiving).await.map(|_| ())
}

async fn serve(mut messages: Messages, tell: Sender<Heard>) -> io::Result<()> {
    while let Some(message) = messages.next().await {
        let message = report(message, &tell)?;
        messages.send(message.freeze()).await?;
    }
    let _ = tell.send(Heard::End);
    Ok(())
}

fn report(message: io::Result<BytesMut>, tell: &Sender<Heard>) -> io::Result<BytesMut> {
    let heard = match &message {
        Ok(message) => Heard::Message(message.to_vec()),
        Err(error) => Heard::Failed(error.to_string()),
    };
    let _ = tell.send(heard);
    message
}

fn run(name: &str, main: impl Future<Output = io::Result<()>> + Send + 'static) {
    let runtime = runtime::Builder::new_current_thread().enable_io().build().expect("an event loop");
    let thread = thread::Builder::new().name(name.to_owned());
    // What went wrong was told, or nobody listens any more.
    thread.spawn(move || _ = runtime.block_on(main)).expect("a thread");
}
