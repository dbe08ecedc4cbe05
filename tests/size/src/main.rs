//! One loop on a device without anything: bytes come from a serial port in chunks, frames go to a sink, and each is sent back.
//!
//! A feature chooses the framing, ours or a peer's; `base` has none: what it takes, all the others take too. In the programs
//! with a framing of ours a panic handler calls a function that does not exist: if a panic could be reached, they would not link. The
//! exception is `json-header`, whose parser is a crate of others.

#![no_std]
#![no_main]
#![allow(missing_docs, reason = "a program, not a library")]

#[cfg(any(feature = "base", feature = "base-copies"))]
#[path = "base.rs"]
mod program;
#[cfg(any(
    feature = "u32",
    feature = "u16-le",
    feature = "varint",
    feature = "lines",
    feature = "strict-lines",
    feature = "delimited",
    feature = "netstring",
    feature = "cobs",
    feature = "slip",
    feature = "raw",
    feature = "json-header",
))]
#[path = "ours.rs"]
mod program;
#[cfg(any(feature = "cobs-cobs", feature = "corncobs-cobs", feature = "postcard-cobs"))]
#[path = "peer_cobs.rs"]
mod program;
#[cfg(feature = "framez-u32")]
#[path = "peer_framez.rs"]
mod program;
#[cfg(any(feature = "wire-codec-u32", feature = "wire-codec-lines"))]
#[path = "peer_wire_codec.rs"]
mod program;

/// Bytes of the chunks that the port gives, and of all buffers.
pub const BUFFER: usize = 256;

/// A serial port with a byte a register, and a register that says how many bytes wait.
pub struct Port;

impl Port {
    const WAITING: *const usize = 0x4000_0000 as *const usize;
    const BYTE: *mut u8 = 0x4000_0004 as *mut u8;

    /// Reads a chunk.
    #[inline(never)]
    pub fn read(&mut self, to: &mut [u8]) -> usize {
        // SAFETY: registers of the imagined device, of these types and always there.
        let n = unsafe { Self::WAITING.read_volatile() }.min(to.len());
        for place in to.iter_mut().take(n) {
            // SAFETY: as above.
            *place = unsafe { Self::BYTE.read_volatile() };
        }
        n
    }

    /// Writes all of it.
    #[inline(never)]
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // SAFETY: as above.
            unsafe { Self::BYTE.write_volatile(*byte) };
        }
    }
}

/// Where the device begins.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    program::run(Port)
}

#[cfg(not(any(
    feature = "base",
    feature = "base-copies",
    feature = "json-header",
    feature = "cobs-cobs",
    feature = "corncobs-cobs",
    feature = "postcard-cobs",
    feature = "framez-u32",
    feature = "wire-codec-u32",
    feature = "wire-codec-lines",
)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        /// Is nowhere.
        fn a_panic_can_be_reached() -> !;
    }
    // SAFETY: a program that gets here was not linked.
    unsafe { a_panic_can_be_reached() }
}

#[cfg(any(
    feature = "base",
    feature = "base-copies",
    feature = "json-header",
    feature = "cobs-cobs",
    feature = "corncobs-cobs",
    feature = "postcard-cobs",
    feature = "framez-u32",
    feature = "wire-codec-u32",
    feature = "wire-codec-lines",
))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
