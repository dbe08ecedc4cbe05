//! At which of this machine's addresses a datagram arrived, so that the answer leaves from there.
//!
//! A socket that is bound to all addresses (`0.0.0.0`, `[::]`) sends from the one that the system finds best on the way to the
//! peer. A peer that had asked another one, and has connected its socket, never gets to see such an answer.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt};

/// A datagram that came.
pub(crate) struct Arrived {
    /// How many of its bytes are in the buffer.
    pub(crate) bytes: usize,
    /// Whether there were more.
    pub(crate) cut: bool,
    /// Who sent it.
    pub(crate) peer: Option<SocketAddr>,
    /// Where it arrived.
    pub(crate) at: At,
}

/// An address of this machine, as the system wants it to be told.
#[derive(Clone, Copy)]
pub(crate) enum At {
    /// The one that the socket is bound to, or the system's choice.
    Socket,
    V4(in_pktinfo),
    V6(in6_pktinfo),
}

/// Has the system tell where datagrams arrive at `socket`, if that is not known already.
pub(crate) fn ask(socket: &UdpSocket) -> io::Result<()> {
    match socket.local_addr()? {
        address if !address.ip().is_unspecified() => Ok(()),
        SocketAddr::V4(_) => Ok(setsockopt(socket, Ipv4PacketInfo, &true)?),
        SocketAddr::V6(_) => Ok(setsockopt(socket, Ipv6RecvPacketInfo, &true)?),
    }
}

/// Receives a datagram into `buffer`.
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrived> {
    let mut space = nix::cmsg_space!(in_pktinfo, in6_pktinfo);
    let mut slices = [IoSliceMut::new(buffer)];
    let received =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(space.as_mut_slice()), MsgFlags::empty())?;
    let at = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(At::V4(info)),
        // An answer cannot come from an address that is of many machines.
        ControlMessageOwned::Ipv6PacketInfo(info) if info.ipi6_addr.s6_addr[0] != 0xff => Some(At::V6(info)),
        _ => None,
    });
    Ok(Arrived {
        bytes: received.bytes,
        cut: received.flags.contains(MsgFlags::MSG_TRUNC),
        peer: received.address.as_ref().and_then(address),
        at: at.unwrap_or(At::Socket),
    })
}

/// Sends `answer` to `peer` from where its datagram arrived, by whichever interface leads there.
pub(crate) fn send(socket: &UdpSocket, answer: &[u8], peer: SocketAddr, from: At) -> io::Result<()> {
    let send = |messages: &[ControlMessage<'_>]| {
        let (answer, peer) = ([IoSlice::new(answer)], SockaddrStorage::from(peer));
        sendmsg(socket.as_raw_fd(), &answer, messages, MsgFlags::empty(), Some(&peer))
    };
    match from {
        At::Socket => send(&[])?,
        At::V4(info) => send(&[ControlMessage::Ipv4PacketInfo(&in_pktinfo { ipi_ifindex: 0, ..info })])?,
        At::V6(info) => send(&[ControlMessage::Ipv6PacketInfo(&in6_pktinfo { ipi6_ifindex: 0, ..info })])?,
    };
    Ok(())
}

fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from.as_sockaddr_in().map(|address| SocketAddrV4::from(*address).into());
    v4.or_else(|| from.as_sockaddr_in6().map(|address| SocketAddrV6::from(*address).into()))
}
