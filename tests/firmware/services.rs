//! Every service of the board, asked by our own clients and by programs and libraries of others.

use std::net::UdpSocket;
use std::process::Command;

use framewright_tests::conversation;
use framewright_tests::interop::messages::{binaries, short_texts, texts};
use framewright_tests::interop::roster::{self, Partner};
use framewright_tests::interop::{plays, services};
use framewright_tests::peers;
use framewright_tests::server::PATIENCE;

use crate::board::Board;
use crate::client::Client;

/// Bytes of a session's input on the board.
const INPUT: usize = 448;

#[test]
fn every_service_answers_while_all_others_do() {
    let Some(board) = Board::start() else { return };
    let connect = |service| Client::connect(board.address(service));
    let (mut echo, mut trim, mut hello) = (connect("echo"), connect("trim"), connect("hello"));
    let (mut kv, mut ann, mut bob) = (connect("kv"), connect("chat"), connect("chat"));
    let mut message = connect("message");

    assert_eq!(ann.line(""), "* Welcome. What is your name?");
    assert!(String::from_utf8_lossy(&ann.receive_until(b'\n')).starts_with("* You are Guest_"));
    for round in 0..3 {
        assert_eq!(echo.ask(b"Four score"), b"Four score");
        assert_eq!(trim.ask(b"Four score and seven years ago"), b" and seven years ago");
        hello.send(b"one");
        assert_eq!(hello.receive(9), b"Echo: one");
        assert_eq!(kv.line(&format!("SET colour deep blue {round}")), "OK");
        assert_eq!(kv.line("get colour"), format!("deep blue {round}"));
        assert_eq!(kv.line("GET nothing"), "ERROR");
        assert_eq!(kv.line("\u{1F980}"), "ERROR");
        message.send(&request(r#"{"action":"search","value":"colour"}"#));
        let answer = format!(r#"{{"result": "deep blue {round}"}}"#);
        let got = String::from_utf8_lossy(&message.receive_until(b'}')).into_owned();
        assert!(got.contains(r#""content-type": "text/json""#), "{got}");
        assert_eq!(String::from_utf8_lossy(&message.receive(answer.len())), answer);
    }
    bob.send(b"bob\n");
    let mut told = String::new();
    while !told.ends_with("/help lists the commands.\n") {
        told += &String::from_utf8_lossy(&bob.receive_until(b'\n'));
    }
    let stamp = "[00:00:00]".len();
    loop {
        // Before it, what the room has to repeat to a newcomer.
        let line = String::from_utf8_lossy(&ann.receive_until(b'\n')).into_owned();
        assert!(!line.is_empty(), "the room is closed");
        if line.get(stamp..) == Some(" * bob joined\n") {
            break;
        }
    }
    bob.send("hello everyone \u{1F44B}\n".as_bytes());
    let line = String::from_utf8_lossy(&ann.receive_until(b'\n')).into_owned();
    assert_eq!(line.get(stamp..), Some(" bob: hello everyone \u{1F44B}\n"));

    let (time, _) = connect("time").rest();
    let time = String::from_utf8_lossy(&time).into_owned();
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000000+00:00");
    // The board has no clock that was set, and says so.
    assert!(time.starts_with("1970-01-01T00:0"), "{time}");
    board.wait_for_log("no clock was set");
}

#[test]
fn datagrams_come_back_an_empty_one_too() {
    let Some(board) = Board::start() else { return };
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("not zero");
    socket.connect(board.address("udp-echo")).expect("an address");
    let mut got = [0; 2000];
    for len in [0, 1, 2, 17, 512, 1471, 1472] {
        let datagram: Vec<u8> = (0..=250).cycle().take(len).collect();
        socket.send(&datagram).expect("QEMU listens");
        let n = socket.recv(&mut got).expect("an answer");
        assert!(got[..n] == datagram, "{n} bytes, of {len}");
    }
}

/// A request of this JSON, with its header.
fn request(json: &str) -> Vec<u8> {
    let header = format!(
        r#"{{"byteorder":"little","content-type":"text/json","content-encoding":"utf-8","content-length":{}}}"#,
        json.len()
    );
    let len = u16::try_from(header.len()).expect("a short header").to_be_bytes();
    [&len, header.as_bytes(), json.as_bytes()].concat()
}

/// The partner gets its answers from `echo` and `trim`.
fn is_served(partner: &Partner) {
    let Some(board) = Board::start() else { return };
    let messages = [texts(INPUT), binaries()].concat();
    plays::as_client(partner, board.address("echo"), INPUT, &messages, &short_texts(), &<[u8]>::to_vec);
    let trimmed = |message: &[u8]| conversation::Service::Trim.answer(message).expect("text");
    plays::as_client(partner, board.address("trim"), INPUT, &texts(INPUT), &short_texts(), &trimmed);
}

#[test]
fn erlang_packet_4_is_served_by_the_board() {
    is_served(&roster::ERLANG_4);
}

#[test]
fn twisted_int32_is_served_by_the_board() {
    is_served(&roster::TWISTED_INT32);
}

#[test]
fn python_multiprocessing_is_served_by_the_board() {
    is_served(&roster::MULTIPROCESSING);
}

#[test]
fn tokio_util_is_served_by_the_board() {
    is_served(&roster::TOKIO_UTIL);
}

#[test]
fn strangers_meet_in_the_boards_chat_room() {
    let Some(board) = Board::start() else { return };
    services::chat(board.address("chat"));
}

#[test]
fn python_asks_the_boards_service_message_by_the_description_of_its_format() {
    let Some(board) = Board::start() else { return };
    let value = "In the caves beneath the Misty Mountains. \u{1F48D}";
    assert_eq!(Client::connect(board.address("kv")).line(&format!("SET ring {value}")), "OK");
    services::requests(board.address("message"), value);
}

#[test]
fn a_client_in_python_written_from_the_description_gets_its_answers_from_the_board() {
    let Some(python) = peers::find("python3", "python3") else { return };
    let Some(board) = Board::start() else { return };
    let listed = Command::new(&python).arg(peers::script("partner.py")).arg("--list").output().expect("the list");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    // Those with more connections than the board has places, at once or within a moment.
    let crowded = |case: &str| case.starts_with("two_hundred") || case == "a_reset_in_the_middle";
    let cases: Vec<&str> = listed.lines().filter(|case| !crowded(case)).collect();
    let port = |service: &str| board.address(service).port().to_string();
    let mut command = Command::new(&python);
    command.arg(peers::script("partner.py")).args(["127.0.0.1", &port("echo"), &port("trim"), &INPUT.to_string()]);
    let output = peers::run(command.args(&cases).env("PYTHONDONTWRITEBYTECODE", "1"), b"", 0);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed.lines().filter(|line| line.starts_with("ok ")).count(), cases.len(), "{printed}");
    assert!(cases.len() >= 15);
}
