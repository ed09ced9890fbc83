//! A parent gives one end of a ring to a child process in a sandbox: the child has another user
//! namespace, sees an empty `/dev/shm`, and gets the segment over a socket.
//!
//! ```text
//! cargo run --example sandbox
//! ```
//! The segment has no name, and it is sealed: the child can neither find other segments nor cut this
//! one. Where the system refuses namespaces, the example says so and ends.
use std::error::Error;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use ringway::spsc::Spsc;
use ringway::{Departure, Grant, Options, PopError, Segment};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("child") { child() } else { parent() }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let segment =
        Segment::builder().ring::<Spsc, [u8]>("lines", &Options::new()).create_anonymous("sandbox")?;
    let mut lines = segment.ring::<Spsc, [u8]>("lines")?.producer()?;

    // The child's standard input is one end of the socket.
    let (here, there) = UnixStream::pair()?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("child")
        .stdin(Stdio::from(OwnedFd::from(there)))
        .spawn()?;
    segment.send_to(&here, Grant::Join)?;
    for line in ["a line", "another line"] {
        lines.push(line.as_bytes())?;
    }
    lines.close()?;
    if child.wait()?.success() { Ok(()) } else { Err("the child failed".into()) }
}

fn child() -> Result<(), Box<dyn Error>> {
    if let Err(error) = enter_sandbox() {
        println!("skipped: this system refuses a sandbox: {error}");
        return Ok(());
    }
    println!("the child sees {} files in /dev/shm", std::fs::read_dir("/dev/shm")?.count());

    // In its user namespace, the parent's user has no number, and the creator of the segment appears
    // as the user that stands for all of those.
    let nobody = rustix::process::geteuid().as_raw();
    let segment = Segment::receive_from_with(std::io::stdin(), &Options::new().owner(nobody))?;
    let mut lines = segment.ring::<Spsc, [u8]>("lines")?.consumer()?;
    loop {
        match lines.read() {
            Ok(line) => println!("the child reads: {}", line.payload().to_vec().escape_ascii()),
            Err(PopError::Closed(Departure::Finished)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn enter_sandbox() -> rustix::io::Result<()> {
    // SAFETY: the table of open files stays shared, so no descriptor becomes another file.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount("tmpfs", "/dev/shm", "tmpfs", MountFlags::RDONLY, c"")
}
