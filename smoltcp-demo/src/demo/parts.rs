//! The parts that scripted clients play alone: what each says on its connection, and what it must hear.
//!
//! The right answers are worked out here from what the services promise, by code that has nothing in common with theirs.

use crate::services::ServiceName;

/// What one client sends on one connection, closing its half behind it.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// The bytes on the wire.
    pub(super) says: Vec<u8>,
    pub(super) hears: Hears,
    /// How many answers that is.
    pub(super) answers: usize,
}

/// What a client must hear.
pub(super) enum Hears {
    /// These bytes.
    Exactly(Vec<u8>),
    /// This, in as many answers as the network made chunks of it, each behind `Echo: `.
    Greeted(Vec<u8>),
    /// The time on a clock that stood at 1970-01-01T00:00:00 when the network began, and what was said makes no difference.
    Time,
}

impl Hears {
    /// What is not as it should be in what was heard.
    pub(super) fn fault(&self, heard: &[u8]) -> Option<String> {
        match self {
            Self::Exactly(right) => difference(heard, right),
            Self::Greeted(text) => {
                let heard = String::from_utf8_lossy(heard);
                let Some(chunks) = heard.strip_prefix("Echo: ") else {
                    return Some(format!("no greeting in '{heard}'"));
                };
                difference(chunks.replace("Echo: ", "").as_bytes(), text)
            }
            Self::Time => {
                let shape = |(index, byte): (usize, &u8)| match b"1970-01-01T00:##:##.######+00:00".get(index) {
                    Some(b'#') => byte.is_ascii_digit(),
                    Some(right) => byte == right,
                    None => false,
                };
                let right = heard.len() == 32 && heard.iter().enumerate().all(shape);
                (!right).then(|| format!("'{}' is no time of this run", String::from_utf8_lossy(heard)))
            }
        }
    }
}

/// How two streams of bytes differ.
fn difference(heard: &[u8], right: &[u8]) -> Option<String> {
    if let Some(at) = heard.iter().zip(right).position(|(a, b)| a != b) {
        Some(format!("byte {at} of the answers is {:#04x} and should be {:#04x}", heard[at], right[at]))
    } else if heard.len() != right.len() {
        Some(format!("{} bytes of answers came, {} should have", heard.len(), right.len()))
    } else {
        None
    }
}

/// The parts that are played with a service whose sessions have buffers of so many bytes. Services that are talked to in company have
/// [scenes](super::scenes) instead.
pub(super) fn parts(service: ServiceName, buffer: usize) -> Vec<Part> {
    match service {
        ServiceName::Trim => {
            framed(buffer, |message| String::from_utf8_lossy(message).chars().skip(10).collect::<String>().into_bytes())
        }
        ServiceName::Echo => framed(buffer, <[u8]>::to_vec),
        ServiceName::Hello => Vec::from([
            Part {
                name: "a chunk",
                says: b"how are you?".to_vec(),
                hears: Hears::Greeted(b"how are you?".to_vec()),
                answers: 1,
            },
            Part {
                name: "more than the buffer",
                says: text(3 * buffer),
                hears: Hears::Greeted(text(3 * buffer)),
                answers: 1,
            },
        ]),
        ServiceName::Time => Vec::from([
            Part { name: "silence", says: Vec::new(), hears: Hears::Time, answers: 1 },
            Part { name: "a question", says: b"what time is it?".to_vec(), hears: Hears::Time, answers: 1 },
        ]),
        ServiceName::Kv => Vec::from([
            lines(
                "the life of a key",
                &[
                    (b"GET river", b"ERROR"),
                    (b"SET river Danube", b"OK"),
                    (b"GET river", b"Danube"),
                    (b"SET river  Rio de la Plata ", b"OK"),
                    (b"GET river", b"Rio de la Plata"),
                    (b"DELETE river", b"OK"),
                    (b"DELETE river", b"ERROR"),
                    (b"GET river", b"ERROR"),
                ],
            ),
            lines(
                "in any case, with CR LF",
                &[(b"set crab \xf0\x9f\xa6\x80\r", b"OK"), (b"gEt crab\r", "🦀".as_bytes()), (b"Delete crab\r", b"OK")],
            ),
            lines(
                "what goes wrong",
                &[
                    (b"", b"ERROR"),
                    (b"SET", b"ERROR"),
                    (b"SET lonely", b"ERROR"),
                    (b"GET one two", b"ERROR"),
                    (b"PUT a b", b"ERROR"),
                    (b"SET bytes \xff\xfe", b"ERROR"),
                    (&[b'x'; 5000], b"ERROR"),
                    (b"SET after all", b"OK"),
                ],
            ),
        ]),
        ServiceName::Message => Vec::from([
            typed("text/json", "utf-8", br#"{"action":"search","value":"nobody"}"#, Ok("No match for 'nobody'.")),
            typed("text/json", "utf-8", br#"{"action":"find","value":"it"}"#, Ok("Error: invalid action 'find'.")),
            typed("binary/anything", "binary", b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b", Err(10)),
            typed("binary/anything", "binary", b"short", Err(5)),
            typed("binary/anything", "binary", &text(3 * buffer), Err(10)),
        ]),
        ServiceName::Chat | ServiceName::UdpEcho => Vec::new(),
    }
}

/// The parts that are played with a service of `u32` frames.
fn framed(buffer: usize, answer: fn(&[u8]) -> Vec<u8>) -> Vec<Part> {
    let part = |name, messages: Vec<Vec<u8>>| Part {
        name,
        says: messages.iter().flat_map(|message| frame(message)).collect(),
        hears: Hears::Exactly(messages.iter().flat_map(|message| frame(&answer(message))).collect()),
        answers: messages.len(),
    };
    let one = |name, message: Vec<u8>| part(name, Vec::from([message]));
    Vec::from([
        one("one message", b"Four score and seven years ago".to_vec()),
        one("an empty message", Vec::new()),
        one("characters of one to four bytes", "aé€🙂 aé€🙂 aé€🙂 aé€🙂".as_bytes().to_vec()),
        one("a message that just fits", text(buffer - 4)),
        one("a message slightly longer than the buffer", text(buffer + 1)),
        one("a message several times longer", text(5 * buffer)),
        part("three at once", Vec::from([text(200), text(0), text(2000)])),
        part("a hundred in one go", (0..100).map(|n| text(n % 23)).collect()),
    ])
}

/// A message as `u32` frames carry it.
fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("the script's messages are short");
    [&length.to_be_bytes()[..], message].concat()
}

/// A part of lines and their answers.
fn lines(name: &'static str, exchange: &[(&[u8], &[u8])]) -> Part {
    let lines = |text: &mut dyn Iterator<Item = &[u8]>| text.flat_map(|line| [line, b"\n"].concat()).collect();
    Part {
        name,
        says: lines(&mut exchange.iter().map(|(request, _)| *request)),
        hears: Hears::Exactly(lines(&mut exchange.iter().map(|(_, answer)| *answer))),
        answers: exchange.len(),
    }
}

/// A part of one request with typed content. The answer is a result in JSON, or so many bytes of the request.
fn typed(content_type: &str, encoding: &str, content: &[u8], answer: Result<&str, usize>) -> Part {
    let (name, hears) = match answer {
        Ok(result) => ("a request in JSON", with_header("text/json", "utf-8", &result_of(result))),
        Err(n) => {
            let answer = [b"First 10 bytes of request: ", &content[..n]].concat();
            ("a binary request", with_header("binary/custom-server-binary-type", "binary", &answer))
        }
    };
    Part { name, says: with_header(content_type, encoding, content), hears: Hears::Exactly(hears), answers: 1 }
}

/// The content of an answer in JSON.
pub(super) fn result_of(result: &str) -> Vec<u8> {
    format!("{{\"result\": \"{result}\"}}").into_bytes()
}

/// A message behind a JSON header.
pub(super) fn with_header(content_type: &str, encoding: &str, content: &[u8]) -> Vec<u8> {
    let order = if cfg!(target_endian = "big") { "big" } else { "little" };
    let header = format!(
        "{{\"byteorder\": \"{order}\", \"content-type\": \"{content_type}\", \"content-encoding\": \"{encoding}\", \
         \"content-length\": {}}}",
        content.len()
    );
    let length = u16::try_from(header.len()).expect("a short header");
    [&length.to_be_bytes()[..], header.as_bytes(), content].concat()
}

/// Text of so many characters that does not say `Echo`.
fn text(len: usize) -> Vec<u8> {
    (0..len).map(|n| b' ' + u8::try_from(n % 95).unwrap_or(0)).collect()
}
