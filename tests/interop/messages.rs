//! What is said: payloads of every kind that has a way to go wrong.

/// Text without line endings: empty, short, Unicode, about as long as a buffer of `buffer` bytes and as those of the
/// peers, and much longer.
pub fn texts(buffer: usize) -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = [
        "",
        "x",
        "Four score and seven years ago",
        "\u{1F980}\u{E9}\u{8A9E}x \u{1F469}\u{200D}\u{1F680} \u{5E9}\u{5DC}\u{5D5}\u{5DD} \u{4E16}\u{754C}, \u{1F1EB}\u{1F1F7}!",
        " \ttabs and blanks \t ",
    ]
    .map(Into::into)
    .into();
    for size in [buffer, 1460, 16_384, 65_536] {
        texts.extend((size - 5..=size + 1).map(text));
    }
    texts.push(text(3 * buffer + 7));
    texts.push("\u{8A9E}".repeat(buffer).into());
    texts.push(text(LONG));
    texts
}

/// Bytes of every value, of which no text is made.
pub fn binaries() -> Vec<Vec<u8>> {
    let all: Vec<u8> = (0..=255).collect();
    vec![vec![0], b"\r\n".to_vec(), b"\xFF\xFB\x01\xF0\x9F\xA6".to_vec(), all.clone(), all.repeat(LONG / 256 + 1)]
}

/// Short enough to travel byte by byte: the same kinds, in a few hundred bytes.
pub fn short_texts() -> Vec<Vec<u8>> {
    let mut texts = texts(64);
    texts.retain(|text| text.len() <= 64);
    texts
}

/// Text of `len` bytes, no two places of which look alike for a while.
///
/// # Panics
/// Never.
pub fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| b'!' + u8::try_from((i * 7 + i / 89) % 94).expect("below 94")).collect()
}

/// Bytes of a message that is longer than all buffers on its way.
pub const LONG: usize = 70_000;
