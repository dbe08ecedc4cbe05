//! `time`: the local time, also at the moment when the offset from UTC changes.

use std::process::Command;

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

use crate::child::{FRAMEWRIGHT, Server, read_all};
use crate::client::Client;
use crate::wait_until;

/// The time that the server tells, and its hour.
fn told(server: &Server) -> (Timestamp, String) {
    let text = String::from_utf8(read_all(&server.connect("time"))).unwrap();
    assert_eq!(text.len(), "2026-11-21T08:12:33.123456+00:00".len(), "{text}");
    (text.parse().unwrap(), text)
}

#[test]
fn the_local_time_is_sent_and_the_connection_closed() {
    let server = Server::start(&["serve", "time=0"]);
    for _ in 0..3 {
        let before = Timestamp::now();
        let (time, text) = told(&server);
        let after = Timestamp::now();
        let micro = SignedDuration::from_micros(1);
        assert!(before - micro <= time && time <= after + micro, "{before} {text} {after}");
    }
}

#[test]
fn the_offset_is_that_of_the_time_zone() {
    for (zone, offset) in [("XXX-5:30", "+05:30"), ("YYY3", "-03:00"), ("UTC0", "+00:00")] {
        let server = Server::start_as(Command::new(FRAMEWRIGHT).args(["serve", "time=0"]).env("TZ", zone));
        let (time, text) = told(&server);
        assert!(text.ends_with(offset), "{zone}: {text}");
        assert!(Timestamp::now().duration_since(time).abs() < SignedDuration::from_secs(20), "{text}");
    }
}

/// A time zone in which summer time begins at this moment.
fn zone_with_change(at: &Zoned) -> String {
    let day = |at: &Zoned| at.date().day_of_year_no_leap().unwrap_or(60);
    let autumn = at + SignedDuration::from_hours(180 * 24);
    format!("WWW0SSS-1,J{}/{},J{}/12", day(at), at.strftime("%H:%M:%S"), day(&autumn))
}

#[test]
fn when_summer_time_begins_the_time_and_chat_lines_are_an_hour_later_at_once() {
    let change = (Timestamp::now() + SignedDuration::from_secs(4)).to_zoned(TimeZone::UTC);
    let change = change.round(jiff::Unit::Second).unwrap();
    let zone = zone_with_change(&change);
    let server = Server::start_as(Command::new(FRAMEWRIGHT).args(["serve", "time=0", "chat=0"]).env("TZ", &zone));
    let (ann, mut bob) = (Client::join(&server, "ann", "ann"), Client::join(&server, "bob", "bob"));
    // What a line says that is spoken between two looks at the clock.
    let mut hour_of_line = || {
        ann.say("what time is it?");
        bob.read()[1..3].to_owned()
    };
    let (time, text) = told(&server);
    assert!(time < change.timestamp() && text.ends_with("+00:00"), "{text} {zone}");
    assert_eq!(hour_of_line(), text[11..13]);
    let mut seen = String::new();
    wait_until("summer time begins", || {
        let (time, text) = told(&server);
        assert_eq!(text.ends_with("+01:00"), time >= change.timestamp(), "{text} {zone}");
        seen = text;
        time >= change.timestamp()
    });
    assert_eq!(hour_of_line(), seen[11..13], "{zone}");
}
