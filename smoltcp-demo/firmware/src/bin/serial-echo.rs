//! Framing on a serial line, with `async`: on the Embassy executor, a task reads `u32` frames from the board's first UART and sends
//! each back; the processor sleeps while none comes. The same `FrameReader` and `FrameWriter` work over anything that implements the
//! traits of `embedded-io-async`.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use embassy_executor::{Executor, Spawner};
use framewright::framing::U32;
use framewright::io_async::{FrameReader, FrameWriter};
use framewright::{Decoder, Encoder};
use lm3s6965evb::uart::{self, Receiver, Sender};
use lm3s6965evb::{board, stack};
use static_cell::StaticCell;

/// The longest message, in bytes.
const MESSAGE: usize = 256;

#[entry]
fn main() -> ! {
    stack::run(program)
}

extern "C" fn program() -> ! {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();

    board::start();
    board::start_uart();
    let (receiver, sender) = uart::start();
    EXECUTOR.init(Executor::new()).run(|spawner| start(spawner, receiver, sender))
}

fn start(spawner: Spawner, receiver: Receiver, sender: Sender) {
    match echo(receiver, sender) {
        Ok(task) => spawner.spawn(task),
        Err(_) => defmt::panic!("a task is started once"),
    }
    defmt::info!("ready");
}

/// Sends each frame back. A stream that breaks the framing is begun anew: on a serial line there is nobody to close it.
#[embassy_executor::task]
async fn echo(receiver: Receiver, sender: Sender) {
    let mut reader = FrameReader::new(receiver, Decoder::new(U32::new(), [0; MESSAGE]));
    let mut writer = FrameWriter::new(sender, Encoder::new(U32::new(), [0; MESSAGE + 4]));
    loop {
        match reader.read_frame().await {
            Ok(Some(frame)) => {
                defmt::info!("{=usize} bytes", frame.len());
                if writer.write_frame(frame).await.is_err() {
                    defmt::warn!("a frame of {=usize} bytes cannot be sent back", frame.len());
                }
            }
            Ok(None) => return,
            Err(error) => {
                defmt::warn!("{}", defmt::Debug2Format(&error));
                reader.reset();
            }
        }
    }
}
