//! Byte streams into messages and back, with fixed memory.
//!
//! Every program that talks over TCP or a serial line meets the same trap: a read may return half a message, or three and a half.
//! `framewright` ends that. You push the bytes that came, and pop the frames that are whole; you push frames, and take the bytes to
//! send. On top of that stand sessions and services: a whole server as a state machine that does no I/O.
//!
//! It is `no_std`, allocates nothing, contains no `unsafe`, and reads no clock. The same code runs on threads, over a userspace TCP stack,
//! and on a microcontroller; so the same bytes give the same answers everywhere.
//!
//! The next four sections are a tour of five minutes, from bytes to a server. What sockets do meanwhile, with commands to try, is told by
//! the guide `core/docs/sockets.md`; whole programs are in `core/examples`.
//!
//! # From bytes to frames
//!
//! A [`Decoder`] needs a law, which says where a frame begins and ends ([`framing`] has ten, and shows how to write your own), and storage:
//! an array, a slice, a box. Its length is all the memory that it will ever use.
//!
//! ```
//! use framewright::{Decoder, End, framing::U32};
//!
//! let mut decoder = Decoder::new(U32::new(), [0; 1024]);
//! # let reads: [&[u8]; 3] = [b"\0\0\0\x05hel", b"lo\0\0\0\x02hi\0", b"\0\0\0"];
//! for read in reads { // whatever the socket returned
//!     let mut chunk = read;
//!     while let Some(frame) = decoder.next(&mut chunk)? {
//!         println!("a message of {} bytes", frame.len());
//!     }
//! }
//! assert_eq!(decoder.finish()?, End::Clean); // and not in the middle of a message
//! # Ok::<(), framewright::DecodeError>(())
//! ```
//!
//! A frame that lies whole in your slice is lent from there; only one that is cut is copied. Where a driver can read into memory that
//! the decoder owns, [`Decoder::spare_mut`], [`Decoder::commit`] and [`Decoder::pop`] save that copy too; an interrupt handler with one
//! byte at a time has [`Decoder::push_byte`]. Who takes all frames anyhow may hand them to a closure, which is faster where they are short:
//! [`Decoder::for_each`], and [`Decoder::pop_each`] for what was read.
//!
//! What happens to a frame that is longer than the storage is up to you ([`Oversize`]): stop, skip exactly this one, or stream it in
//! pieces, so that 256 bytes of RAM can serve a message of a gigabyte. An error says what is wrong, where in the stream, and whether the
//! stream can go on ([`DecodeError`]).
//!
//! # From frames to bytes
//!
//! An [`Encoder`] takes a frame whole or not at all, lets you write a payload in place, or streams one that does not fit. [`Outgoing`] is
//! for a payload that stays where it is, with one vectored write.
//!
//! ```
//! use framewright::{Encoder, framing::Cobs};
//!
//! let mut encoder = Encoder::new(Cobs, [0; 64]);
//! encoder.push(&[1, 0, 2])?;
//! assert_eq!(encoder.pending(), [2, 1, 2, 2, 0]);
//! encoder.sent(5); // what the UART took
//! # Ok::<(), framewright::EncodeError>(())
//! ```
//!
//! What is inside a payload is yours; [`fields`] reads and writes numbers, strings and flags in network byte order.
//!
//! # From frames to a server
//!
//! A [`Service`] says what messages mean, and a [`Session`] is one connection as a state machine: a decoder, a service that answers,
//! an encoder, and deadlines. Bytes and the time go in, bytes and the next deadline come out; so a server can be tried without a socket.
//!
//! ```
//! use framewright::service::{Flow, Intake, Refusal};
//! use framewright::{Encoder, Instant, Service, Session, SessionConfig, Storage, framing::Lines};
//!
//! /// Answers each line with its length.
//! struct Length;
//!
//! impl Service for Length {
//!     type Framing = Lines;
//!
//!     fn intake(&self) -> Intake {
//!         Intake::Whole { reply: 20 } // no reply is longer: a session asks only when so much fits
//!     }
//!
//!     fn frame<S: Storage>(&mut self, line: &[u8], _: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
//!         out.push(line.len().to_string().as_bytes())?;
//!         Ok(Flow::Continue)
//!     }
//! }
//!
//! let now = Instant::ZERO;
//! let mut session = Session::new(Length, [0; 64], [0; 64], SessionConfig::default(), now)?;
//! session.handle_input(b"Four score\nand se", now);
//! assert_eq!(session.poll_output(now), b"10\n");
//! # Ok::<(), framewright::SessionError>(())
//! ```
//!
//! # From a server to the network
//!
//! A front end is a loop around sessions that only moves bytes. This is one, whole, for a socket that blocks;
//! [`Trim`](service::Trim) is one of the services that come with the crate.
//!
//! ```
//! use framewright::{CloseReason, Instant, Session, SessionConfig, service::Trim};
//! use std::io::{self, ErrorKind, Read, Write};
//! use std::net::{Shutdown, TcpStream};
//! use std::time::Duration;
//!
//! fn serve(mut socket: &TcpStream) -> io::Result<Option<CloseReason>> {
//!     let started = std::time::Instant::now();
//!     let now = || Instant::from_micros(started.elapsed().as_micros() as u64);
//!     let mut session = Session::new(Trim::default(), [0; 4096], [0; 4096], SessionConfig::default(), now())
//!         .map_err(io::Error::other)?;
//!     loop {
//!         while !session.poll_output(now()).is_empty() {
//!             let n = socket.write(session.poll_output(now()))?;
//!             session.sent(n, now());
//!         }
//!         if session.is_done() {
//!             return Ok(session.close_reason());
//!         }
//!         if session.is_output_finished() {
//!             socket.shutdown(Shutdown::Write)?; // the peer may still be sending: to close now might destroy what it has not read
//!         }
//!         let wait = session.deadline().map(|at| at.saturating_since(now()).max(Duration::from_millis(1)));
//!         socket.set_read_timeout(wait)?;
//!         match socket.read(session.input_mut()) {
//!             Ok(0) => session.handle_end(now()),
//!             Ok(n) => session.handle_filled(n, now()),
//!             Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => session.handle_deadline(now()),
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let mut client = TcpStream::connect(listener.local_addr()?)?;
//! # let server = std::thread::spawn(move || serve(&listener.accept()?.0));
//! # client.write_all(b"\0\0\0\x1eFour score and seven years ago")?;
//! # client.shutdown(Shutdown::Write)?;
//! # let mut reply = Vec::new();
//! # client.read_to_end(&mut reply)?;
//! # assert_eq!(reply, b"\0\0\0\x14 and seven years ago");
//! # assert_eq!(server.join().unwrap()?, Some(CloseReason::PeerClosed));
//! # Ok::<(), io::Error>(())
//! ```
//!
//! Back-pressure runs from end to end: a session whose output is full takes no more frames, so its front end reads no more bytes, and TCP
//! tells the peer to wait. Front ends ready to use are in this repository: threads in `std-host`, smoltcp in `smoltcp-demo`.
//!
//! # On a serial line
//!
//! A whole driver, for both interrupts of a UART. Take a law that finds its way back after a disturbance: [`Cobs`](framing::Cobs), where a
//! zero byte ends a frame and stands nowhere else, [`Slip`](framing::Slip), or [`Lines`](framing::Lines) for text. A length prefix does
//! not: after one lost byte every length is a wrong one. Where the other end speaks it all the same, [`reset`](Decoder::reset) the decoder
//! after a pause on the line.
//!
//! ```
//! use framewright::{Decoder, Encoder, Recovery, framing::Cobs};
//!
//! struct Port {
//!     rx: Decoder<Cobs, [u8; 65]>, // payloads of up to 64 bytes, and one byte more that this law needs: see `capacity`
//!     tx: Encoder<Cobs, [u8; 132]>, // two frames of 64 bytes, each with a code and the zero
//!     lost: u32,
//! }
//!
//! impl Port {
//!     fn new() -> Self {
//!         Self { rx: Decoder::new(Cobs, [0; 65]), tx: Encoder::new(Cobs, [0; 132]), lost: 0 }
//!     }
//!
//!     /// The receiver has a byte.
//!     fn received(&mut self, byte: u8) {
//!         match self.rx.push_byte(byte) {
//!             Ok(None) => {} // the frame goes on
//!             Ok(Some(request)) => {
//!                 // A reply that does not fit beside what waits is dropped here; elsewhere it may wait.
//!                 let _ = self.tx.push(request);
//!             }
//!             Err(error) => {
//!                 self.lost += 1;
//!                 // A cut frame costs itself alone. One that is too long stops the decoder, unless `with_oversize` says otherwise.
//!                 if error.recovery == Recovery::Stops {
//!                     self.rx.reset();
//!                 }
//!             }
//!         }
//!     }
//!
//!     /// The transmitter wants a byte; `None`: switch this interrupt off until something is pushed.
//!     fn next_to_send(&mut self) -> Option<u8> {
//!         let byte = *self.tx.pending().first()?;
//!         self.tx.sent(1);
//!         Some(byte)
//!     }
//! }
//!
//! let mut port = Port::new();
//! for byte in [3, b'h', b'i', 0, 9, b'n', b'o', 0, 2, b'!', 0] { // the second frame was cut
//!     port.received(byte);
//! }
//! let mut sent = vec![];
//! sent.extend(std::iter::from_fn(|| port.next_to_send()));
//! assert_eq!((sent, port.lost), (vec![3, b'h', b'i', 0, 2, b'!', 0], 1));
//! ```
//!
//! An [`Encoder`] can be the value of a `static`; a [`Decoder`] is made when the program runs, so it lives in a
//! `static PORT: Mutex<RefCell<Option<Port>>>` (crate `critical-section`), a `StaticCell`, or a task. With DMA let the controller write to
//! [`Decoder::spare_mut`], and say by [`Decoder::commit`] how much came when the line falls silent. Over a driver that implements
//! `embedded-io` or `embedded-io-async` use `io::FrameStream` or `io_async::FrameStream` (features of these names).
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `json` (default) | the `json-header` framing and the `message` service, by `serde-json-core` |
//! | `embedded-io` | `io`: frames over anything that reads and writes, blocking |
//! | `embedded-io-async` | `io_async`: the same for async, safe to cancel |
//! | `memchr` | delimiters are searched for with vector instructions, by `memchr`: for hosts |
//! | `defmt` | `defmt::Format` on the public types |
//!
//! None of them changes what the rest does, and none needs an allocator. Without default features the crate depends on `heapless` alone.
//!
//! # Guarantees, and how each is tested
//!
//! | guarantee | how it is tested |
//! |---|---|
//! | any split of a stream gives the same frames | `core/tests/splits` cuts streams at every place, into single bytes and at random, for every law, policy and way in; the fuzz targets of `core/fuzz` do the same, guided by coverage |
//! | nothing from the wire panics or loops | decoder and encoder of every law but `JsonHeader` are linked for a Cortex-M3 where a reachable panic is a link error (`tests/size/measure`); arbitrary bytes in property tests and fuzz targets |
//! | nothing from the wire reserves memory | there is no allocator to ask: `no_std` without `alloc`; a claim of 4 GiB is refused, or streamed |
//! | memory is what you lend, and what the table in [`memory`] says | the compiler checks the table, for 32 and for 64 bits (`core/tests/sizes`) |
//! | no `unsafe` | `#![forbid(unsafe_code)]` |
//! | limits are checked last, and in 64 bits or more | `core/tests/limits.rs`, also where `usize` has 32 bits (`.ci/run bits32`) |
//! | an error is reported once; where the stream cannot go on, nothing is delivered until [`Decoder::reset`] | `core/tests/limits.rs` |
//! | a stream that ends inside a frame is not a clean end | [`Decoder::finish`] tells them apart: `core/tests/limits.rs`, `laws.rs`, `io.rs` |
//! | a reply is whole or not begun; what came in is answered or refused | `core/tests/session.rs`, and `interleavings.rs`, which takes all turns of a conversation in random order |
//! | the laws are those that others speak | vectors in `core/tests/laws.rs`; compared with tokio-util, `cobs` and wire-codec (`tests/differential`) and with programs in seven languages (`tests/interop`) |
//! | the same bytes, the same answers on every front end | one set of conversations runs on sessions alone, on threads, over smoltcp and on an emulated Cortex-M3 (`tests`) |
//!
//! What went wrong in other decoders, and the test here that it does not, is listed in `core/docs/pitfalls.md`.
//!
//! # Sizes and speeds
//!
//! What a value holds is its storage and little more; a session has storage twice. [`memory`] is a table of the exact bytes of each
//! type, with 32 and with 64 bits; roughly:
//!
//! ```
//! use framewright::{Decoder, Encoder, Session, framing::U32, service::Echo};
//!
//! assert!(size_of::<Decoder<U32, [u8; 1024]>>() <= 1024 + 352);
//! assert!(size_of::<Encoder<U32, [u8; 1024]>>() <= 1024 + 64);
//! assert!(size_of::<Session<Echo, [u8; 1024], [u8; 1024]>>() <= 2 * 1024 + 512);
//! ```
//!
//! How much flash a decoder and an encoder take on a Cortex-M3, law by law and beside other crates, is measured by `tests/size/measure`. A
//! frame that lies whole in what a read returned costs no copy, however long it is; how fast that is, beside other crates and loops
//! written by hand, `cargo bench -p framewright-tests --bench framing` tells for your machine.
//!
//! # When to choose something else
//!
//! - On tokio, with memory to spare and no hard limits, `tokio_util::codec` is at hand and well known. (It takes these laws, too: feature
//!   `tokio-codec` of `std-host`.)
//! - For messages that have a schema, look at `postcard` or Protocol Buffers, and frame them with this.
//! - For HTTP, MQTT, Modbus and the like there are crates that know them.
//! - For COBS alone, with the whole packet in one slice, the crate `cobs` is all that it takes.
//! - Nothing here encrypts or says who the peer is: that is for TLS, below the framing.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
mod adapter;
mod buffer;
mod decoder;
#[cfg(feature = "defmt")]
mod defmt_format;
mod encoder;
mod error;
pub mod fields;
pub mod framing;
#[cfg(feature = "embedded-io")]
pub mod io;
#[cfg(feature = "embedded-io-async")]
pub mod io_async;
mod outgoing;
pub mod service;
#[cfg(doc)]
#[doc = include_str!("../docs/memory.md")]
pub mod memory {}
pub mod session;
mod shared;
mod store;
mod time;

pub use buffer::Storage;
pub use decoder::{Decoder, End, Event, Need, Oversize, Parts};
pub use encoder::Encoder;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, Malformed, Recovery};
pub use outgoing::Outgoing;
pub use service::Service;
pub use session::{CloseReason, Frames, Session, SessionConfig, SessionError, Stats};
pub use shared::Shared;
pub use store::{Store, StoreError, Table};
pub use time::{Instant, LocalTime, WallClock};
