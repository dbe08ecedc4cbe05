//! Services that answer a run of whole frames in one call.

use core::marker::PhantomData;

use framewright::framing::{BigEndian, Cobs, Framing, LengthPrefix, Lines, Netstring, Slip, U32};
use framewright::service::{Flow, Intake, Refusal, Service};
use framewright::{CloseReason, Encoder, Frames, Instant, Session, SessionConfig, Storage};

const NOW: Instant = Instant::ZERO;

/// Echoes; takes so many frames of a run at most, and tells how many it was given together.
#[derive(Debug, Default)]
struct Runner<L = U32> {
    law: PhantomData<L>,
    most: usize,
    /// What it says of a frame with this payload.
    special: Option<(&'static [u8], Flow)>,
    runs: Vec<usize>,
    alone: usize,
    polls: usize,
}

impl<L: Framing> Runner<L> {
    fn answer<S: Storage>(&self, payload: &[u8], out: &mut Encoder<L, S>) -> Result<Flow, Refusal> {
        out.push(payload)?;
        Ok(self.special.filter(|(special, _)| *special == payload).map_or(Flow::Continue, |(_, flow)| flow))
    }
}

impl<L: Framing> Service for Runner<L> {
    type Framing = L;

    fn intake(&self) -> Intake {
        Intake::Streamed { extra: 0 }
    }

    fn poll<S: Storage>(&mut self, _: Instant, _: &mut Encoder<L, S>) -> Result<Flow, Refusal> {
        self.polls += 1;
        Ok(Flow::Continue)
    }

    fn frames<I: Storage, S: Storage>(
        &mut self,
        frames: &mut Frames<'_, '_, L, I>,
        _: Instant,
        out: &mut Encoder<L, S>,
    ) -> Result<Flow, Refusal> {
        let mut run = 0;
        let mut flow = Flow::Continue;
        while run < self.most
            && flow == Flow::Continue
            && let Some((payload, _)) = frames.next(out)
        {
            run += 1;
            flow = self.answer(payload, out)?;
        }
        if run > 0 {
            self.runs.push(run);
        }
        Ok(flow)
    }

    fn frame<S: Storage>(&mut self, payload: &[u8], _: Instant, out: &mut Encoder<L, S>) -> Result<Flow, Refusal> {
        self.alone += 1;
        self.answer(payload, out)
    }
}

fn stream_of<L: Framing + Default>(payloads: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Encoder::new(L::default(), [0; 256]);
    for payload in payloads {
        encoder.push(payload).unwrap();
    }
    encoder.pending().to_vec()
}

fn stream(payloads: &[&[u8]]) -> Vec<u8> {
    stream_of::<U32>(payloads)
}

fn session<L: Framing + Clone + Default>(service: Runner<L>, output: usize) -> Session<Runner<L>, [u8; 32], Vec<u8>> {
    Session::new(service, [0; 32], vec![0; output], SessionConfig::default(), NOW).unwrap()
}

fn sent<V: Service<Framing: Clone>, I: Storage, O: Storage>(session: &mut Session<V, I, O>) -> Vec<u8> {
    let output = session.poll_output(NOW).to_vec();
    session.sent(output.len(), NOW);
    output
}

fn answers_in_order<L: Framing + Clone + Default>() {
    let bytes = stream_of::<L>(&[b"one", b"two", b"\xc0", b"three", b"four", b"a payload longer than the rest"]);
    for most in [0, 1, 2, 5, usize::MAX] {
        for cut in 0..bytes.len() {
            let mut session = session(Runner::<L> { most, ..Runner::default() }, 512);
            let mut answers = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                assert_eq!(session.handle_input(part, NOW), part.len());
                answers.extend(sent(&mut session));
            }
            assert_eq!(answers, bytes, "{most} at most, cut at {cut}");
            assert_eq!(session.stats().messages, 6);
        }
    }
}

#[test]
fn a_run_is_answered_in_order_however_many_of_it_a_service_takes() {
    answers_in_order::<U32>();
    answers_in_order::<Lines>();
    answers_in_order::<Netstring>();
    answers_in_order::<Cobs>();
    answers_in_order::<Slip>();
}

#[test]
fn where_there_is_memory_for_speed_what_came_together_is_given_together() {
    let bytes = stream(&[b"one", b"two", b"three"]);
    let mut session = session::<U32>(Runner { most: usize::MAX, ..Runner::default() }, 64);
    session.handle_input(&bytes, NOW);
    let Runner { runs, alone, .. } = session.service();
    let expected = if cfg!(target_pointer_width = "64") { (vec![3], 0) } else { (vec![], 3) };
    assert_eq!((runs.clone(), *alone), expected);
}

#[test]
fn a_run_ends_where_the_room_for_replies_does() {
    let bytes = stream(&[&b"twelve bytes"[..]; 4]);
    let mut session = session::<U32>(Runner { most: usize::MAX, ..Runner::default() }, 40);
    let taken = session.handle_input(&bytes, NOW);
    assert!(taken < bytes.len());
    assert_eq!(sent(&mut session), bytes[..32], "two answers of 16 bytes fit");
    assert_eq!(session.handle_input(&bytes[taken..], NOW), bytes.len() - taken);
    assert_eq!(sent(&mut session), bytes[32..]);
}

#[test]
fn a_service_that_closes_inside_a_run_is_given_no_more_of_it() {
    let bytes = stream(&[b"one", b"bye", b"three"]);
    for most in [0, usize::MAX] {
        let mut session =
            session::<U32>(Runner { most, special: Some((b"bye", Flow::Close)), ..Runner::default() }, 64);
        session.handle_input(&bytes, NOW);
        assert_eq!(sent(&mut session), stream(&[b"one", b"bye"]));
        assert_eq!(session.stats().messages, 2);
        assert_eq!(session.close_reason(), Some(CloseReason::ServiceDone));
    }
}

#[test]
fn a_service_that_has_more_to_say_inside_a_run_says_it_before_the_next_frame() {
    let bytes = stream(&[b"one", b"wait", b"three"]);
    let polls_with = |special| {
        let mut session = session::<U32>(Runner { most: usize::MAX, special, ..Runner::default() }, 64);
        session.handle_input(&bytes, NOW);
        assert_eq!(sent(&mut session), bytes);
        assert_eq!(session.stats().messages, 3);
        session.service().polls
    };
    assert_eq!(polls_with(Some((b"wait", Flow::Wait))), polls_with(None) + 1);
}

/// Frames with a byte before their length.
type Marked = LengthPrefix<2, BigEndian, 1>;

/// Answers each frame with what stood before its length.
#[derive(Debug, Default)]
struct Marks {
    mark: [u8; 1],
}

impl Service for Marks {
    type Framing = Marked;

    fn intake(&self) -> Intake {
        Intake::Whole { reply: 1 }
    }

    fn header(&mut self, state: &<Marked as Framing>::State) {
        self.mark = state.lead;
    }

    fn frame<S: Storage>(&mut self, _: &[u8], _: Instant, out: &mut Encoder<Marked, S>) -> Result<Flow, Refusal> {
        out.push(&self.mark)?;
        Ok(Flow::Continue)
    }
}

#[test]
fn the_header_of_each_frame_of_a_run_is_shown_before_the_frame() {
    let mut session = Session::new(Marks::default(), [0; 32], [0; 64], SessionConfig::default(), NOW).unwrap();
    session.handle_input(b"a\0\x01.b\0\x02..c\0\0", NOW);
    assert_eq!(sent(&mut session), b"\0\0\x01a\0\0\x01b\0\0\x01c");
}
