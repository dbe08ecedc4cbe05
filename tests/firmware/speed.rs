//! What framing costs on the board: `echo` of the firmware beside a program that is smoltcp alone, with the same driver and the
//! same rings, in the same run.
//!
//! Instructions are counted by QEMU, which records each of them (`-icount shift=0,rr=record`), between two looks from outside. A
//! machine that is busy does not change them much, so they are what is checked. Messages a second are those of an emulated board on
//! this machine, and are only told.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Instant;

use framewright_tests::conversation::message;

use crate::board::Board;
use crate::client::Client;
use crate::image::Program;

/// Payloads that are measured, in bytes.
const SIZES: [usize; 3] = [0, 64, 1024];
/// Messages of a round, one after the other.
const ROUND: u32 = 200;
/// Rounds, of which the best counts: others want the machine too.
const ROUNDS: usize = 5;

/// Sends messages, each when the last one is back.
fn echoes(client: &mut Client, size: usize) {
    let message = message(&vec![b'x'; size]);
    for _ in 0..ROUND {
        client.send(&message);
        assert!(client.receive(message.len()) == message);
    }
}

/// Instructions for a message of each of the sizes.
fn instructions(program: Program) -> Option<[u64; SIZES.len()]> {
    let mut board = Board::counting(program)?;
    let mut client = Client::connect(board.address("echo"));
    echoes(&mut client, 1);
    Some(SIZES.map(|size| {
        let round = |_| {
            let before = board.instructions();
            echoes(&mut client, size);
            (board.instructions() - before) / u64::from(ROUND)
        };
        (0..ROUNDS).map(round).min().unwrap_or_default()
    }))
}

/// Messages a second of each of the sizes, by two boards that take turns.
fn speeds() -> Option<[[f64; 2]; SIZES.len()]> {
    let boards = [Board::start()?, Board::run(Program::RawEcho, &[])?];
    let mut clients = boards.each_ref().map(|board| Client::connect(board.address("echo")));
    Some(SIZES.map(|size| {
        let mut best = [0.0_f64; 2];
        for _ in 0..ROUNDS {
            for (client, best) in clients.iter_mut().zip(&mut best) {
                let begin = Instant::now();
                echoes(client, size);
                *best = best.max(f64::from(ROUND) / begin.elapsed().as_secs_f64());
            }
        }
        best
    }))
}

#[test]
fn a_framed_echo_costs_little_more_than_a_raw_one() {
    let Some(framed) = instructions(Program::Firmware) else { return };
    let Some(raw) = instructions(Program::RawEcho) else { return };
    let Some(speeds) = speeds() else { return };
    let mut table =
        "payload  instructions: framed     raw  raw/framed   messages/s: framed     raw  framed/raw\n".to_owned();
    for (((size, framed), raw), [fast, raw_fast]) in SIZES.into_iter().zip(framed).zip(raw).zip(speeds) {
        let (percent, fast_percent) = (100 * raw / framed, 100.0 * fast / raw_fast);
        let _ = writeln!(
            table,
            "{size:7} {framed:21} {raw:7} {percent:9} % {fast:20.0} {raw_fast:7.0} {fast_percent:9.0} %"
        );
    }
    // Not by `eprintln!`: what tests print so is hidden when they pass.
    let _ = io::stderr().write_all(table.as_bytes());
}
