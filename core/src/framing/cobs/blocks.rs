//! COBS blocks, copied and searched for zeros in one pass.
//!
//! Where the last zero of a frame is need not be known beforehand: the codes lead to it. A zero that they do not lead to is in a block
//! where none may be, and that is seen while bytes are copied, many at a time. To copy too much costs less than to decide how much:
//!
//! - Where the longest block has room, a short one is copied as [`WINDOW`] bytes, and the next block overwrites what is behind it.
//! - At the end of the input all that is left of it is copied at once. A code stands where the zero before its block belongs: then only the
//!   codes are overwritten, up to a full block, which has no zero behind it.

use core::ops::Range;

use super::{CobsState, FULL, Next};
use crate::buffer::copy_down;
use crate::framing::{Run, zero_bytes};

/// Bytes that are copied together.
const WINDOW: usize = 64;
/// Bytes of which one instruction takes care. As wide as the compiler may use them everywhere.
const LANES: usize = 16;
/// A code, and the windows that the longest block takes.
const ROOM: usize = 1 + 4 * WINDOW;

/// The run through `input`, which is all steps at once.
#[inline(always)]
pub(super) fn run(state: &mut CobsState, input: &[u8], out: &mut [u8]) -> Run {
    if let [byte] = *input {
        return run_byte(state, byte, out);
    }
    if input.len() < ROOM
        && let Some(run) = run_one(state, input, out)
    {
        return run;
    }
    match run_trusting(*state, input, out) {
        Some((after, run)) => {
            *state = after;
            run
        }
        None => run_up_to_zero(state, input, out),
    }
}

/// The run of a stream that comes byte by byte.
#[inline(always)]
fn run_byte(state: &mut CobsState, byte: u8, out: &mut [u8]) -> Run {
    let CobsState { left, next } = *state;
    if let Some(left) = left.checked_sub(1) {
        let (1.., Some(place)) = (byte, out.first_mut()) else { return Run::default() };
        *place = byte;
        state.left = left;
        return Run { take: 1, written: 1, end: None };
    }
    if byte == 0 {
        // Between frames it is for the steps.
        if next == Next::Begins {
            return Run::default();
        }
        *state = CobsState::default();
        return Run { take: 0, written: 0, end: Some(1) };
    }
    let written = usize::from(next == Next::Zero);
    if written > 0 {
        let Some(place) = out.first_mut() else { return Run::default() };
        *place = 0;
    }
    *state = CobsState { left: byte - 1, next: Next::behind(byte) };
    Run { take: 1, written, end: None }
}

/// The run through one block, if behind it the frame ends or the input, and there is room for it: what short pieces of frames come to.
/// (Measured: to leave these to the loop takes a sixth longer, where segments have 64 bytes.)
#[inline(always)]
fn run_one(state: &mut CobsState, input: &[u8], out: &mut [u8]) -> Option<Run> {
    let CobsState { left, mut next } = *state;
    let (mut left, mut rest, mut zeros) = (usize::from(left), input, 0);
    if left == 0 {
        let (&code, behind) = input.split_first()?;
        left = usize::from(code).checked_sub(1)?;
        rest = behind;
        if next == Next::Zero {
            *out.first_mut()? = 0;
            zeros = 1;
        }
        next = Next::behind(code);
    }
    if let Some((block, [behind, ..])) = rest.split_at_checked(left) {
        if *behind != 0 || copy(block, out.get_mut(zeros..)?.get_mut(..left)?) {
            return None;
        }
        *state = CobsState::default();
        return Some(Run { take: input.len() - rest.len() + left, written: zeros + left, end: Some(1) });
    }
    let n = rest.len();
    if copy(rest, out.get_mut(zeros..)?.get_mut(..n)?) {
        return None;
    }
    *state = CobsState::within(left - n, next);
    Some(Run { take: input.len(), written: zeros + n, end: None })
}

/// The run up to a zero that stands where none may be. No step takes it.
#[cold]
#[inline(never)]
fn run_up_to_zero(state: &mut CobsState, input: &[u8], out: &mut [u8]) -> Run {
    let inside = crate::framing::find(0, input).and_then(|zero| input.get(..zero)).unwrap_or_default();
    let Some((after, run)) = run_trusting(*state, inside, out) else { return Run::default() };
    *state = after;
    run
}

/// The run, if there is no zero in a block; else what was written is worth nothing.
#[inline(always)]
fn run_trusting(state: CobsState, input: &[u8], out: &mut [u8]) -> Option<(CobsState, Run)> {
    let (mut rest, mut written) = (input, 0);
    let (mut left, mut next) = (usize::from(state.left), state.next);
    let (mut end, mut bad) = (None, false);
    if rest.len() >= ROOM && out.len() >= ROOM {
        if left > 0 {
            bad |= copy(rest.get(..left)?, out.get_mut(..left)?);
            rest = rest.get(left..)?;
            written = left;
            left = 0;
        }
        let blocks = copy_blocks(rest, out.get_mut(written..)?, next);
        bad |= blocks.bad;
        next = blocks.next;
        rest = rest.get(blocks.take..).unwrap_or_default();
        written += blocks.written;
    }
    loop {
        // A code that stands for nothing but its block.
        if left == 0 {
            let Some((&code, behind)) = rest.split_first() else { break };
            if code == 0 {
                end = (next != Next::Begins).then_some(1);
                break;
            }
            if next != Next::Zero {
                rest = behind;
                left = usize::from(code) - 1;
                next = Next::behind(code);
            }
        }
        // All that is left, as if all of it were of this frame.
        let Some(free) = out.get_mut(written..) else { break };
        let n = rest.len().min(free.len());
        let (Some(from), Some(to)) = (rest.get(..n), free.get_mut(..n)) else { break };
        let zero = copy(from, to);
        // Where the next code stands, and its zero belongs.
        let mut at = left;
        if next == Next::Zero {
            while let (Some(&code), Some(place)) = (from.get(at), to.get_mut(at)) {
                if code == 0 {
                    end = Some(1);
                    break;
                }
                *place = 0;
                at += usize::from(code);
                if code == FULL {
                    next = Next::Joins;
                    break;
                }
            }
        }
        if at >= n {
            bad |= zero;
            left = at - n;
            rest = rest.get(n..).unwrap_or_default();
            written += n;
            if left > 0 || n == 0 {
                break;
            }
        } else {
            bad |= zero && has_zero(rest, at);
            left = 0;
            rest = rest.get(at..).unwrap_or_default();
            written += at;
            if end.is_some() {
                break;
            }
        }
    }
    let after = if end.is_some() { CobsState::default() } else { CobsState::within(left, next) };
    (!bad).then_some((after, Run { take: input.len() - rest.len(), written, end }))
}

/// What [`copy_blocks`] has done.
struct Blocks {
    /// Bytes that were taken.
    take: usize,
    /// Bytes that were written.
    written: usize,
    /// What a code means that comes now.
    next: Next,
    /// Whether there was a zero in a block.
    bad: bool,
}

/// Copies blocks as long as there is room to copy too much, up to the end of the frame.
#[inline(always)]
fn copy_blocks(input: &[u8], out: &mut [u8], mut next: Next) -> Blocks {
    let (mut rest, mut written) = (input, 0);
    // Of all that was copied: one look at them is enough.
    let mut lows = [u8::MAX; LANES];
    while let Some([code @ 1..=u8::MAX, windows @ ..]) = rest.first_chunk::<ROOM>()
        && let Some(place) = out.get_mut(written..).and_then(|free| free.first_chunk_mut::<ROOM>())
    {
        // There is room for it, also where it does not count.
        let zeros = usize::from(next == Next::Zero);
        place[0] = 0;
        let Some(place) = place.get_mut(zeros..) else { break };
        let n = usize::from(*code) - 1;
        if n <= WINDOW {
            let (Some(window), Some(place)) = (windows.first_chunk::<WINDOW>(), place.first_chunk_mut()) else { break };
            let window = *window;
            lows = lower(lows, &masked(window, n));
            *place = window;
        } else {
            // The last window overlaps the one before.
            let (Some(block), Some(place)) = (windows.get(..n), place.get_mut(..n)) else { break };
            let (Some(window), Some(end)) = (block.last_chunk::<WINDOW>(), place.last_chunk_mut()) else { break };
            let window = *window;
            lows = lower(lows, &window);
            *end = window;
            for (window, place) in block.as_chunks().0.iter().zip(place.as_chunks_mut::<WINDOW>().0) {
                let window = *window;
                lows = lower(lows, &window);
                *place = window;
            }
        }
        written += zeros + n;
        rest = rest.get(1 + n..).unwrap_or_default();
        next = Next::behind(*code);
    }
    Blocks { take: input.len() - rest.len(), written, next, bad: any_zero(&lows) }
}

/// The run through input that lies in `bytes` from `read` on, where the payload is put too. A code is where the zero before its block
/// belongs: so nothing moves, before a full block.
#[inline(never)]
pub(super) fn run_in_place(
    state: &mut CobsState,
    bytes: &mut [u8],
    read: usize,
    payload: &mut Range<usize>,
    most: usize,
) -> Run {
    let (mut from, mut to) = (read, payload.end);
    let (mut left, mut next) = (usize::from(state.left), state.next);
    let mut room = most.saturating_sub(payload.len());
    let mut end = None;
    loop {
        if left > 0 {
            let Some(rest) = bytes.get(from..) else { break };
            let n = left.min(rest.len());
            if n > room {
                break;
            }
            let mut moved = n;
            if to < from {
                moved = move_down(bytes, from, to, n);
            } else if has_zero(rest, n) {
                moved = 0;
            }
            if moved < n {
                moved += move_up_to_zero(bytes, from + moved, to + moved);
            }
            (from, to) = (from + moved, to + moved);
            room -= moved;
            left -= moved;
            if moved < n {
                break;
            }
        }
        let Some(&code) = bytes.get(from) else { break };
        if code == 0 {
            end = (next != Next::Begins).then_some(1);
            break;
        }
        match next {
            Next::Begins => {
                to = from + 1;
                payload.start = to;
            }
            Next::Joins => {}
            Next::Zero => {
                let Some(place) = bytes.get_mut(to).filter(|_| room > 0) else { break };
                *place = 0;
                to += 1;
                room -= 1;
            }
        }
        from += 1;
        left = usize::from(code) - 1;
        next = Next::behind(code);
    }
    let written = to - payload.end.max(payload.start);
    payload.end = to;
    *state = if end.is_some() { CobsState::default() } else { CobsState::within(left, next) };
    Run { take: from - read, written, end }
}

/// Whether there is a zero among the first `n` bytes. Bytes behind few of them make it faster.
#[inline(always)]
pub(super) fn has_zero(bytes: &[u8], n: usize) -> bool {
    const SHORT: usize = 32;
    if n <= SHORT
        && let Some(window) = bytes.first_chunk::<SHORT>()
    {
        return any_zero_among(window, n);
    }
    if n <= WINDOW
        && let Some(window) = bytes.first_chunk::<WINDOW>()
    {
        return any_zero_among(window, n);
    }
    bytes.get(..n).is_none_or(is_any_zero)
}

/// Copies `from` to `to`, which are of one length, in pieces that may overlap. Whether there is a zero.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) -> bool {
    if let Some(last) = from.last_chunk::<WINDOW>() {
        let last = *last;
        let mut lows = lower([u8::MAX; LANES], &last);
        let mut at = 0;
        while at + WINDOW < from.len()
            && let (Some(from), Some(to)) = (from.get(at..), to.get_mut(at..))
            && let (Some(from), Some(to)) = (from.first_chunk::<WINDOW>(), to.first_chunk_mut())
        {
            let window = *from;
            lows = lower(lows, &window);
            *to = window;
            at += WINDOW;
        }
        if let Some(to) = to.last_chunk_mut() {
            *to = last;
        }
        return any_zero(&lows);
    }
    if let Some([first, last]) = copy_ends::<32>(from, to) {
        return any_zero(&first) | any_zero(&last);
    }
    if let Some([first, last]) = copy_ends::<16>(from, to) {
        return any_zero(&first) | any_zero(&last);
    }
    if let Some([first, last]) = copy_ends(from, to) {
        return any_zero_in(u64::from_le_bytes(first)) | any_zero_in(u64::from_le_bytes(last));
    }
    if let Some([first, last]) = copy_ends(from, to) {
        return any_zero_in(u64::from(u32::from_le_bytes(first)) << 32 | u64::from(u32::from_le_bytes(last)));
    }
    // Two bytes or three: the last is another than the first two, or one of them.
    if let Some([[first, second], [_, last]]) = copy_ends(from, to) {
        return first == 0 || second == 0 || last == 0;
    }
    copy_ends(from, to).is_some_and(|[[only], _]| only == 0)
}

/// Copies the first `N` bytes and the last, if there are as many, and returns them.
#[inline(always)]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) -> Option<[[u8; N]; 2]> {
    let ends = [*from.first_chunk()?, *from.last_chunk()?];
    *to.first_chunk_mut()? = ends[0];
    *to.last_chunk_mut()? = ends[1];
    Some(ends)
}

/// Whether there is a zero.
#[inline(always)]
fn is_any_zero(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<WINDOW>() {
        let mut lows = lower([u8::MAX; LANES], last);
        let mut rest = bytes;
        while rest.len() > WINDOW
            && let Some((window, behind)) = rest.split_first_chunk::<WINDOW>()
        {
            lows = lower(lows, window);
            rest = behind;
        }
        return any_zero(&lows);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<32>(), bytes.last_chunk::<32>()) {
        return any_zero(first) | any_zero(last);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<LANES>(), bytes.last_chunk::<LANES>()) {
        return any_zero(first) | any_zero(last);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return any_zero_in(u64::from_le_bytes(*first)) | any_zero_in(u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return any_zero_in(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
    }
    matches!(bytes, [0, ..] | [_, 0, ..] | [_, _, 0])
}

/// Moves `n` bytes from `from` to `to`, which is before. How many before it found a zero, roughly: those behind are as they were.
#[inline(always)]
fn move_down(bytes: &mut [u8], from: usize, to: usize, n: usize) -> usize {
    let Some(bytes) = bytes.get_mut(to..from + n) else { return 0 };
    move_windows::<WINDOW>(bytes, n)
        .or_else(|| move_windows::<LANES>(bytes, n))
        .or_else(|| move_windows::<4>(bytes, n))
        .or_else(|| move_windows::<1>(bytes, n))
        .unwrap_or(0)
}

/// Moves the last `n` bytes to the front, if they are at least `N`. How many before there was a zero among the next `N`.
#[inline(always)]
fn move_windows<const N: usize>(bytes: &mut [u8], n: usize) -> Option<usize> {
    let distance = bytes.len() - n;
    // Read before others are moved over it.
    let last = *bytes.get(distance..)?.last_chunk::<N>()?;
    let mut at = 0;
    while at + N < n {
        let window = *bytes.get(distance + at..)?.first_chunk::<N>()?;
        if any_zero(&window) {
            return Some(at);
        }
        *bytes.get_mut(at..)?.first_chunk_mut()? = window;
        at += N;
    }
    if any_zero(&last) {
        return Some(at);
    }
    *bytes.get_mut(n - N..)?.first_chunk_mut()? = last;
    Some(n)
}

/// Moves what is before the next zero. How many bytes that is.
#[cold]
fn move_up_to_zero(bytes: &mut [u8], from: usize, to: usize) -> usize {
    let n = bytes.get(from..).and_then(|rest| crate::framing::find(0, rest)).unwrap_or(0);
    if to < from {
        copy_down(bytes, from..from + n, to);
    }
    n
}

// The next ones are written so that the compiler makes vectors of them. It does not of everything.

/// The lowest byte of each column, of some bytes more.
#[inline(always)]
fn lower<const N: usize>(mut lows: [u8; LANES], bytes: &[u8; N]) -> [u8; LANES] {
    for lanes in bytes.as_chunks::<LANES>().0 {
        for (low, byte) in lows.iter_mut().zip(lanes) {
            *low = (*low).min(*byte);
        }
    }
    lows
}

/// Whether there is a zero.
#[inline(always)]
fn any_zero<const N: usize>(bytes: &[u8; N]) -> bool {
    let lows = lower([u8::MAX; LANES], bytes);
    let zeros = if N < LANES { &bytes[..] } else { &lows };
    zeros.iter().fold(0, |zeros, byte| zeros | u8::from(*byte == 0)) > 0
}

/// Whether there is a zero among the first `n` bytes.
#[inline(always)]
fn any_zero_among<const N: usize>(bytes: &[u8; N], n: usize) -> bool {
    any_zero(&masked(*bytes, n))
}

/// The bytes, but the first `n` alone as they are, and none of the others zero.
#[inline(always)]
fn masked<const N: usize>(mut bytes: [u8; N], n: usize) -> [u8; N] {
    if let Some(mask) = MASK.get(WINDOW - n..).and_then(|mask| mask.first_chunk::<N>()) {
        for (byte, mask) in bytes.iter_mut().zip(mask) {
            *byte |= *mask;
        }
    }
    bytes
}

/// The mask for `n` bytes begins `n` before its middle.
static MASK: [u8; 2 * WINDOW] = {
    let mut mask = [0; 2 * WINDOW];
    let (_, behind) = mask.split_at_mut(WINDOW);
    let mut at = 0;
    while at < behind.len() {
        behind[at] = u8::MAX;
        at += 1;
    }
    mask
};

/// Whether one of the eight bytes is zero.
#[inline(always)]
fn any_zero_in(word: u64) -> bool {
    zero_bytes(word) != 0
}
