//! The server on a TAP interface of Linux: makes the interface, serves until it is told to stop, leaves nothing behind.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant as SystemInstant};

use framewright::{Instant, WallClock};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::iface::{Config, Interface};
use smoltcp::phy::Device;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Cidr};
use tun_rs::{DeviceBuilder, Layer};

use crate::assembly::HostServer;
use crate::clock::to_smoltcp;
use crate::device::{Health, Line, TapDevice, TapWatch};
use crate::pool::Event;
use crate::services::StateRef;

/// How the interface is called and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapSettings {
    /// The name of the interface.
    pub name: String,
    /// The address of the server, behind the interface.
    pub device: Ipv4Cidr,
    /// The address of this machine on the interface.
    pub host: Ipv4Cidr,
}

/// An interface that cannot be had.
#[derive(Debug)]
pub struct TapError {
    settings: TapSettings,
    doing: Doing,
    error: io::Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Creating,
    Preparing,
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to, and every connection was closed in order.
    Stopped,
    /// It was told to, and some connections did not close in time.
    Impatient,
    /// The interface was removed.
    Gone,
}

/// The server's Ethernet address: made up, and marked as such.
const MAC: EthernetAddress = EthernetAddress([0x02, 0x46, 0x57, 0, 0, 1]);
/// Where the system has its TAP driver.
const DRIVER: &str = "/dev/net/tun";
/// How long clients may take to close when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long to wait when the interface fails: what is wrong may make it ready for reading all the time.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the system's clock is believed before it is asked again.
const FRESH: Duration = Duration::from_secs(1);
/// How often a busy server asks whether it is to stop: that is a call of the system, as dear as to serve a client.
const HEARD: Duration = Duration::from_millis(1);

/// Makes the interface, or takes one of this name that is there, and sets its address and that it is up, where that is allowed; else it
/// must have been done before.
///
/// It goes away with the device, unless somebody made it to stay.
///
/// # Errors
/// It cannot be made, or not be taken.
pub fn open(settings: &TapSettings) -> Result<(TapDevice, TapWatch), TapError> {
    let failed = |doing, error| TapError { settings: settings.clone(), doing, error };
    let builder = || DeviceBuilder::new().name(&settings.name).layer(Layer::L2);
    let host = settings.host;
    let configured = builder().ipv4(host.address(), host.prefix_len(), None).enable(true).build_sync();
    let interface = match configured {
        // Whoever made the interface for us has set the rest too.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            builder().inherit_enable_state().build_sync().map_err(|_| failed(Doing::Creating, error))?
        }
        configured => configured.map_err(|error| failed(Doing::Creating, error))?,
    };
    TapDevice::new(interface).map_err(|error| failed(Doing::Preparing, error))
}

/// The stack's interface on the device, at the device's address, with this machine as its way to everywhere else. Sequence
/// numbers come from `seed`.
///
/// # Panics
/// Never: a new interface has room for one address and one route.
pub fn interface(device: &mut impl Device, settings: &TapSettings, seed: u64) -> Interface {
    let mut config = Config::new(MAC.into());
    config.random_seed = seed;
    let mut interface = Interface::new(config, device, to_smoltcp(Instant::ZERO));
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::Ipv4(settings.device)).expect("an interface has room for one address");
    });
    interface.routes_mut().add_default_ipv4_route(settings.host.address()).expect("a table has room for one route");
    interface
}

/// Serves until `stop` is readable, or the interface is gone. `log` is told what happens.
pub fn serve<D: Line>(
    server: &mut HostServer,
    device: &mut D,
    watch: &TapWatch,
    stop: &impl AsFd,
    log: &mut dyn FnMut(&dyn fmt::Display),
) -> Ending {
    let origin = SystemInstant::now();
    let now = || Instant::from_micros(u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut health = Health::Good;
    let mut farewell = None;
    let mut clock_read = None;
    let mut listened = Instant::ZERO;
    loop {
        let time = now();
        if clock_read.is_none_or(|read| time >= read + FRESH) {
            server.pool().services().state().state().set_clock(wall_clock(time));
            clock_read = Some(time);
        }
        let turn = server.poll(time, device, &mut |event: Event| log(&event));
        if watch.health() != health {
            health = watch.health();
            log(&health);
        }
        if health == Health::Gone {
            return Ending::Gone;
        }
        if let Some(end) = farewell {
            if server.pool().is_deserted() {
                return Ending::Stopped;
            }
            if time >= end {
                return Ending::Impatient;
            }
        }
        if turn.moved && health == Health::Good {
            // There may be more. But somebody who wants it to stop must be heard above the busiest clients.
            if time >= listened + HEARD {
                listened = time;
                if farewell.is_none() && is_stopped(stop) {
                    farewell = Some(begin_farewell(server, time));
                }
            }
            continue;
        }
        let next = turn.next.into_iter().chain(farewell).min();
        let mut wait = next.map(|next| next.saturating_since(now()));
        if let Health::Failing(_) = health {
            std::thread::sleep(PAUSE);
            wait = Some(Duration::ZERO);
        }
        if wait_for(watch, stop, farewell.is_none(), wait) && farewell.is_none() {
            farewell = Some(begin_farewell(server, now()));
        }
    }
}

fn begin_farewell(server: &mut HostServer, now: Instant) -> Instant {
    server.pool_mut().shutdown(now);
    now + FAREWELL
}

/// Sleeps until a frame has come, it is time, or the server is to stop, and that was not heard yet. Whether it is to stop.
fn wait_for(watch: &TapWatch, stop: &impl AsFd, listen: bool, wait: Option<Duration>) -> bool {
    // Rounded by nobody: the system takes nanoseconds.
    let timeout = wait.and_then(|wait| Timespec::try_from(wait).ok());
    let mut fds = [PollFd::new(watch, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    let fds = if listen { &mut fds[..] } else { &mut fds[..1] };
    // Interrupted by a signal: then the pipe says so the next time.
    if poll(fds, timeout.as_ref()).is_err() {
        return false;
    }
    fds.get(1).is_some_and(|stop| !stop.revents().is_empty())
}

fn is_stopped(stop: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(stop, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// The local time, by the system's clock and time zone.
fn wall_clock(now: Instant) -> WallClock {
    let time = jiff::Timestamp::now();
    let offset = jiff::tz::TimeZone::system().to_offset(time);
    WallClock::new(time.as_microsecond(), offset.seconds(), now)
}

impl TapError {
    /// What is wrong, in a few words.
    pub fn reason(&self) -> String {
        let name = &self.settings.name;
        let why = self.error.to_string();
        match self.doing {
            Doing::Creating => format!("the TAP interface {name} cannot be had: {why}"),
            Doing::Preparing => format!("the TAP interface {name} cannot be used: {why}"),
        }
    }
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TapSettings { name, host, .. } = &self.settings;
        writeln!(f, "{}", self.reason())?;
        match self.error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::NOENT | rustix::io::Errno::NODEV | rustix::io::Errno::NXIO) => {
                write!(f, "This system has no TAP driver. As root: modprobe tun")
            }
            Some(rustix::io::Errno::BUSY) => {
                write!(f, "Another program uses it. Choose another name with --tap NAME")
            }
            Some(errno @ (rustix::io::Errno::PERM | rustix::io::Errno::ACCESS)) => {
                writeln!(f, "Run this command as root, or make the interface for this user, once:")?;
                if errno == rustix::io::Errno::ACCESS {
                    // Most systems let everybody open it: whose interface may be used is another question.
                    writeln!(f, "    sudo chmod a+rw {DRIVER}")?;
                }
                writeln!(f, "    sudo ip tuntap add dev {name} mode tap user $(id -un)")?;
                writeln!(f, "    sudo ip address add {host} dev {name}")?;
                writeln!(f, "    sudo ip link set dev {name} up")?;
                write!(f, "Later, to remove it: sudo ip link delete dev {name}")
            }
            _ => write!(f, "See `ip link show dev {name}`, or choose another name with --tap NAME"),
        }
    }
}

impl std::error::Error for TapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("the interface works again"),
            Self::Failing(code) => {
                let error = io::Error::from_raw_os_error(*code);
                write!(f, "the interface does not take frames (is it down?): {error}; waiting for it to come back")
            }
            Self::Gone => f.write_str("the interface was removed"),
        }
    }
}
