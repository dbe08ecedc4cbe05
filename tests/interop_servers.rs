//! Programs and libraries that others wrote, as servers of the buffered client and of `framewright send`.

use framewright::framing::{Lines, Netstring, U32};
use framewright_tests::interop::messages::{binaries, short_texts, texts};
use framewright_tests::interop::plays;
use framewright_tests::interop::roster::{self, Partner};

const BUFFERS: [usize; 2] = [64, 4096];

fn u32(partner: &Partner) {
    for buffer in BUFFERS {
        plays::as_server(partner, &U32::new(), buffer, &[texts(buffer), binaries()].concat(), &short_texts());
    }
    plays::as_server_of_the_command(partner, "u32", &texts(4096));
}

fn lines(partner: &Partner) {
    for buffer in BUFFERS {
        plays::as_server(partner, &Lines, buffer, &texts(buffer), &short_texts());
    }
    plays::as_server_of_the_command(partner, "lines", &texts(4096));
}

#[test]
fn erlang_packet_4_serves() {
    u32(&roster::ERLANG_4);
}

#[test]
fn twisted_int32_serves() {
    u32(&roster::TWISTED_INT32);
}

#[test]
fn python_multiprocessing_serves() {
    u32(&roster::MULTIPROCESSING);
}

#[test]
fn tokio_util_serves() {
    u32(&roster::TOKIO_UTIL);
}

#[test]
fn erlang_packet_line_serves() {
    lines(&roster::ERLANG_LINE);
}

#[test]
fn twisted_lines_serve() {
    lines(&roster::TWISTED_LINE);
}

#[test]
fn twisted_netstrings_serve() {
    for buffer in BUFFERS {
        let messages = [texts(buffer), binaries()].concat();
        plays::as_server(&roster::TWISTED_NETSTRING, &Netstring, buffer, &messages, &short_texts());
    }
}
