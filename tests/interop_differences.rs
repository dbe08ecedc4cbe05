//! What the programs of others do otherwise than we: each row of the table in `interop/README.md`, seen. A test that turns red
//! here after an upgrade means that the table is to be mended.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

use framewright::framing::{LineEnding, Lines, StrictLines};
use framewright::service::Echo;
use framewright_host::{BufferedClient, BufferedServer, ClientConfig};
use framewright_tests::conversation::message;
use framewright_tests::interop::messages::{short_texts, text, texts};
use framewright_tests::interop::peer::{Heard, Peer};
use framewright_tests::interop::plays;
use framewright_tests::interop::roster::{self, Codec, Leaving, Partner};
use framewright_tests::server::PATIENCE;

/// A partner as a server, and a bare connection to it; `None` where it is missing.
fn serve(partner: &Partner) -> Option<(Peer, TcpStream)> {
    let (peer, address) = partner.server()?;
    let stream = TcpStream::connect(address).expect("a server that listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    Some((peer, stream))
}

fn write(mut stream: &TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("a connection");
}

/// What comes up to the end of the stream, also where that is a reset.
fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

fn heard(text: &[u8]) -> Heard {
    Heard::Message(text.to_vec())
}

fn failed(why: &str) -> Heard {
    Heard::Failed(why.to_owned())
}

/// What it tells when the stream ends behind so many bytes of a message of 5.
fn truncated(partner: &Partner, bytes: usize) -> Option<Heard> {
    let (mut peer, stream) = serve(partner)?;
    write(&stream, &message(b"whole"));
    assert_eq!(peer.hear(), heard(b"whole"));
    write(&stream, &message(b"12345")[..bytes]);
    stream.shutdown(Shutdown::Write).expect("a connection");
    Some(peer.hear())
}

#[test]
fn to_erlang_twisted_and_eventmachine_a_stream_that_ends_inside_a_message_ends_in_order() {
    for partner in [roster::ERLANG_4, roster::TWISTED_INT32, roster::EVENTMACHINE] {
        for cut in [2, 4, 8] {
            let told = truncated(&partner, cut);
            assert!(told.as_ref().is_none_or(|told| *told == Heard::End), "{}: {told:?}", partner.name);
        }
    }
}

#[test]
fn to_multiprocessing_a_stream_that_ends_right_behind_a_header_ends_in_order() {
    for (cut, expected) in
        [(2, failed("got end of file during message")), (4, Heard::End), (8, failed("got end of file during message"))]
    {
        let told = truncated(&roster::MULTIPROCESSING, cut);
        assert!(told.as_ref().is_none_or(|told| *told == expected), "behind {cut} bytes: {told:?}");
    }
}

#[test]
fn to_tokio_util_a_stream_that_ends_right_behind_a_header_ends_in_order() {
    let lost = failed("bytes remaining on stream");
    for (cut, expected) in [(2, lost.clone()), (4, Heard::End), (8, lost)] {
        assert_eq!(truncated(&roster::TOKIO_UTIL, cut), Some(expected), "behind {cut} bytes");
    }
}

#[test]
fn anyevent_lua_and_asyncio_tell_a_stream_that_ends_inside_a_message() {
    for (partner, why) in
        [(roster::ANYEVENT, "Broken pipe"), (roster::LUA, "closed after "), (roster::ASYNCIO, "IncompleteReadError")]
    {
        for cut in [2, 4, 8] {
            let Some(told) = truncated(&partner, cut) else { continue };
            assert!(
                matches!(&told, Heard::Failed(told) if told.starts_with(why)),
                "{} behind {cut} bytes: {told:?}",
                partner.name
            );
        }
    }
}

#[test]
fn anyevent_closes_when_what_it_keeps_is_more_than_rbuf_max() {
    let Some((mut peer, stream)) = serve(&roster::ANYEVENT_UP_TO_1000) else { return };
    write(&stream, &message(b"first"));
    assert_eq!(peer.hear(), heard(b"first"));
    assert_eq!((&stream).read(&mut [0; 9]).expect("an answer"), 9);
    // A claim alone is nothing to it; it counts what has come.
    write(&stream, &u32::MAX.to_be_bytes());
    write(&stream, &text(2000));
    assert_eq!(peer.hear(), failed("No space left on device"));
    assert_eq!(rest(&stream), b"");
}

#[test]
fn asyncio_readline_gives_up_on_lines_over_64_kib() {
    let Some((mut peer, stream)) = serve(&roster::ASYNCIO_LINE) else { return };
    write(&stream, &[text(65_536), b"\n".to_vec(), text(65_537), b"\n".to_vec()].concat());
    assert_eq!(peer.hear(), heard(&text(65_536)));
    let told = peer.hear();
    assert!(matches!(&told, Heard::Failed(why) if why.starts_with("ValueError")), "{told:?}");
}

#[test]
fn luasocket_drops_every_cr_of_a_line() {
    let Some((mut peer, stream)) = serve(&roster::LUA_LINE) else { return };
    write(&stream, b"one\rtwo\r\nlast");
    stream.shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(peer.hear(), heard(b"onetwo"));
    assert_eq!(peer.hear(), failed("closed after 4 bytes"), "it tells the beginning of a line from a line");
}

#[test]
fn node_readline_ends_a_line_at_a_cr_too() {
    let Some((mut peer, stream)) = serve(&roster::READLINE) else { return };
    write(&stream, b"one\rtwo\r\nlast");
    stream.shutdown(Shutdown::Write).expect("a connection");
    for line in [&b"one"[..], b"two", b"last"] {
        assert_eq!(peer.hear(), heard(line));
    }
    assert_eq!(peer.hear(), Heard::End);
}

#[test]
fn erlang_reserves_the_memory_that_a_header_claims() {
    const CLAIM: u32 = 256 << 20;
    let Some((mut peer, stream)) = serve(&roster::ERLANG_4) else { return };
    write(&stream, &message(b"first"));
    assert_eq!(peer.hear(), heard(b"first"));
    let process = peer.process().expect("a process");
    let before = virtual_memory(process);
    write(&stream, &CLAIM.to_be_bytes());
    let begin = std::time::Instant::now();
    // The virtual machine may give back some of what it had.
    while virtual_memory(process) < before + u64::from(CLAIM) / 4 * 3 {
        assert!(begin.elapsed() < PATIENCE, "{} bytes, {before} before", virtual_memory(process));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Bytes of memory that a process has asked for.
fn virtual_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process that lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("the kernel tells");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn erlang_closes_on_a_claim_of_2_gib_or_of_what_packet_size_allows() {
    for (partner, claim) in
        [(roster::ERLANG_4, 0x7FFF_FFFF_u32), (roster::ERLANG_4, u32::MAX), (roster::ERLANG_4_UP_TO_1000, 1001)]
    {
        let Some((mut peer, stream)) = serve(&partner) else { return };
        write(&stream, &claim.to_be_bytes());
        assert_eq!(peer.hear(), failed("emsgsize"), "a claim of {claim} bytes");
        assert_eq!(rest(&stream), b"");
    }
}

#[test]
fn erlang_hands_out_a_line_longer_than_its_buffer_in_pieces() {
    let Some((mut peer, stream)) = serve(&roster::ERLANG_LINE_AS_IT_COMES) else { return };
    let line = text(4000);
    write(&stream, &[&line[..], b"\nnext\n"].concat());
    let mut got = Vec::new();
    let mut pieces = 0;
    loop {
        match peer.hear() {
            Heard::Piece(piece) => {
                pieces += 1;
                got.extend(piece);
            }
            Heard::Message(last) => break got.extend(last),
            other => panic!("{other:?}"),
        }
    }
    assert!(got == line);
    assert!(pieces >= 2, "{pieces} pieces");
    assert_eq!(peer.hear(), heard(b"next"));
}

#[test]
fn erlang_and_twisted_drop_a_last_line_without_its_end_and_keep_a_cr() {
    for partner in [roster::ERLANG_LINE, roster::TWISTED_LINE] {
        let Some((mut peer, stream)) = serve(&partner) else { continue };
        write(&stream, b"with CR\r\nlast");
        stream.shutdown(Shutdown::Write).expect("a connection");
        assert_eq!(peer.hear(), heard(b"with CR\r"), "{}", partner.name);
        assert_eq!(peer.hear(), Heard::End, "{}", partner.name);
        assert_eq!(rest(&stream), b"with CR\r\n", "{}", partner.name);
    }
}

#[test]
fn twisted_closes_on_messages_over_its_limits() {
    let line = [text(16_385), b"\nnext\n".to_vec()].concat();
    for (partner, bytes, told) in [
        (roster::TWISTED_INT32, &100_000_u32.to_be_bytes()[..], Some("length 100000")),
        (roster::TWISTED_NETSTRING, b"100000:", None),
        (roster::TWISTED_LINE, &line, Some("line ")),
    ] {
        let Some((mut peer, stream)) = serve(&partner) else { continue };
        write(&stream, bytes);
        if let Some(told) = told {
            let heard = peer.hear();
            assert!(matches!(&heard, Heard::Failed(why) if why.starts_with(told)), "{}: {heard:?}", partner.name);
        }
        assert_eq!(peer.hear(), Heard::End, "{}", partner.name);
        assert_eq!(rest(&stream), b"", "{}", partner.name);
    }
}

#[test]
fn twisted_as_it_comes_and_eventmachine_forget_the_answers_of_a_client_that_half_closes() {
    const MESSAGES: usize = 200;
    for partner in [roster::TWISTED_INT32_AS_IT_COMES, roster::EVENTMACHINE] {
        let Some((mut peer, stream)) = serve(&partner) else { continue };
        // 18 MB, more than the kernel keeps for somebody who does not read.
        let message = message(&text(90_000));
        for _ in 0..MESSAGES {
            write(&stream, &message);
        }
        stream.shutdown(Shutdown::Write).expect("a connection");
        for _ in 0..MESSAGES {
            let told = peer.hear();
            assert!(matches!(told, Heard::Message(_)), "{} keeps its answers in memory: {told:?}", partner.name);
        }
        assert_eq!(peer.hear(), Heard::End, "{}", partner.name);
        let answered = rest(&stream).len();
        assert!(answered < MESSAGES * message.len(), "{}: all {answered} bytes of the answers came", partner.name);
    }
}

#[test]
fn twisted_lines_end_in_crlf_unless_told_otherwise() {
    // To a client of ours there is a law for it.
    let law = StrictLines::new(LineEnding::CrLf);
    plays::as_server(&roster::TWISTED_LINE_CRLF, &law, 4096, &texts(64), &short_texts());
    let Some((mut peer, stream)) = serve(&roster::TWISTED_LINE_CRLF) else { return };
    write(&stream, b"a line\n");
    stream.shutdown(Shutdown::Write).expect("a connection");
    assert_eq!(peer.hear(), Heard::End, "and no line");
}

#[test]
fn twisted_as_a_client_that_wants_crlf_is_understood_and_does_not_understand() {
    let mut server = BufferedServer::bind("127.0.0.1", 0, 64, |_| Echo::<Lines>::default()).expect("a free port");
    let (address, stopper) = (server.addresses()[0], server.stopper());
    let serving = std::thread::spawn(move || server.start().map(|totals| totals.connections));
    if let Some(mut peer) = roster::TWISTED_LINE_CRLF.client(address) {
        peer.say(&[b"a line", b"another"]);
        peer.hang_up();
        assert_eq!(peer.hear(), Heard::End, "and no line");
    }
    stopper.stop();
    serving.join().expect("no panic").expect("a server that serves");
}

#[test]
fn multiprocessing_takes_lengths_from_2_gib_for_something_else() {
    let Some((mut peer, stream)) = serve(&roster::MULTIPROCESSING) else { return };
    write(&stream, b"\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\x03abc");
    assert_eq!(peer.hear(), heard(b"abc"), "-1 announces a length of eight bytes");
    write(&stream, b"\x80\0\0\0\0\0\0\x01d");
    assert_eq!(peer.hear(), heard(b""), "other negative lengths are empty messages");
    assert_eq!(peer.hear(), heard(b"d"));
}

#[test]
fn tokio_util_gives_up_on_messages_over_8_mib() {
    let (mut peer, stream) = serve(&roster::TOKIO_UTIL).expect("it is here");
    write(&stream, &((8_u32 << 20) + 1).to_be_bytes());
    assert_eq!(peer.hear(), failed("frame size too big"));
    assert_eq!(rest(&stream), b"");
}

#[test]
fn a_server_of_the_tutorials_answers_one_request_a_connection() {
    let Some((mut peer, address)) = roster::JSON_HEADER.server() else { return };
    let law = framewright::framing::JsonHeader::TEXT;
    let mut client = BufferedClient::connect_with(law, &address.into(), ClientConfig::default()).expect("a connection");
    for _ in 0..2 {
        client.send(br#"{"action": "dance"}"#).expect("a connection");
    }
    assert!(matches!(peer.hear(), Heard::Message(_)));
    assert!(client.receive().is_ok_and(|answer| answer.is_some()));
    // It closes with the second one unread, so that may even look like a failure.
    assert!(!client.receive().is_ok_and(|answer| answer.is_some()));
}

/// What a program sends for a line, and whether it prints an answer that comes after its input and then its stream have ended.
fn late(partner: &Partner) -> Option<(Vec<u8>, bool)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let mut peer = partner.client(listener.local_addr().expect("an address"))?;
    let (stream, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    peer.say(&[b"a line"]);
    // Telnet leaves so fast that it would take with it what it has read.
    let mut sent = vec![0; b"a line".len()];
    (&stream).read_exact(&mut sent).expect("the line");
    peer.hang_up();
    sent.extend(rest(&stream));
    // It may be gone.
    let _ = (&stream).write_all(b"a late answer\n");
    drop(stream);
    let printed = peer.hear() == heard(b"a late answer");
    Some((sent, printed))
}

#[test]
fn netcats_and_socat_half_close_and_some_programs_cannot() {
    for partner in [
        roster::NC_OPENBSD,
        roster::NC_TRADITIONAL,
        roster::NC_BUSYBOX,
        roster::NCAT,
        roster::NCAT_CRLF,
        roster::SOCAT,
        roster::TELNET,
    ] {
        let Some((_, printed)) = late(&partner) else { continue };
        assert_eq!(printed, partner.leaving == Leaving::HalfCloses, "{}", partner.name);
    }
}

#[test]
fn telnet_and_ncat_for_the_asking_send_crlf() {
    for (partner, line) in [
        (roster::TELNET, &b"a line\r\n"[..]),
        (roster::NCAT_CRLF, b"a line\r\n"),
        (roster::NCAT, b"a line\n"),
        (roster::NC_BUSYBOX, b"a line\n"),
    ] {
        let Some((sent, _)) = late(&partner) else { continue };
        assert_eq!(sent, line, "{}", partner.name);
    }
}

#[test]
fn telnet_takes_bytes_of_characters_for_keys_when_its_input_is_no_terminal() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let Some(mut peer) = roster::TELNET.client(listener.local_addr().expect("an address")) else { return };
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    // A crab: F0 9F A6 80.
    peer.say(&["\u{1F980}".as_bytes()]);
    let mut sent = [0; 10];
    stream.read_exact(&mut sent).expect("what it makes of it");
    // Interrupt Process, and a timing mark (RFC 854, RFC 860).
    assert_eq!(sent, *b"\xF0\x9F\xA6\xFF\xF4\xFF\xFD\x06\r\n");
}

/// What a codec finds in a stream.
fn found(codec: &Codec, stream: &[u8]) -> Option<Vec<Heard>> {
    let mut peer = codec.decoder()?;
    peer.say(&[stream]);
    peer.hang_up();
    let mut found = Vec::new();
    loop {
        match peer.hear() {
            Heard::End => return Some(found),
            other => found.push(other),
        }
    }
}

#[test]
fn sliplib_cannot_carry_an_empty_payload_either() {
    let Some(mut encoder) = roster::SLIPLIB.encoder() else { return };
    encoder.say(&[b""]);
    assert_eq!(encoder.hear(), heard(b"\xC0"), "it writes what it will not read");
    assert_eq!(found(&roster::SLIPLIB, b"\xC0\xC0a\xC0"), Some(vec![heard(b"a")]));
    let mut ours = framewright::Encoder::new(framewright::framing::Slip::new(), [0; 16]);
    assert_eq!(ours.push(b""), Err(framewright::EncodeError::Empty));
}

#[test]
fn sliplib_drops_a_frame_with_a_bad_escape_as_we_do() {
    let Some(told) = found(&roster::SLIPLIB, b"a\xDBb\xC0c\xC0") else {
        return;
    };
    assert_eq!(told, [failed("ProtocolError"), heard(b"c")]);
    let mut ours = framewright::Decoder::new(framewright::framing::Slip::new(), [0; 16]);
    let mut stream = &b"a\xDBb\xC0c\xC0"[..];
    assert!(ours.next(&mut stream).is_err());
    assert_eq!(ours.next(&mut stream), Ok(Some(&b"c"[..])));
}

#[test]
fn the_python_package_cobs_drops_a_frame_that_was_cut_as_we_do() {
    let Some(told) = found(&roster::COBS, b"\x05ab\0\x02c\0") else {
        return;
    };
    assert_eq!(told, [failed("DecodeError"), heard(b"c")]);
    let mut ours = framewright::Decoder::new(framewright::framing::Cobs, [0; 16]);
    let mut stream = &b"\x05ab\0\x02c\0"[..];
    assert!(ours.next(&mut stream).is_err());
    assert_eq!(ours.next(&mut stream), Ok(Some(&b"c"[..])));
}
