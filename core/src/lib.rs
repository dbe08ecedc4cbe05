//! Byte streams into messages and back, with fixed memory.
//!
//! Every program that talks over TCP or a serial line meets the same trap: a read may return half a message, or three and a half.
//! `framewright` ends that. You push the bytes that came, and pop the frames that are whole; you push frames, and take the bytes to
//! send. On top of that stand sessions and services: a whole server as a state machine that does no I/O.
//!
//! It is `no_std`, allocates nothing, contains no `unsafe`, and reads no clock. The same code runs on threads, over a userspace TCP stack,
//! and on a microcontroller; so the same bytes give the same answers everywhere.
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
//! byte at a time has [`Decoder::push_byte`].
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
//! # From frames to a server
//!
//! A [`Session`] is one connection: a decoder, a [`Service`] that answers, an encoder, and deadlines. A front end is a loop around
//! it that only moves bytes. This is such a loop, whole, for a blocking socket:
//!
//! ```
//! use framewright::{Instant, Session, SessionConfig, service::Trim};
//! use std::io::{self, Read, Write};
//!
//! fn serve(mut socket: impl Read + Write) -> io::Result<()> {
//!     let started = std::time::Instant::now();
//!     let now = || Instant::from_micros(started.elapsed().as_micros() as u64);
//!     let mut session = Session::new(Trim::default(), [0; 4096], [0; 4096], SessionConfig::default(), now())
//!         .map_err(io::Error::other)?;
//!     loop {
//!         while !session.poll_output(now()).is_empty() {
//!             let n = socket.write(session.poll_output(now()))?;
//!             session.sent(n, now());
//!         }
//!         if session.is_output_finished() {
//!             return Ok(()); // `session.close_reason()` says why
//!         }
//!         match socket.read(session.input_mut())? {
//!             0 => session.handle_end(now()),
//!             n => session.handle_filled(n, now()),
//!         }
//!     }
//! }
//! # struct Script<'a>(&'a [u8], Vec<u8>);
//! # impl Read for Script<'_> { fn read(&mut self, to: &mut [u8]) -> io::Result<usize> { let n = to.len().min(1); self.0.read(&mut to[..n]) } }
//! # impl Write for Script<'_> {
//! #     fn write(&mut self, from: &[u8]) -> io::Result<usize> { self.1.write(from) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let mut script = Script(b"\0\0\0\x1eFour score and seven years ago", Vec::new());
//! # struct By<'a, 'b>(&'a mut Script<'b>);
//! # impl Read for By<'_, '_> { fn read(&mut self, to: &mut [u8]) -> io::Result<usize> { self.0.read(to) } }
//! # impl Write for By<'_, '_> {
//! #     fn write(&mut self, from: &[u8]) -> io::Result<usize> { self.0.write(from) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # serve(By(&mut script)).unwrap();
//! # assert_eq!(script.1, b"\0\0\0\x14 and seven years ago");
//! ```
//!
//! The services that come with it are in [`service`]; a service of your own implements one trait. Back-pressure runs from end to end: a
//! session whose output is full takes no more frames, so its front end reads no more bytes, and TCP tells the peer to wait.
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
//! # Guarantees, and how each is kept
//!
//! - *Any split, same frames*: property tests cut streams in all ways, for every law, policy and way in.
//! - *Nothing from the wire panics, loops, or reserves memory*: `forbid(unsafe_code)`, no allocator, no indexing that can fail.
//! - *Limits are checked last, in 64 bits or more*, whatever the width of `usize`.
//! - *An error is reported once.* After one that the stream cannot go on from, nothing is delivered until [`Decoder::reset`].
//! - *A stream that ends inside a frame is not a clean end*: [`Decoder::finish`] tells them apart.
//! - *Memory is what you lend, and what the table in [`memory`] says*: the compiler checks it, for 32 and for 64 bits.
//!
//! # When to choose something else
//!
//! On tokio, with memory to spare and no hard limits, `tokio_util::codec` is at hand and well known. For messages that have a
//! schema, look at `postcard` or Protocol Buffers, and frame them with this. For HTTP, MQTT and the like there are crates that know them.

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
pub use encoder::{Encoder, Outgoing};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, Malformed, Recovery};
pub use service::Service;
pub use session::{CloseReason, Session, SessionConfig, SessionError, Stats};
pub use shared::Shared;
pub use store::{Store, StoreError, Table};
pub use time::{Instant, LocalTime, WallClock};
