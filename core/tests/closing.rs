//! How a session ends when its peer does not help.

use framewright::service::Echo;
use framewright::{CloseReason, Instant, Session, SessionConfig};

#[test]
fn a_peer_that_goes_on_sending_cannot_keep_a_closing_connection_open() {
    let config = SessionConfig { max_frame: 8, ..SessionConfig::default() };
    let mut session = Session::new(Echo::new(), [0; 64], [0; 64], config, Instant::ZERO).unwrap();
    session.handle_input(b"\xff\xff\xff\xff", Instant::ZERO); // refused: longer than 8
    assert!(session.poll_output(Instant::ZERO).is_empty());
    assert!(session.is_output_finished() && !session.is_done());

    let mut now = Instant::ZERO;
    while !session.is_done() && now < Instant::from_millis(60_000) {
        now = now + std::time::Duration::from_millis(500);
        session.handle_input(b"more", now);
        session.handle_deadline(now);
    }
    assert!(matches!(session.close_reason(), Some(CloseReason::BadFrame(_))));
    assert_eq!(now, Instant::ZERO + config.close_timeout);
}
