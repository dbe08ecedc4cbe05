//! The servers on a TAP interface, in a network namespace of their own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};
use smoltcp_demo::device::{FinLast, TapDevice, TapWatch};
use smoltcp_demo::tap::{self, TapSettings};

use super::echo::{RawEcho, Sizes, framed};
use super::{BUFFER, CROWD, Contender, Outcome, PORT, RING, SMALL, Task, kernel};

/// Where this process is.
pub(crate) enum Place {
    /// In the namespace.
    Inside,
    /// Outside, and the process that was inside has done its part.
    Outside,
}

/// Set for the process inside the namespace.
const INSIDE: &str = "FRAMEWRIGHT_INSIDE_NAMESPACE";
const SERVER: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);

/// Runs this program again, in a namespace; there it tells that it is inside.
pub(crate) fn in_a_namespace() -> Result<Place, String> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(Place::Inside);
    }
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "--", "sh", "-c", r#"ip link set lo up && exec "$@""#, "sh"])
        .arg(this)
        .args(std::env::args().skip(1))
        .env(INSIDE, "1")
        .status();
    match status {
        Ok(status) if status.success() => Ok(Place::Outside),
        Ok(status) => Err(format!("this needs root, or namespaces for users ({status})")),
        Err(error) => Err(format!("unshare: {error}")),
    }
}

/// Measures one contender at one task, for so long.
pub(crate) fn measure(contender: Contender, task: Task, time: Duration) -> Outcome {
    if contender == Contender::Linux {
        return kernel::of_linux(task, time);
    }
    let sizes = match task {
        Task::Crowd(_) => Sizes { slots: CROWD, ring: SMALL, buffer: SMALL },
        Task::Stream(_) | Task::PingPong(_) => Sizes { slots: 4, ring: RING, buffer: BUFFER },
    };
    let (stop, mut stopper) = UnixStream::pair().expect("a pair of sockets");
    let (ready, is_ready) = channel();
    let server = thread::spawn(move || {
        let host = Ipv4Cidr::new(Ipv4Address::new(192, 168, 69, 100), 24);
        let settings = TapSettings { name: "fwbench".into(), device: Ipv4Cidr::new(SERVER, 24), host };
        let (mut device, watch) = tap::open(&settings).expect("an interface");
        match contender {
            Contender::Framed => {
                let mut device = FinLast::new(device);
                let mut server = framed(tap::interface(&mut device, &settings, 1), sizes);
                ready.send(()).expect("somebody waits");
                tap::serve(&mut server, &mut device, &watch, &stop, &mut |_| ());
            }
            Contender::Raw | Contender::Linux => {
                let server = RawEcho::new(tap::interface(&mut device, &settings, 1), sizes);
                ready.send(()).expect("somebody waits");
                serve_raw(server, device, &watch, &stop);
            }
        }
    });
    is_ready.recv().expect("a server");
    let outcome = kernel::ask((SERVER, PORT).into(), task, time);
    stopper.write_all(b".").expect("told to stop");
    server.join().expect("the server's end");
    outcome
}

/// The loop of smoltcp's examples, which sleeps in the same way as ours.
fn serve_raw(mut server: RawEcho, mut device: TapDevice, watch: &TapWatch, stop: &UnixStream) {
    let begin = Instant::now();
    let now = || StackInstant::from_micros(i64::try_from(begin.elapsed().as_micros()).expect("a short time"));
    stop.set_nonblocking(true).expect("set");
    loop {
        let (moved, next) = server.poll(now(), &mut device);
        let wait =
            if moved { Duration::ZERO } else { next.map_or(Duration::from_secs(1), |next| (next - now()).into()) };
        if moved {
            if (&*stop).read(&mut [0]).is_ok() {
                return;
            }
            continue;
        }
        let timeout = Timespec::try_from(wait).expect("a short time");
        let mut fds = [PollFd::new(watch, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let _ = poll(&mut fds, Some(&timeout));
        if !fds[1].revents().is_empty() {
            return;
        }
    }
}
