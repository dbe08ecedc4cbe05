//! Events in, frames out.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use ratatui::style::Color;

use super::*;

const NOW: Stamp = Stamp { hour: 23, minute: 59, second: 59 };

/// A screen, a user and a room in one.
struct Scene {
    view: View,
    done: Vec<Action>,
    /// The time that countdowns see.
    instant: Instant,
}

impl Scene {
    /// A screen of this size, before the first connection.
    fn new(columns: u16, rows: u16) -> Self {
        Self::with_palette(columns, rows, Palette::NoColours)
    }

    fn with_palette(columns: u16, rows: u16, palette: Palette) -> Self {
        let view = View::new("localhost:5555".into(), "ann", palette, Size::new(columns, rows));
        Self { view, done: Vec::new(), instant: Instant::now() }
    }

    /// A screen of this size, in the room with bob.
    fn in_room(columns: u16, rows: u16) -> Self {
        let mut scene = Self::new(columns, rows);
        scene.come_in();
        scene
    }

    fn come_in(&mut self) {
        self.news(News::Connected(Connection::default()));
        self.hear(&["* Welcome. What is your name?", "* You are ann. /help lists the commands."]);
        self.hear(&["* No messages to repeat.", "* No messages to repeat.", "* Here now (2):", "*   ann", "*   bob"]);
        self.done.clear();
    }

    fn event(&mut self, event: Event) {
        self.done.extend(self.view.handle(event, NOW));
    }

    fn news(&mut self, news: News) {
        self.event(Event::News(news));
    }

    fn hear(&mut self, lines: &[&str]) {
        for line in lines {
            self.news(News::Line(line.as_bytes().to_vec()));
        }
    }

    fn press(&mut self, code: KeyCode) {
        self.event(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    fn control(&mut self, c: char) {
        self.event(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
    }

    fn type_in(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.event(Event::Resized(Size::new(columns, rows)));
    }

    fn draw(&self) -> (Buffer, Position) {
        let Size { width, height } = self.view.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.view.draw(frame, self.instant)).unwrap();
        let cursor = terminal.get_cursor_position().unwrap();
        (terminal.backend().buffer().clone(), cursor)
    }

    /// The rows, without the spaces at their ends.
    fn rows(&self) -> Vec<String> {
        let (buffer, _) = self.draw();
        let row = |y| {
            let mut text = String::new();
            let mut x = 0;
            while let Some(cell) = buffer.cell((x, y)) {
                text.push_str(cell.symbol());
                // What lies under the second half of a wide character is not seen.
                x += u16::try_from(crate::command::chat::wrap::width(cell.symbol()).max(1)).unwrap();
            }
            text.trim_end().to_owned()
        };
        (0..buffer.area.height).map(row).collect()
    }

    fn lost(&mut self, seconds: u64, attempt: u32) {
        self.news(News::Lost("the server closed the connection".into()));
        let until = self.instant + Duration::from_secs(seconds);
        self.news(News::Waiting { until, attempt });
    }

    fn said(&self) -> Vec<&str> {
        let lines = self.done.iter().filter_map(|action| match action {
            Action::Say(_, line) => Some(line.as_str()),
            _ => None,
        });
        lines.collect()
    }
}

#[test]
fn a_whole_screen() {
    let mut scene = Scene::in_room(64, 8);
    scene.hear(&["[10:20:31] bob: a line that is long enough to be broken into two rows", "[10:20:40] * eve joined"]);
    scene.type_in("hello");
    scene.press(KeyCode::Enter);
    scene.type_in("more");
    assert_eq!(
        scene.rows(),
        [
            "                                                │ Here",
            "── 23:59:59  you are ann ──                     │ ann",
            "10:20:31 bob: a line that is long enough to be  │ bob",
            "         broken into two rows                   │ eve",
            "10:20:40 * eve joined                           │",
            "23:59:59 ann: hello                             │",
            " connected · ann · 3 here · localhost:5555         /help  /quit",
            "ann> more",
        ]
    );
    assert_eq!(scene.said(), ["hello"]);
    assert_eq!(scene.draw().1, Position::new(9, 7));
}

#[test]
fn a_narrow_screen_leaves_out_who_is_here_and_what_matters_less() {
    let scene = Scene::in_room(40, 4);
    assert_eq!(scene.rows(), ["", "── 23:59:59  you are ann ──", " connected · ann · 2 here  /help  /quit", "ann>"]);
    assert_eq!(Scene::in_room(16, 3).rows()[1], " connected");
}

#[test]
fn wide_and_joined_characters_leave_everything_in_its_column() {
    let mut scene = Scene::in_room(60, 12);
    scene.hear(&[
        "[10:20:31] bob: plain",
        "[10:20:31] 漢字: 漢字仮名漢字仮名漢字仮名漢字仮名漢字仮名漢字仮名漢字仮名",
        "[10:20:31] bob: 👩‍🚀👨‍👩‍👧‍👦 🇩🇪 ❤\u{fe0f} e\u{301}a\u{308}\u{301} done",
        "[10:20:31] * 🐰 joined",
        "[10:20:31] bob: \u{301} a mark of its own, \u{200b} and nothing",
    ]);
    scene.type_in("漢字👩");
    let (buffer, cursor) = scene.draw();
    let rule = (0..60).find(|&x| buffer[(x, 0)].symbol() == "│").unwrap();
    for y in 0..10 {
        assert_eq!(buffer[(rule, y)].symbol(), "│", "row {y}: {:#?}", scene.rows());
    }
    let rows = scene.rows();
    assert!(rows.iter().any(|row| row.contains("👩‍🚀👨‍👩‍👧‍👦 🇩🇪 ❤\u{fe0f} e\u{301}a\u{308}\u{301} done")), "{rows:#?}");
    assert!(rows.iter().any(|row| row.ends_with("│ 🐰")), "{rows:#?}");
    assert_eq!(cursor, Position::new(5 + 6, 11));
}

#[test]
fn the_second_half_of_a_wide_character_is_drawn_over_when_it_goes() {
    let mut scene = Scene::in_room(60, 4);
    // As it was meant, not as a terminal shows it.
    let frame = |scene: &Scene| {
        let mut terminal = Terminal::new(TestBackend::new(60, 4)).unwrap();
        terminal.draw(|frame| scene.view.draw(frame, scene.instant)).unwrap().buffer.clone()
    };
    scene.hear(&["[10:20:31] bob: 🇩🇪|"]);
    let before = frame(&scene);
    scene.hear(&["[10:20:31] bob:   |"]);
    let after = frame(&scene);
    let drawn: Vec<_> = before.diff(&after).into_iter().map(|(x, y, _)| (x, y)).collect();
    let place = (0..60).find(|&x| before[(x, 1)].symbol() == "🇩🇪").unwrap();
    assert!(drawn.contains(&(place, 1)) && drawn.contains(&(place + 1, 1)), "{drawn:?}");
}

#[test]
fn what_comes_in_leaves_the_line_being_written_alone() {
    let mut scene = Scene::in_room(70, 6);
    scene.type_in("half a thought");
    scene.press(KeyCode::Home);
    let (before, cursor) = (scene.rows().pop(), scene.draw().1);
    for i in 0..50 {
        scene.hear(&[&format!("[10:20:31] bob: {i}"), "[ERROR] no", "* yes", "[10:20:31] * eve joined"]);
    }
    scene.lost(5, 1);
    scene.come_in();
    assert_eq!((scene.rows().pop(), scene.draw().1), (before, cursor));
    scene.press(KeyCode::Enter);
    assert_eq!(scene.said(), ["half a thought"]);
}

#[test]
fn who_scrolls_back_stays_there_while_others_talk() {
    let mut scene = Scene::in_room(50, 7);
    for i in 0..20 {
        scene.hear(&[&format!("[10:20:31] bob: line {i}")]);
    }
    let history = |scene: &Scene| scene.rows()[..5].to_vec();
    let lines = |range: std::ops::Range<usize>| range.map(|i| format!("10:20:31 bob: line {i}")).collect::<Vec<_>>();
    assert_eq!(history(&scene), lines(15..20));
    scene.press(KeyCode::PageUp);
    assert_eq!(history(&scene), lines(11..16));
    scene.hear(&["[10:20:31] bob: line 20", "[10:20:31] bob: line 21"]);
    assert_eq!(history(&scene), lines(11..16), "new lines do not move what is read");
    assert_eq!(scene.rows()[5], " connected · ann       6 lines below, Esc: newest");
    scene.press(KeyCode::PageDown);
    assert_eq!(history(&scene), lines(15..20));
    for _ in 0..9 {
        scene.press(KeyCode::PageUp);
    }
    let top = history(&scene);
    assert_eq!(top[0], "── 23:59:59  you are ann ──", "the oldest page is a full one");
    assert_eq!(top[1..], lines(0..4));
    scene.event(Event::Key(KeyEvent::new(KeyCode::Down, KeyModifiers::SHIFT)));
    assert_eq!(history(&scene), lines(0..5));
    scene.press(KeyCode::Esc);
    assert_eq!(history(&scene), lines(17..22));
    scene.press(KeyCode::PageUp);
    scene.type_in("x");
    scene.press(KeyCode::Enter);
    assert_eq!(history(&scene)[4], "23:59:59 ann: x", "who speaks wants to see it");
}

#[test]
fn another_size_shows_the_same_place() {
    let mut scene = Scene::in_room(50, 7);
    for i in 0..20 {
        scene.hear(&[&format!("[10:20:31] bob: line {i} that is somewhat longer than a narrow screen")]);
    }
    scene.press(KeyCode::PageUp);
    scene.press(KeyCode::PageUp);
    let newest = |scene: &Scene| {
        let rows = scene.rows();
        let line = rows.iter().rev().find_map(|row| row.split_once("line ")?.1.split(' ').next()?.parse::<u32>().ok());
        line.unwrap()
    };
    let before = newest(&scene);
    for (columns, rows) in [(30, 7), (100, 20), (25, 30), (50, 7)] {
        scene.resize(columns, rows);
        assert_eq!(newest(&scene), before, "{columns} × {rows}: {:#?}", scene.rows());
    }
}

#[test]
fn every_size_is_drawn_and_every_key_taken() {
    let keys =
        [KeyCode::PageUp, KeyCode::PageDown, KeyCode::Left, KeyCode::Tab, KeyCode::Up, KeyCode::Esc, KeyCode::Home];
    for columns in (0..20).chain([59, 60, 61, 200]) {
        for rows in (0..7).chain([50]) {
            let mut scene = Scene::in_room(20, 5);
            scene.resize(columns, rows);
            scene.hear(&[
                "[10:20:31] bob: 漢字仮名 and more than a narrow screen holds",
                "[10:20:31] * 👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀 joined",
            ]);
            for key in keys {
                scene.press(key);
                scene.type_in("漢x");
                scene.draw();
            }
            scene.lost(9, 3);
            scene.draw();
        }
    }
}

#[test]
fn a_screen_that_shrinks_before_the_model_learns_of_it_is_no_fault() {
    let mut scene = Scene::in_room(100, 30);
    scene.type_in(&"long ".repeat(30));
    let mut terminal = Terminal::new(TestBackend::new(10, 3)).unwrap();
    terminal.draw(|frame| scene.view.draw(frame, scene.instant)).unwrap();
}

#[test]
fn a_lost_connection_is_seen_and_counted_down() {
    let mut scene = Scene::in_room(90, 6);
    scene.type_in("unsaid");
    scene.lost(4, 1);
    let rows = scene.rows();
    assert!(rows[3].starts_with("── 23:59:59  the server closed the connection ──"), "{rows:#?}");
    assert_eq!(rows[2], format!("{:70}│", "── 23:59:59  you are ann ──"), "who is here is not known: {rows:#?}");
    assert_eq!(rows[4], " reconnecting in 4 s · the server closed the connection                        Enter: now");
    scene.news(News::Connecting { attempt: 1 });
    assert!(scene.rows()[4].starts_with(" reconnecting now · the server"), "{:#?}", scene.rows());
    scene.news(News::Lost("cannot connect to localhost:5555: connection refused: is the server running? (why)".into()));
    scene.news(News::Waiting { until: scene.instant + Duration::from_millis(8_500), attempt: 2 });
    assert_eq!(
        scene.rows()[4],
        " reconnecting in 9 s (attempt 2) · cannot connect to localhost:5555: connect…  Enter: now"
    );
    assert_eq!(scene.view.next_change(scene.instant), Some(scene.instant + Duration::from_nanos(500_000_001)));
    scene.instant += Duration::from_secs(8);
    assert!(scene.rows()[4].starts_with(" reconnecting in 1 s (attempt 2)"), "{:#?}", scene.rows());
    scene.resize(40, 6);
    assert_eq!(scene.rows()[4], " reconnecting in 1 s (attempt 2)");
    scene.resize(90, 6);

    scene.press(KeyCode::Enter);
    assert_eq!(scene.done, [Action::Retry]);
    assert!(scene.rows()[4].ends_with("not said: there is no connection"), "{:#?}", scene.rows());
    assert_eq!(scene.rows()[5], "ann> unsaid", "what was written is kept");
    scene.come_in();
    assert!(scene.rows()[3].starts_with("── 23:59:59  connected again; you are ann ──"), "{:#?}", scene.rows());
    assert!(scene.rows()[4].ends_with("  /help  /quit"), "{:#?}", scene.rows());
    assert_eq!(scene.view.next_change(scene.instant), None);
    scene.press(KeyCode::Enter);
    assert_eq!(scene.said(), ["unsaid"]);
    scene.lost(4, 1);
    assert!(scene.rows()[5].starts_with("ann> What you write is kept"), "{:#?}", scene.rows());
}

#[test]
fn a_line_that_was_still_coming_when_the_connection_was_lost_is_not_heard_in_the_next() {
    let mut scene = Scene::in_room(60, 6);
    scene.lost(4, 1);
    scene.hear(&["[10:20:31] bob: late"]);
    assert!(!scene.rows().concat().contains("late"), "{:#?}", scene.rows());
}

#[test]
fn coming_in_is_said_to_the_connection_that_was_made() {
    let mut scene = Scene::new(60, 6);
    scene.news(News::Connected(Connection::default()));
    let connection = Connection::default();
    let said = |line: &str| Action::Say(connection, line.to_owned());
    assert_eq!(scene.done, [said("ann"), said("/history 200"), said("/who")]);
}

#[test]
fn there_are_several_ways_to_leave() {
    let mut scene = Scene::in_room(60, 6);
    scene.control('c');
    assert_eq!(scene.done, [Action::Leave]);
    scene.done.clear();
    scene.type_in("x");
    scene.press(KeyCode::Left);
    scene.control('d');
    assert_eq!(scene.done, [], "it deletes where there is something");
    scene.control('d');
    assert_eq!(scene.done, [Action::Leave]);
    scene.done.clear();
    scene.type_in("/quit");
    scene.press(KeyCode::Enter);
    assert_eq!(scene.done, [Action::Say(Connection::default(), "/quit".into()), Action::Leave]);
    scene.done.clear();
    scene.lost(30, 9);
    scene.type_in("/quit");
    scene.press(KeyCode::Enter);
    assert_eq!(scene.done, [Action::Leave], "also without a connection");
}

#[test]
fn other_keys_are_for_the_terminal() {
    let mut scene = Scene::in_room(60, 6);
    scene.control('l');
    scene.control('z');
    assert_eq!(scene.done, [Action::Redraw, Action::Suspend]);
    scene.type_in("b");
    scene.press(KeyCode::Tab);
    scene.event(Event::Pasted("two\nlines".into()));
    assert_eq!(scene.rows()[5], "ann> bob: two lines");
    let mut release = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE);
    release.kind = KeyEventKind::Release;
    scene.event(Event::Key(release));
    assert_eq!(scene.rows()[5], "ann> bob: two lines");
}

#[test]
fn more_people_than_rows_are_counted() {
    let mut scene = Scene::in_room(60, 6);
    for i in 0..10 {
        scene.hear(&[&format!("[10:20:31] * member {i} joined")]);
    }
    let rows = scene.rows();
    assert!(rows[0].ends_with("│ Here") && rows[2].ends_with("│ bob"), "{rows:#?}");
    assert!(rows[3].ends_with("│ and 10 more"), "{rows:#?}");
    assert!(rows[4].contains("12 here"), "{rows:#?}");
}

#[test]
fn colours_are_used_only_where_they_are_wanted() {
    let coloured = |palette| {
        let mut scene = Scene::with_palette(70, 10, palette);
        scene.come_in();
        scene.hear(&["[10:20:31] bob: hi", "[10:20:31] bob (private): hi", "[ERROR] no", "* yes"]);
        let connected = scene.draw().0;
        scene.lost(3, 1);
        let lost = scene.draw().0;
        let cells = connected.content.into_iter().chain(lost.content);
        cells.filter(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset)).count()
    };
    assert_eq!(coloured(Palette::NoColours), 0);
    assert!(coloured(Palette::Colours) > 20);
}

#[test]
fn no_control_character_reaches_the_terminal() {
    let mut scene = Scene::in_room(60, 8);
    scene.hear(&[
        "[10:20:31] bob: a\u{1b}[2Jb\u{9b}31mc\u{7}d\u{202e}e",
        "[10:20:31] * x\u{1b}c joined",
        "* \u{1b}]0;title\u{7}",
        "[ERROR] \u{1b}[31m",
        "\u{1b}P",
    ]);
    scene.event(Event::Pasted("\u{1b}[31m".into()));
    let (buffer, _) = scene.draw();
    let obeyed = |c: char| c.is_control() || c == '\u{202e}';
    assert!(buffer.content.iter().all(|cell| !cell.symbol().contains(obeyed)), "{:#?}", scene.rows());
    assert!(scene.rows().concat().contains("bob: a?[2Jb?31mc?d?e"), "{:#?}", scene.rows());
}
