//! Unix sockets that carry descriptors.
//!
//! # References
//! unix(7) `SCM_RIGHTS`, `SO_PEERCRED`; recvmsg(2) `MSG_CMSG_CLOEXEC`, `MSG_CTRUNC`; socket(7)
//! `SO_DOMAIN`.
use core::mem::MaybeUninit;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::vec::Vec;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, sendmsg, sockopt,
};

/// Whether it is a Unix socket; an error if it is no socket.
pub(crate) fn is_unix(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(sockopt::socket_domain(socket)? == AddressFamily::UNIX)
}

/// Sends `bytes`, and with the first of them a descriptor.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
    let mut rest = bytes;
    let mut fd = fd;
    while !rest.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = fd.map(|fd| [fd]);
        if let Some(fds) = &fds {
            control.push(SendAncillaryMessage::ScmRights(fds));
        }
        let sent =
            retry_on_intr(|| sendmsg(socket, &[IoSlice::new(rest)], &mut control, SendFlags::NOSIGNAL))?;
        fd = None;
        rest = rest.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// What came through a socket.
pub(crate) struct Received {
    /// How many bytes; fewer than asked for only if the peer has closed the connection.
    pub(crate) len: usize,
    pub(crate) fds: Vec<OwnedFd>,
    /// Whether the kernel had to drop descriptors.
    pub(crate) lost_fds: bool,
}

/// Receives until `bytes` is full, and all descriptors that come with them.
pub(crate) fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<Received, Errno> {
    let mut received = Received { len: 0, fds: Vec::new(), lost_fds: false };
    while let Some(rest @ [_, ..]) = bytes.get_mut(received.len..) {
        // More than one: so an additional descriptor is seen, and closed.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let message = loop {
            match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(rest)], &mut control, flags) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                received.fds.extend(fds);
            }
        }
        received.lost_fds |= message.flags.contains(ReturnFlags::CTRUNC);
        if message.bytes == 0 {
            break;
        }
        received.len += message.bytes;
    }
    Ok(received)
}
