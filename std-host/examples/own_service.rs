//! A service of one's own on threads, two clients one after the other.
//!
//! The service is in `core/examples/sum`, and knows no socket: `smoltcp-demo/examples/own_service.rs` serves the same file over smoltcp.
//! Run it with `cargo run -p std-host --example own_service`.

#[path = "../../core/examples/sum/mod.rs"]
mod sum;

use framewright_host::BufferedServer;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use sum::Sum;

fn main() -> Result<(), Box<dyn Error>> {
    let mut server = BufferedServer::bind("127.0.0.1", 0, 4096, |_| Sum)?;
    let address = server.addresses()[0];
    std::thread::spawn(move || server.start());

    let mut lines = Vec::new();
    for numbers in ["1\n2\n", "three\n39\n"] {
        let mut client = TcpStream::connect(address)?;
        client.write_all(numbers.as_bytes())?;
        client.shutdown(Shutdown::Write)?;
        lines.extend(BufReader::new(client).lines().collect::<Result<Vec<_>, _>>()?);
    }
    println!("{lines:?}");
    assert_eq!(lines, ["1", "3", "a number, please", "42"]);
    Ok(())
}
