//! COBS blocks, copied and searched for zeros in one pass.
//!
//! Where the last zero of a frame is need not be known beforehand: the codes lead to it. A zero that they do not lead to is in a block
//! where none may be, and that is seen while the block is copied, many bytes at a time. What has room copies more than a block has, up to
//! the next border of [`WINDOW`] bytes: the next block overwrites that, and there is less to decide.

use core::ops::Range;

use super::{CobsState, Next};
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
    if input.len() < ROOM
        && let Some(run) = run_one(state, input, out)
    {
        return run;
    }
    run_all(state, input, out)
}

/// The run through one block, if behind it the frame ends or the input, and there is room for it: what short pieces of frames come to.
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
    let n = left.min(rest.len());
    let (block, rest) = rest.split_at_checked(n)?;
    let end = match rest {
        [] => None,
        [0, ..] => Some(1),
        _ => return None,
    };
    if copy(block, out.get_mut(zeros..)?.get_mut(..n)?) {
        return None;
    }
    *state = if end.is_some() { CobsState::default() } else { CobsState::within(left - n, next) };
    Some(Run { take: input.len() - rest.len(), written: zeros + n, end })
}

/// The run through any number of blocks.
#[inline(always)]
fn run_all(state: &mut CobsState, input: &[u8], out: &mut [u8]) -> Run {
    match run_trusting(*state, input, out) {
        Some((after, run)) => {
            *state = after;
            run
        }
        None => run_up_to_zero(state, input, out),
    }
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
    loop {
        if left > 0 {
            let n = left.min(rest.len());
            let place = out.get_mut(written..).and_then(|free| free.get_mut(..n));
            let (Some((block, behind)), Some(place)) = (rest.split_at_checked(n), place) else { break };
            bad |= copy(block, place);
            rest = behind;
            written += n;
            left -= n;
        }
        if rest.len() >= ROOM
            && let Some(free) = out.get_mut(written..)
        {
            let blocks = copy_blocks(rest, free, next);
            bad |= blocks.bad;
            next = blocks.next;
            rest = rest.get(blocks.take..).unwrap_or_default();
            written += blocks.written;
        }
        let Some((&code, behind)) = rest.split_first() else { break };
        if code == 0 {
            end = (next != Next::Begins).then_some(1);
            break;
        }
        if next == Next::Zero {
            let Some(place) = out.get_mut(written) else { break };
            *place = 0;
            written += 1;
        }
        rest = behind;
        left = usize::from(code) - 1;
        next = Next::behind(code);
        if left <= LANES
            && let Some(window) = rest.first_chunk::<LANES>()
            && let Some(place) = out.get_mut(written..).and_then(|free| free.first_chunk_mut())
        {
            bad |= any_zero_among(window, left);
            *place = *window;
            rest = rest.get(left..).unwrap_or_default();
            written += left;
            left = 0;
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
    let (mut rest, mut written, mut bad) = (input, 0, false);
    while let Some([code @ 1..=u8::MAX, windows @ ..]) = rest.first_chunk::<ROOM>()
        && let Some(place) = out.get_mut(written..).and_then(|free| free.first_chunk_mut::<ROOM>())
    {
        // There is room for it, also where it does not count.
        let zeros = usize::from(next == Next::Zero);
        place[0] = 0;
        let Some(place) = place.get_mut(zeros..) else { break };
        let n = usize::from(*code) - 1;
        let mut left = n;
        for (window, place) in windows.as_chunks().0.iter().zip(place.as_chunks_mut::<WINDOW>().0) {
            let window = *window;
            if left <= WINDOW {
                bad |= any_zero_among(&window, left);
                *place = window;
                break;
            }
            bad |= any_zero(&window);
            *place = window;
            left -= WINDOW;
        }
        written += zeros + n;
        rest = rest.get(1 + n..).unwrap_or_default();
        next = Next::behind(*code);
    }
    Blocks { take: input.len() - rest.len(), written, next, bad }
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

/// Whether there is a zero among the first `n` bytes, which are at most 254. Bytes behind them make it faster.
#[inline(always)]
pub(super) fn has_zero(bytes: &[u8], n: usize) -> bool {
    const SHORT: usize = 32;
    if n <= SHORT
        && let Some(window) = bytes.first_chunk::<SHORT>()
    {
        return any_zero_among(window, n);
    }
    let Some(windows) = bytes.first_chunk::<{ ROOM - 1 }>() else {
        return bytes.get(..n).is_none_or(is_any_zero);
    };
    let (mut found, mut left) = (false, n);
    for window in windows.as_chunks::<WINDOW>().0 {
        if left <= WINDOW {
            return found | any_zero_among(window, left);
        }
        found |= any_zero(window);
        left -= WINDOW;
    }
    found
}

/// Copies `from` to `to`, which are of one length, in pieces that may overlap. Whether there is a zero.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) -> bool {
    // A stream that comes byte by byte.
    if let ([from], [to]) = (from, &mut *to) {
        *to = *from;
        return *from == 0;
    }
    if let Some(last) = from.last_chunk::<WINDOW>() {
        let mut zero = false;
        for (from, to) in from.as_chunks().0.iter().zip(to.as_chunks_mut::<WINDOW>().0) {
            zero |= any_zero(from);
            *to = *from;
        }
        if !from.len().is_multiple_of(WINDOW)
            && let Some(to) = to.last_chunk_mut()
        {
            zero |= any_zero(last);
            *to = *last;
        }
        return zero;
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
    copy_ends(from, to).is_some_and(|[[first, second], [_, last]]| first == 0 || second == 0 || last == 0)
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
    if let Some(last) = bytes.last_chunk::<LANES>() {
        let mut zero = any_zero(last);
        for lanes in bytes.as_chunks::<LANES>().0 {
            zero |= any_zero(lanes);
        }
        return zero;
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

/// Whether there is a zero.
#[inline(always)]
fn any_zero<const N: usize>(bytes: &[u8; N]) -> bool {
    let (rows, few) = bytes.as_chunks::<LANES>();
    let mut least = [u8::MAX; LANES];
    for lanes in rows {
        for (least, byte) in least.iter_mut().zip(lanes) {
            *least = (*least).min(*byte);
        }
    }
    let zeros = if rows.is_empty() { few } else { &least };
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
