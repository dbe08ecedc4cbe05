//! A service of one's own on threads: it adds up the numbers that it is sent, line by line, for all clients together.
//!
//! The service knows no socket, and runs unchanged over smoltcp: see `smoltcp-demo/examples/own_service.rs`. Run it with
//! `cargo run -p std-host --example own_service`.

use framewright::framing::Lines;
use framewright::service::{Flow, Intake, Refusal};
use framewright::{Encoder, Instant, Service, Storage};
use framewright_host::BufferedServer;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Answers each number with the sum of all numbers so far.
struct Sum(Arc<AtomicI64>);

impl Service for Sum {
    type Framing = Lines;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: 32 } // the longest answer: a session calls only when it fits
    }

    fn frame<S: Storage>(&mut self, line: &[u8], _: Instant, out: &mut Encoder<Lines, S>) -> Result<Flow, Refusal> {
        let number = std::str::from_utf8(line).ok().and_then(|text| text.trim().parse::<i64>().ok());
        match number {
            Some(number) => {
                let sum = self.0.fetch_add(number, Ordering::Relaxed).wrapping_add(number);
                out.push(sum.to_string().as_bytes())?;
            }
            None => out.push(b"a number, please")?,
        }
        Ok(Flow::Continue)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let sum = Arc::new(AtomicI64::new(0));
    let mut server = BufferedServer::bind("127.0.0.1", 0, 4096, move |_| Sum(Arc::clone(&sum)))?;
    let address = server.addresses()[0];
    std::thread::spawn(move || server.start());

    let mut lines = Vec::new();
    for numbers in ["1\n2\n", "three\n39\n"] {
        let mut client = TcpStream::connect(address)?;
        client.write_all(numbers.as_bytes())?;
        client.shutdown(std::net::Shutdown::Write)?;
        lines.extend(BufReader::new(client).lines().collect::<Result<Vec<_>, _>>()?);
    }
    println!("{lines:?}");
    assert_eq!(lines, ["1", "3", "a number, please", "42"]);
    Ok(())
}
