//! The conversations that every front end must hold, as data: all that REQUIREMENTS ask of `trim` and `echo`, for a server
//! whose connections have buffers of a given size.

use crate::conversation::{Conversation, Deed, Service, Step, message};

/// The sizes of the buffers, in bytes, with which everything is tried.
pub const BUFFER_SIZES: [usize; 3] = [64, 1024, 4096];

/// All conversations, for a server with buffers of this many bytes.
pub fn all(buffer: usize) -> Vec<Conversation> {
    let mut all = Vec::new();
    for service in [Service::Echo, Service::Trim] {
        all.extend(lengths(service, buffer));
        all.extend(orders(service, buffer));
        all.extend(pieces(service, buffer));
        all.extend(ends(service, buffer));
        all.extend(stops(service));
        all.extend(limits(service));
        all.extend(companies(service, buffer));
    }
    all.extend(characters(buffer));
    all
}

/// Messages shorter than the buffer, slightly longer, several times longer.
fn lengths(service: Service, buffer: usize) -> Vec<Conversation> {
    let one = |name: &str, len: usize| {
        Script::new(service, format!("{name} ({len} bytes)")).connect(0).asks(0, &payload(len)).leaves(0)
    };
    let mut conversations = vec![
        Script::new(service, "the example of the specification")
            .connect(0)
            .asks(0, b"Four score and seven years ago")
            .leaves(0),
        one("a message shorter than the buffer", buffer / 2),
        one("a message several times longer than the buffer", 3 * buffer + 7),
        one("a message many times longer than the buffer", 10 * buffer),
    ];
    // The header counts too, and the ten characters: every length around the size is a case of its own.
    for len in buffer - 15..=buffer + 15 {
        conversations.push(one("a message about as long as the buffer", len));
    }
    finish(conversations)
}

/// Several messages on one connection.
fn orders(service: Service, buffer: usize) -> Vec<Conversation> {
    let three = [payload(11), payload(buffer + 5), payload(3 * buffer)];
    let mut series = Script::new(service, "three in series").connect(0);
    for payload in &three {
        series = series.asks(0, payload);
    }
    let mut in_one = Script::new(service, "three in one piece before the first reply is read").connect(0);
    in_one = in_one.sends_all(0, &three).receives_all(0, &three);
    let mut in_three = Script::new(service, "three in three pieces before the first reply is read").connect(0);
    for payload in &three {
        in_three = in_three.sends(0, &[&message(payload)]);
    }
    let hundred: Vec<Vec<u8>> = (0..100).map(|i| format!("0123456789 message {i}").into_bytes()).collect();
    finish(vec![
        series.leaves(0),
        in_one.leaves(0),
        in_three.receives_all(0, &three).leaves(0),
        Script::new(service, "a hundred in one piece")
            .connect(0)
            .sends_all(0, &hundred)
            .receives_all(0, &hundred)
            .leaves(0),
        Script::new(service, "an empty message is a message").connect(0).asks(0, b"").asks(0, b"0123456789!").leaves(0),
        Script::new(service, "a hundred empty messages in one piece")
            .connect(0)
            .sends_all(0, &vec![Vec::new(); 100])
            .receives_all(0, &vec![Vec::new(); 100])
            .leaves(0),
    ])
}

/// Messages in pieces of every kind.
fn pieces(service: Service, buffer: usize) -> Vec<Conversation> {
    let three = [payload(30), Vec::new(), payload(buffer + 20)];
    let stream: Vec<u8> = three.iter().flat_map(|payload| message(payload)).collect();
    let mut conversations = vec![
        Script::new(service, "one byte at a time")
            .connect(0)
            .sends(0, &stream.chunks(1).collect::<Vec<_>>())
            .receives_all(0, &three)
            .leaves(0),
        Script::new(service, "seven bytes at a time")
            .connect(0)
            .sends(0, &stream.chunks(7).collect::<Vec<_>>())
            .receives_all(0, &three)
            .leaves(0),
    ];
    for cut in 1..8 {
        conversations.push(
            Script::new(service, format!("cut behind {cut} bytes, with the next message in the second piece"))
                .connect(0)
                .sends(0, &[&stream[..cut], &stream[cut..]])
                .receives_all(0, &three)
                .leaves(0),
        );
    }
    finish(conversations)
}

/// Ends of the stream from the client, in order and not.
fn ends(service: Service, buffer: usize) -> Vec<Conversation> {
    let three = [payload(30), payload(buffer + 1), payload(5 * buffer)];
    // Short enough to be answered whole or not at all.
    let short = message(&payload(40));
    let truncated = |cut: &[u8], what: &str, reason: &str| {
        Script::new(service, format!("a stream that ends {what}"))
            .connect(0)
            .sends(0, &[&message(b"0123456789 whole"), cut])
            .does(0, Deed::CloseWrite)
            .ends(0, &[b"0123456789 whole"])
            .does(0, Deed::Reason(reason.to_owned()))
    };
    finish(vec![
        Script::new(service, "a client that half-closes gets its answers")
            .connect(0)
            .sends_all(0, &three)
            .does(0, Deed::CloseWrite)
            .ends(0, &three)
            .does(0, Deed::Reason("the peer closed the connection".to_owned())),
        Script::new(service, "a client that half-closes at once")
            .connect(0)
            .does(0, Deed::CloseWrite)
            .ends(0, &[] as &[&[u8]])
            .does(0, Deed::Reason("the peer closed the connection".to_owned())),
        truncated(&[0, 0], "inside a header", "truncated: the stream ended inside a message (2 bytes of it came)"),
        truncated(
            &short[..4],
            "behind a header",
            "truncated: the stream ended inside a message (4 of its 44 bytes came)",
        ),
        truncated(
            &short[..43],
            "inside a payload",
            "truncated: the stream ended inside a message (43 of its 44 bytes came)",
        ),
        Script::new(service, "a client that breaks off inside a message, and the next one")
            .connect(0)
            .asks(0, b"0123456789 first")
            .sends(0, &[&message(&payload(3 * buffer))[..buffer]])
            .does(0, Deed::Reset)
            .does(0, Deed::Reason("the connection was reset".to_owned()))
            .connect(1)
            .asks(1, b"0123456789 second")
            .leaves(1),
        Script::new(service, "a client leaves and a new one is served")
            .connect(0)
            .asks(0, b"0123456789 first")
            .leaves(0)
            .connect(1)
            .asks(1, b"0123456789 second")
            .leaves(1),
    ])
}

/// The server is told to stop.
fn stops(service: Service) -> Vec<Conversation> {
    let five: Vec<Vec<u8>> = (0..5).map(|i| format!("0123456789 #{i}").into_bytes()).collect();
    let stopped = Deed::Reason("the server is stopping".to_owned());
    finish(vec![
        Script::new(
            service,
            "the server is told to stop when five more were sent: they are answered, and the end is seen",
        )
        .connect(0)
        .asks(0, b"0123456789 before")
        .sends_all(0, &five)
        .does(0, Deed::Stop)
        .ends(0, &five)
        .does(0, stopped.clone()),
        Script::new(service, "the server is told to stop while five more are sent: the client learns that it is gone")
            .connect(0)
            .asks(0, b"0123456789 before")
            .does(0, Deed::Stop)
            .sends_all(0, &five)
            .does(0, Deed::Gone(five.iter().map(|payload| reply(service, payload)).collect())),
        Script::new(service, "the server is told to stop: idle clients learn that it is gone")
            .connect(0)
            .connect(1)
            .asks(1, b"0123456789 hello")
            .does(0, Deed::Stop)
            .ends(0, &[] as &[&[u8]])
            .ends(1, &[] as &[&[u8]])
            .does(0, stopped.clone())
            .does(1, stopped),
    ])
}

/// Lengths that are not accepted.
fn limits(service: Service) -> Vec<Conversation> {
    let over = |len: u32, limit: u64, tail: &[u8]| {
        let mut script = Script::new(service, format!("a length of {len} with a limit of {limit}"));
        script.conversation.max_frame = limit;
        let at = message(b"0123456789 before").len();
        script
            .connect(0)
            .connect(1)
            .asks(1, b"0123456789 other")
            .sends(0, &[&message(b"0123456789 before"), &[&len.to_be_bytes()[..], tail].concat()])
            .ends(0, &[b"0123456789 before"])
            .does(0, Deed::Reason(format!("frame at byte {at}: length {len} exceeds the limit of {limit} bytes")))
            .asks(1, b"0123456789 unharmed")
            .leaves(1)
    };
    let mut at_the_limit = Script::new(service, "a message as long as the limit");
    at_the_limit.conversation.max_frame = 5000;
    finish(vec![
        over(u32::MAX, 16 << 20, b""),
        over(u32::MAX, 16 << 20, b"and some of it"),
        over((16 << 20) + 1, 16 << 20, b""),
        over(5001, 5000, &payload(2000)),
        at_the_limit.connect(0).asks(0, &payload(5000)).leaves(0),
    ])
}

/// Several clients at once.
fn companies(service: Service, buffer: usize) -> Vec<Conversation> {
    let mut script = Script::new(service, "four clients take turns, and each gets its own");
    let own = |client: usize, round: usize| format!("0123456789 {client} says {}", "x".repeat(buffer * round / 2));
    for client in 0..4 {
        script = script.connect(client);
    }
    for round in 0..3 {
        for client in 0..4 {
            let whole = message(own(client, round).as_bytes());
            let (front, back) = whole.split_at(7 + client);
            script = script.sends(client, &[front]);
            script.held.push((client, back.to_vec()));
        }
        for (client, back) in std::mem::take(&mut script.held) {
            script = script.sends(client, &[&back]);
        }
        for client in (0..4).rev() {
            script = script.receives_all(client, &[own(client, round).as_bytes()]);
        }
    }
    for client in 0..4 {
        script = script.leaves(client);
    }
    finish(vec![script])
}

/// What `trim` counts.
fn characters(buffer: usize) -> Vec<Conversation> {
    let trim = |name: &str| Script::new(Service::Trim, name);
    let crabs = "🦀é語x🦀é語x🦀é".to_owned();
    let behind = [crabs.as_bytes(), &[0xFF, 0xC0, 0x80], &payload(buffer)].concat();
    let mut conversations = vec![
        trim("characters of one to four bytes").connect(0).asks(0, crabs.as_bytes()).leaves(0),
        trim("fewer than ten characters leave nothing").connect(0).asks(0, "🦀🦀🦀🦀🦀🦀🦀🦀🦀".as_bytes()).leaves(0),
        trim("bytes behind the tenth character pass untouched").connect(0).asks(0, &behind).leaves(0),
        trim("characters cut in the middle, byte by byte")
            .connect(0)
            .sends(0, &message(&behind).chunks(1).collect::<Vec<_>>())
            .receives_all(0, &[&behind[..]])
            .leaves(0),
        trim("a long message of wide characters").connect(0).asks(0, "語".repeat(buffer).as_bytes()).leaves(0),
    ];
    for (what, invalid) in [
        ("a byte that begins no character", &[0xFF][..]),
        ("a character that is cut by the end", &[0xF0, 0x9F, 0xA6]),
        ("a surrogate", &[0xED, 0xA0, 0x80, b'x']),
    ] {
        for long in [0, 4 * buffer] {
            // What is behind a cut character decides whether it is one.
            let bad = [b"12345", invalid, &vec![b'y'; long]].concat();
            let good = b"0123456789 good";
            conversations.push(
                trim(&format!("{what} in the first ten, in a message of {} bytes", bad.len()))
                    .connect(0)
                    .connect(1)
                    .sends(0, &[&message(good), &message(&bad), &message(good)])
                    .ends(0, &[good])
                    .does(0, Deed::Reason(format!("message at byte {}: the text is not valid UTF-8", good.len() + 4)))
                    .asks(1, b"0123456789 unharmed")
                    .leaves(1),
            );
        }
    }
    finish(conversations)
}

/// A conversation that is being written.
struct Script {
    conversation: Conversation,
    /// Halves of messages that are to be sent later.
    held: Vec<(usize, Vec<u8>)>,
}

impl Script {
    fn new(service: Service, name: impl Into<String>) -> Self {
        let conversation = Conversation { name: name.into(), service, max_frame: 16 << 20, steps: Vec::new() };
        Self { conversation, held: Vec::new() }
    }

    fn does(mut self, client: usize, deed: Deed) -> Self {
        self.conversation.steps.push(Step::new(client, deed));
        self
    }

    fn connect(self, client: usize) -> Self {
        self.does(client, Deed::Connect)
    }

    fn sends(self, client: usize, pieces: &[&[u8]]) -> Self {
        self.does(client, Deed::Send(pieces.iter().map(|piece| piece.to_vec()).collect()))
    }

    /// All messages in one piece.
    fn sends_all(self, client: usize, payloads: &[Vec<u8>]) -> Self {
        let stream: Vec<u8> = payloads.iter().flat_map(|payload| message(payload)).collect();
        self.sends(client, &[&stream])
    }

    /// The replies to all of these.
    fn receives_all(self, client: usize, payloads: &[impl AsRef<[u8]>]) -> Self {
        let replies = self.replies(payloads);
        self.does(client, Deed::Receive(replies))
    }

    /// The replies to all of these, and then the end.
    fn ends(self, client: usize, payloads: &[impl AsRef<[u8]>]) -> Self {
        let replies = self.replies(payloads);
        self.does(client, Deed::End(replies))
    }

    /// Sends one message and receives the reply.
    fn asks(self, client: usize, payload: &[u8]) -> Self {
        self.sends(client, &[&message(payload)]).receives_all(client, &[payload])
    }

    /// Closes its side in order, and sees the server do so.
    fn leaves(self, client: usize) -> Self {
        let reason = "the peer closed the connection".to_owned();
        self.does(client, Deed::CloseWrite).does(client, Deed::End(Vec::new())).does(client, Deed::Reason(reason))
    }

    fn replies(&self, payloads: &[impl AsRef<[u8]>]) -> Vec<u8> {
        payloads.iter().flat_map(|payload| reply(self.conversation.service, payload.as_ref())).collect()
    }
}

fn finish(scripts: Vec<Script>) -> Vec<Conversation> {
    scripts.into_iter().map(|script| script.conversation).collect()
}

fn reply(service: Service, payload: &[u8]) -> Vec<u8> {
    message(&service.answer(payload).expect("a message that is not refused"))
}

/// Text of so many bytes, no two places of which look alike for a while.
fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|i| b' ' + u8::try_from((i * 7 + i / 89) % 95).expect("below 95")).collect()
}
