//! The terminal of the full-screen chat: keys in, frames out, and everything put back at the end, however it ends.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic;
use std::process;
use std::sync::Once;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use framewright_host::{Address, ClientConfig};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect, Size};
use rustix::process::{Signal, kill_current_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::heard::Stamp;
use super::link::{self, Link, News};
use super::palette::Palette;
use super::view::{Action, Event, View};
use crate::command::Failure;

/// Talks until the user leaves.
///
/// # Errors
/// There is no connection at first, or the terminal fails. (A connection that is lost later is made again.)
pub(super) fn run(server: &Address, config: ClientConfig, name: &str) -> Result<(), Failure> {
    let client = link::connect(server, config)?;
    let (tell, happened) = mpsc::sync_channel(WAITING);
    watch_signals(tell.clone())?;
    let mut screen = Screen::enter()?;
    let link = Link::keep_up(client, server.clone(), config, tell.clone())?;
    read_keys(tell)?;
    let view = View::new(server.to_string(), name, Palette::from_environment(), screen.size()?);
    let end = talk(&mut screen, view, &link, &happened);
    drop(screen);
    match end? {
        End::Left => Ok(()),
        // As if it had not been caught, so that who sent it sees that it was obeyed.
        End::Signal(signal) => Ok(emulate_default_handler(signal)?),
    }
}

/// Something that one of the threads has to tell.
#[derive(Debug)]
enum Happened {
    Terminal(event::Event),
    TerminalFailed(io::Error),
    News(News),
    Signal(i32),
}

impl From<News> for Happened {
    fn from(news: News) -> Self {
        Self::News(news)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Left,
    Signal(i32),
}

fn talk(screen: &mut Screen, mut view: View, link: &Link, happened: &Receiver<Happened>) -> Result<End, Failure> {
    loop {
        screen.draw(&view)?;
        let drawn = Instant::now();
        let mut next = match view.next_change(drawn) {
            Some(at) => match happened.recv_timeout(at.saturating_duration_since(drawn)) {
                Err(RecvTimeoutError::Timeout) => continue,
                next => next.ok(),
            },
            None => happened.recv().ok(),
        };
        // What comes until the next frame is due is in that frame.
        while let Some(what) = next {
            let event = match what {
                Happened::Terminal(event) => from_terminal(event),
                Happened::News(news) => Some(Event::News(news)),
                Happened::TerminalFailed(error) => return Err(format!("cannot read from the terminal: {error}").into()),
                Happened::Signal(SIGCONT) => {
                    screen.resume()?;
                    Some(Event::Resized(screen.size()?))
                }
                Happened::Signal(signal) => return Ok(End::Signal(signal)),
            };
            let online = view.is_online();
            for action in event.into_iter().flat_map(|event| view.handle(event, now())) {
                match action {
                    Action::Say(connection, text) => link.say(connection, text),
                    Action::Retry => link.retry(),
                    Action::Redraw => screen.redraw()?,
                    Action::Suspend => screen.suspend()?,
                    Action::Leave => {
                        link.leave();
                        if online {
                            wait_for_goodbye(happened);
                        }
                        return Ok(End::Left);
                    }
                }
            }
            let left = FRAME.saturating_sub(drawn.elapsed());
            next = if left.is_zero() { None } else { happened.recv_timeout(left).ok() };
        }
    }
}

/// Waits a moment until the link has closed the connection in order.
fn wait_for_goodbye(happened: &Receiver<Happened>) {
    let until = Instant::now() + GOODBYE;
    loop {
        match happened.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Happened::News(News::Left)) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn from_terminal(event: event::Event) -> Option<Event> {
    match event {
        event::Event::Key(key) => Some(Event::Key(key)),
        event::Event::Paste(text) => Some(Event::Pasted(text)),
        event::Event::Resize(columns, rows) => Some(Event::Resized(Size::new(columns, rows))),
        event::Event::FocusGained | event::Event::FocusLost | event::Event::Mouse(_) => None,
    }
}

/// The time of day here.
fn now() -> Stamp {
    let time = jiff::Zoned::now().time();
    let part = i8::unsigned_abs;
    Stamp { hour: part(time.hour()), minute: part(time.minute()), second: part(time.second()) }
}

/// The terminal while it is ours. Dropping this gives it back.
struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = panic::take_hook();
            panic::set_hook(Box::new(move |fault| {
                // Also when it is another thread that panics: nobody could read the report on our screen.
                give_back();
                report(fault);
                process::exit(PANICKED);
            }));
        });
        take()
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stdout()))))
            .map(|terminal| Self { terminal })
            .inspect_err(|_| give_back())
    }

    fn draw(&mut self, view: &View) -> io::Result<()> {
        self.terminal.draw(|frame| view.draw(frame, Instant::now()))?;
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Gives the terminal back, and stops this job as Ctrl-Z does; comes back when it is continued.
    fn suspend(&mut self) -> io::Result<()> {
        give_back();
        kill_current_process_group(Signal::TSTP)?;
        self.resume()
    }

    /// Somebody else may have used the terminal.
    fn resume(&mut self) -> io::Result<()> {
        // Whatever its mode is now: without this the old one would be believed.
        disable_raw_mode()?;
        take()?;
        self.redraw()
    }

    /// Has the next frame drawn whole.
    fn redraw(&mut self) -> io::Result<()> {
        // `clear` would ask the terminal where its cursor is, and the answer would be taken for keys.
        let size = self.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

fn give_back() {
    // Errors mean that the terminal is gone.
    let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = io::stdout().flush();
    let _ = disable_raw_mode();
}

/// Tells of keys, from a thread of its own: reading a terminal cannot be interrupted.
fn read_keys(tell: SyncSender<Happened>) -> io::Result<()> {
    let read = move || {
        loop {
            let (what, more) = match event::read() {
                Ok(event) => (Happened::Terminal(event), true),
                Err(error) => (Happened::TerminalFailed(error), false),
            };
            if tell.send(what).is_err() || !more {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".into()).spawn(read)?;
    Ok(())
}

/// Tells of signals, from a thread of its own.
fn watch_signals(tell: SyncSender<Happened>) -> io::Result<()> {
    let mut signals = Signals::new([SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM])?;
    let watch = move || {
        for signal in signals.forever() {
            if tell.send(Happened::Signal(signal)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch)?;
    Ok(())
}

/// What may wait to be shown; when it is full, no more is read from the server.
const WAITING: usize = 1024;

/// Between two frames, at least.
const FRAME: Duration = Duration::from_millis(15);

/// How long leaving may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The exit status of a program of Rust that panicked.
const PANICKED: i32 = 101;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// This test runs itself once more, in a pseudo-terminal, where it panics on the screen.
    #[test]
    fn a_panic_in_any_thread_gives_the_terminal_back_and_can_be_read() {
        const INSIDE: &str = "FRAMEWRIGHT_TEST_PANICS_ON_THE_SCREEN";
        if std::env::var_os(INSIDE).is_some() {
            let _screen = Screen::enter().unwrap();
            let _ = thread::spawn(|| panic!("on purpose")).join();
            unreachable!("the program goes on after a panic");
        }
        let (mut pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(24, 80)).unwrap();
        let name = "command::chat::screen::tests::a_panic_in_any_thread_gives_the_terminal_back_and_can_be_read";
        let command = pty_process::blocking::Command::new(std::env::current_exe().unwrap());
        let command = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").env("TERM", "xterm");
        let mut child = command.spawn(pts).unwrap();
        let mut seen = Vec::new();
        // The end of the terminal's use is told as an error.
        let _ = pty.read_to_end(&mut seen);
        assert_eq!(child.wait().unwrap().code(), Some(PANICKED));
        let seen = String::from_utf8(seen).unwrap();
        let (before, report) = seen.rsplit_once("\u{1b}[?1049l").expect("the main screen is shown again");
        assert!(before.contains("\u{1b}[?1049h") && before.contains("\u{1b}[?2004l"), "{seen:?}");
        assert!(report.contains("\u{1b}[?25h") && report.contains("on purpose"), "{seen:?}");
    }
}
