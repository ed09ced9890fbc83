//! Anonymous segments: sealed, and handed over sockets.
#![allow(clippy::disallowed_types)]

use std::fs::{self, File};
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{
    Builder, Door, Grant, LayoutError, Options, PopError, Presence, Role, SeatError, Segment, SegmentError,
    TransferError,
};
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg,
    socketpair,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use support::process::{Act, Child, hear, run, say};

/// What child processes of these tests do.
pub const ROLES: &[(&str, Act)] = &[
    ("knock and consume", knock_and_consume),
    ("knock and say the error", knock_and_say_the_error),
    ("hand over without proc", hand_over_without_proc),
    ("run out of descriptors", run_out_of_descriptors),
    ("be handed a segment as another user", be_handed_a_segment_as_another_user),
];

fn robot() -> Builder<'static> {
    let small = Options::new().capacity(8).max_producers(2);
    Segment::builder().ring::<Spsc, u64>("ticks", &small).ring::<Mpsc, [u8]>("log", &small)
}

/// One with a label that no other test has.
fn anonymous() -> Segment {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    robot().create_anonymous(&format!("robot-{}", NUMBER.fetch_add(1, Relaxed))).unwrap()
}

/// An address that no other test has.
fn address(what: &str) -> String {
    format!("@ringway-test-{what}-{}", std::process::id())
}

/// A descriptor of the segment's file, by the name that it has in `/proc`.
fn descriptor(segment: &Segment) -> File {
    let name = format!("/{} (deleted)", segment.path().display());
    let fds = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let found = fds.filter(|fd| fs::read_link(fd).is_ok_and(|link| link.as_os_str() == &*name));
    File::options().read(true).write(true).open(found.last().unwrap()).unwrap()
}

#[track_caller]
fn assert_tells(error: &TransferError, is_meant: bool, words: &[&str]) {
    assert!(is_meant, "{error:?}");
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{text}` does not say `{word}`");
    }
}

/// Sends bytes and descriptors, as the library would or would not.
fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(fds)));
    let sent = sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
    assert_eq!(sent, bytes.len());
}

/// The message that goes with a segment of `len` bytes.
fn message(len: u64) -> [u64; 4] {
    [u64::from_le_bytes(*b"RINGWAYH"), 1, 1, len]
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// What `receive_from` says when these come.
fn told(bytes: &[u8], fds: &[BorrowedFd<'_>]) -> TransferError {
    let (here, there) = UnixStream::pair().unwrap();
    send(&here, bytes, fds);
    drop(here);
    Segment::receive_from(&there).unwrap_err()
}

// ---- the facts on which it rests

/// Locks all bytes of a file for what was opened. `None` if another opening has a lock.
fn lock(file: impl AsFd) -> Option<()> {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut request: libc::flock = unsafe { std::mem::zeroed() };
    request.l_type = libc::F_WRLCK as _;
    // SAFETY: the descriptor is open, and the structure is what the command takes.
    let done = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_OFD_SETLK, &request) };
    (done == 0).then_some(())
}

#[test]
fn a_descriptor_that_is_passed_as_it_is_proves_nothing_and_opened_anew_it_does() {
    let segment = anonymous();
    let own = descriptor(&segment);
    lock(&own).unwrap();
    // As passing it over a socket does, in another process.
    let passed = own.try_clone().unwrap();
    assert!(lock(&passed).is_some(), "it takes the lock of its owner");
    let anew =
        File::options().read(true).write(true).open(format!("/proc/self/fd/{}", passed.as_raw_fd())).unwrap();
    assert!(lock(&anew).is_none(), "it finds that another holds it");
    drop((own, passed));
    assert!(lock(&anew).is_some(), "until that one is gone");
}

/// Gets the segment at a door and holds its consumer's seat until it is killed.
fn knock_and_consume(words: &[&str]) {
    let options = Options::new().label("guest");
    let segment = Segment::knock_with(words[0], &options).unwrap();
    let mut rx = segment.ring::<Spsc, u64>("ticks").unwrap().consumer().unwrap();
    assert_eq!(rx.pop(), Ok(1));
    say("attached");
    hear();
}

#[test]
fn a_handed_over_segment_proves_life_and_death() {
    let address = &address("life");
    let (segment, door) = (anonymous(), Door::bind(address).unwrap());
    let mut child = Child::start("knock and consume", &[address]);
    let (peer, grant) = door.accept_one(&segment, |_| Some(Grant::Join)).unwrap();
    assert_eq!((u64::from(peer.pid), grant), (child.id(), Some(Grant::Join)));
    assert_eq!(peer.uid, rustix::process::geteuid().as_raw());

    let ticks = segment.ring::<Spsc, u64>("ticks").unwrap();
    let mut tx = ticks.producer().unwrap();
    tx.push(&1).unwrap();
    child.expect("attached");
    let is_here = || matches!(ticks.presence(Role::Consumer), Presence::Here(who) if who.pid == child.id());
    assert!(is_here());
    assert!(matches!(ticks.consumer(), Err(SeatError::SeatTaken { .. })));
    child.stop();
    let is_here = || matches!(ticks.presence(Role::Consumer), Presence::Here(who) if who.pid == child.id());
    assert!(is_here(), "a stopped process lives");
    child.kill();
    let presence = ticks.presence(Role::Consumer);
    assert!(matches!(presence, Presence::Died(who) if who.label.to_string() == "guest"), "{presence:?}");
    // The next one goes on.
    tx.push(&2).unwrap();
    assert_eq!(ticks.consumer().unwrap().pop(), Ok(2));
}

/// Seats of the sender and of the receiver exclude each other, also within one process.
#[test]
fn each_participant_has_locks_of_its_own() {
    let (here, there) = UnixStream::pair().unwrap();
    let sent = anonymous();
    sent.send_to(&here, Grant::Join).unwrap();
    let received = Segment::receive_from(&there).unwrap();
    let [ours, theirs] = [&sent, &received].map(|segment| segment.ring::<Spsc, u64>("ticks").unwrap());
    let tx = ours.producer().unwrap();
    assert!(matches!(theirs.producer(), Err(SeatError::SeatTaken { .. })));
    drop(tx);
    let mut tx = theirs.producer().unwrap();
    assert!(matches!(ours.producer(), Err(SeatError::SeatTaken { .. })));
    // The receiver keeps the segment.
    let mut rx = ours.consumer().unwrap();
    drop((ours, sent));
    tx.try_push(&7).unwrap();
    assert_eq!(rx.try_pop(), Ok(7));
    assert!(received.path().to_str().unwrap().starts_with("memfd:robot-"));
    assert!(!received.is_unlinked());
}

#[test]
fn it_goes_over_streams_and_packets() {
    let packets = |kind| socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
    for kind in [SocketType::STREAM, SocketType::SEQPACKET, SocketType::DGRAM] {
        let (here, there) = packets(kind);
        anonymous().send_to(&here, Grant::Join).unwrap();
        let received = Segment::receive_from(&there).unwrap();
        assert_eq!(received.objects().count(), 2);
    }
    // In a stream, it may come in pieces, and other things may follow.
    let (here, there) = UnixStream::pair().unwrap();
    let segment = anonymous();
    let file = descriptor(&segment);
    let message = bytes(&message(file.metadata().unwrap().len()));
    let sender = thread::spawn(move || {
        send(&here, &message[..5], &[file.as_fd()]);
        (&here).write_all(&message[5..]).unwrap();
        segment.send_to(&here, Grant::Join).unwrap();
        here
    });
    Segment::receive_from(&there).unwrap();
    Segment::receive_from(&there).unwrap();
    drop(sender.join().unwrap());
}

// ---- seals

#[test]
fn no_process_can_cut_the_segment_or_make_it_longer() {
    let segment = anonymous();
    let file = descriptor(&segment);
    let len = file.metadata().unwrap().len();
    for new in [0, len - 1, len + 1] {
        assert_eq!(rustix::fs::ftruncate(&file, new), Err(Errno::PERM));
    }
    assert_eq!(rustix::fs::fallocate(&file, FallocateFlags::empty(), len, 4096), Err(Errno::PERM));
    assert_eq!(rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE), Err(Errno::PERM));
    let seals = rustix::fs::fcntl_get_seals(&file).unwrap();
    assert!(seals.contains(SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL), "{seals:?}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let shared = robot().options(&Options::new().mode(0o640)).create_anonymous("shared").unwrap();
    assert_eq!(descriptor(&shared).metadata().unwrap().permissions().mode() & 0o777, 0o640);
}

/// A peer that punches holes and scribbles can only send wrong data.
#[test]
fn a_peer_that_punches_holes_and_scribbles_kills_nobody() {
    let segment = anonymous();
    let ticks = segment.ring::<Spsc, u64>("ticks").unwrap();
    let (mut tx, mut rx) = (ticks.producer().unwrap(), ticks.consumer().unwrap());
    let file = descriptor(&segment);
    let len = file.metadata().unwrap().len();
    for round in 0..200_u64 {
        let _full_or_corrupt = tx.try_push(&round);
        match round % 4 {
            0 => {
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(&file, hole, 0, len).unwrap();
            }
            1 => file.write_all_at(&round.to_ne_bytes(), round * 8 % len).unwrap(),
            2 => file.write_all_at(&vec![round as u8; len as usize], 0).unwrap(),
            _ => {}
        }
        let _wrong_or_corrupt = rx.try_pop();
        let _any = ticks.presence(Role::Producer);
    }
    drop((tx, rx));
    let _damaged = ticks.producer();
}

// ---- what is wrong is told

#[test]
fn a_segment_with_a_name_is_not_handed_over() {
    let (here, _there) = UnixStream::pair().unwrap();
    let name = support::Name::unique("ringway-handover");
    let error = robot().create(&name).unwrap().send_to(&here, Grant::Join).unwrap_err();
    let meant = matches!(error, TransferError::Named);
    assert_tells(&error, meant, &["a segment with a name", "by its name", "create_anonymous"]);
}

#[test]
fn only_unix_sockets_carry_a_segment() {
    let file = descriptor(&anonymous());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for (socket, found) in [(file.as_fd(), "not a socket"), (stream.as_fd(), "another family")] {
        let errors = [
            anonymous().send_to(socket, Grant::Join).unwrap_err(),
            Segment::receive_from(socket).map(drop).unwrap_err(),
        ];
        for error in errors {
            let meant = matches!(error, TransferError::Socket { .. });
            assert_tells(&error, meant, &["a Unix socket", found, "use `UnixStream`"]);
        }
    }
    let (here, there) = UnixStream::pair().unwrap();
    drop(there);
    let error = anonymous().send_to(&here, Grant::Join).unwrap_err();
    assert_tells(&error, matches!(error, TransferError::Io { .. }), &["sending the segment"]);
}

#[test]
fn a_message_that_is_cut_or_of_another_kind_is_told() {
    let file = descriptor(&anonymous());
    let len = file.metadata().unwrap().len();
    let whole = bytes(&message(len));
    for received in [0, 1, 7, 8, 31] {
        let error = match received {
            0 => {
                let (_, there) = UnixStream::pair().unwrap();
                Segment::receive_from(&there).unwrap_err()
            }
            _ => told(&whole[..received], &[file.as_fd()]),
        };
        let meant =
            matches!(error, TransferError::Closed { received: found, expected: 32 } if found == received);
        assert_tells(&error, meant, &["closed the connection", "is it still running"]);
    }
    let error = told(b"GET / HTTP/1.1\r\nHost: localhost\r\n", &[]);
    assert_tells(&error, matches!(error, TransferError::Message { .. }), &["not a segment", "`send_to`"]);
    let [magic, _, granted, len] = message(len);
    let error = told(&bytes(&[magic, 2, granted, len]), &[file.as_fd()]);
    let meant = matches!(error, TransferError::Version { found: 2, ours: 1 });
    assert_tells(&error, meant, &["version 2", "knows 1", "same version of the library"]);
    let error = told(&bytes(&[magic, 1, 0, 0]), &[]);
    assert_tells(&error, matches!(error, TransferError::Refused), &["refused"]);
}

fn memory_file(seals: SealFlags, content: &[u8]) -> OwnedFd {
    let file = rustix::fs::memfd_create("other", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    let file = File::from(file);
    file.write_all_at(content, 0).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    file.into()
}

#[test]
fn a_wrong_descriptor_is_told() {
    let file = descriptor(&anonymous());
    let len = file.metadata().unwrap().len();
    let whole = bytes(&message(len));
    let error = told(&whole, &[]);
    let meant = matches!(error, TransferError::Descriptors { found: 0 });
    assert_tells(&error, meant, &["no descriptor came", "the bytes alone"]);
    for count in [2, 3] {
        let error = told(&whole, &vec![file.as_fd(); count]);
        let meant = matches!(error, TransferError::Descriptors { found } if found == count);
        assert_tells(&error, meant, &["descriptors came", "has one"]);
    }
    let error = told(&whole, &[file.as_fd(); 8]);
    assert!(matches!(error, TransferError::DescriptorsLost | TransferError::Descriptors { .. }), "{error:?}");

    let content = vec![0; len as usize];
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    for (missing, name) in [
        (SealFlags::SHRINK, "F_SEAL_SHRINK"),
        (SealFlags::GROW, "F_SEAL_GROW"),
        (SealFlags::SEAL, "F_SEAL_SEAL"),
    ] {
        let file = memory_file(all - missing, &content);
        let error = told(&whole, &[file.as_fd()]);
        let meant = matches!(error, TransferError::Seal { missing } if missing == name);
        assert_tells(&error, meant, &["is not sealed", name, "create_anonymous"]);
    }
    // What has no seals at all: a pipe, a directory, a file, a segment with a name.
    let (readable, _writable) = rustix::pipe::pipe().unwrap();
    let directory = File::open("/dev/shm").unwrap();
    let plain = File::open(std::env::current_exe().unwrap()).unwrap();
    let name = support::Name::unique("ringway-handover");
    let named = File::open(robot().create(&name).unwrap().path()).unwrap();
    for fd in [readable.as_fd(), directory.as_fd(), plain.as_fd(), named.as_fd()] {
        let error = told(&whole, &[fd]);
        assert_tells(&error, matches!(error, TransferError::Seal { .. }), &["F_SEAL_SHRINK"]);
    }
    // A length that is a lie; and sealed files that are no segments.
    let error = told(&bytes(&message(len + 4096)), &[file.as_fd()]);
    let meant = matches!(error, TransferError::Length { claims, has } if claims == len + 4096 && has == len);
    assert_tells(&error, meant, &["but the peer says", "do not trust it"]);
    for content in [&content[..], &[], b"RINGWAY1"] {
        let file = memory_file(all, content);
        let error = told(&bytes(&message(content.len() as u64)), &[file.as_fd()]);
        let meant = matches!(error, TransferError::Segment(SegmentError::Layout { .. }));
        assert_tells(&error, meant, &["memfd:other"]);
    }
    // A label that would write to the terminal of whoever reads the error.
    let hostile =
        rustix::fs::memfd_create("a\x1b[2Jb", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::fcntl_add_seals(&hostile, all).unwrap();
    let error = told(&bytes(&message(0)), &[hostile.as_fd()]);
    assert_tells(&error, true, &["memfd:a·[2Jb"]);
    // One whose header says that it is longer.
    let mut content = vec![0; len as usize];
    file.read_exact_at(&mut content, 0).unwrap();
    content[40..48].copy_from_slice(&(len + 128).to_ne_bytes());
    let file = memory_file(all, &content);
    let error = told(&whole, &[file.as_fd()]);
    let meant = matches!(
        error,
        TransferError::Segment(SegmentError::Layout { error: LayoutError::Truncated { .. }, .. })
    );
    assert_tells(&error, meant, &["is truncated"]);
}

/// A service manager keeps it through a restart.
#[test]
fn a_descriptor_without_locks_keeps_the_segment() {
    let segment = anonymous();
    let kept = segment.to_fd().unwrap();
    let ring = segment.ring::<Spsc, u64>("ticks").unwrap();
    let mut tx = ring.producer().unwrap();
    tx.try_push(&7).unwrap();
    // What is kept holds no seat, also while its first process has one.
    let other = Segment::from_fd(kept.try_clone().unwrap()).unwrap();
    assert!(matches!(other.ring::<Spsc, u64>("ticks").unwrap().producer(), Err(SeatError::SeatTaken { .. })));
    drop((tx, ring, segment, other));
    let again = Segment::from_fd(kept).unwrap();
    assert_eq!(again.ring::<Spsc, u64>("ticks").unwrap().consumer().unwrap().try_pop(), Ok(7));
    assert!(again.ring::<Spsc, u64>("ticks").unwrap().producer().is_ok());
    let error = Segment::from_fd(File::open("/dev/null").unwrap().into()).unwrap_err();
    assert!(matches!(error, TransferError::Seal { .. }));
    let name = support::Name::unique("ringway-handover");
    assert!(matches!(robot().create(&name).unwrap().to_fd(), Err(TransferError::Named)));
}

#[test]
fn a_wrong_label_or_object_is_told() {
    let refused = |label: &str, words: &[&str]| {
        let error = robot().create_anonymous(label).unwrap_err();
        super::segments::assert_tells(&error, true, words);
    };
    refused("a/b", &["`a/b` cannot name", "no `/`"]);
    refused("a\0b", &["no control characters"]);
    refused(&"x".repeat(201), &["longer than 200 bytes"]);
    let error = Segment::builder().create_anonymous("empty").unwrap_err();
    super::segments::assert_tells(&error, true, &["memfd:empty", "has no object"]);
}

// ---- limits, users, /proc

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Alone in its process: other tests open and close descriptors.
fn run_out_of_descriptors(_: &[&str]) {
    let (here, there) = UnixStream::pair().unwrap();
    let segment = anonymous();
    let before = open_descriptors();
    for _ in 0..10_000 {
        segment.send_to(&here, Grant::Join).unwrap();
        let received = Segment::receive_from(&there).unwrap();
        received.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap().try_push(&1).ok();
    }
    // Those that fail leave nothing either.
    let file = descriptor(&segment);
    for _ in 0..500 {
        let _error = told(&bytes(&message(1)), &[file.as_fd()]);
        let _error = told(&bytes(&message(1)), &[file.as_fd(); 3]);
        let _error = told(b"something else", &[file.as_fd()]);
        let _error = told(b"short", &[file.as_fd()]);
    }
    drop(file);
    assert_eq!(open_descriptors(), before);

    // And with no room for another descriptor.
    segment.send_to(&here, Grant::Join).unwrap();
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let lowest_free = File::open("/dev/null").unwrap().as_raw_fd();
    limit.current = Some(lowest_free as u64);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let error = Segment::receive_from(&there).unwrap_err();
    let meant = matches!(error, TransferError::DescriptorsLost);
    assert_tells(&error, meant, &["may have no more open files", "RLIMIT_NOFILE"]);
    say("fine");
}

#[test]
fn ten_thousand_handovers_leave_no_descriptor() {
    assert_eq!(run("run out of descriptors", &[]), ["fine"]);
}

fn hand_over_without_proc(_: &[&str]) {
    let (here, there) = UnixStream::pair().unwrap();
    let segment = anonymous();
    segment.send_to(&here, Grant::Join).unwrap();
    // SAFETY: the table of open files stays shared.
    let hidden = unsafe { unshare_unsafe(UnshareFlags::NEWNS) }
        .and_then(|()| mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE))
        .and_then(|()| mount("tmpfs", "/proc", "tmpfs", MountFlags::empty(), c""));
    if let Err(error) = hidden {
        return say(format!("skipped: cannot hide /proc: {error}"));
    }
    let errors =
        [segment.send_to(&here, Grant::Join).unwrap_err(), Segment::receive_from(&there).unwrap_err()];
    for error in errors {
        let meant = matches!(error, TransferError::NoProc);
        assert_tells(&error, meant, &["/proc is not mounted", "prove that it lives"]);
    }
    say("fine");
}

#[test]
fn without_proc_nothing_is_handed_over() {
    let said = run("hand over without proc", &[]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

fn be_handed_a_segment_as_another_user(_: &[&str]) {
    let (here, there) = UnixStream::pair().unwrap();
    let shared = robot().options(&Options::new().mode(0o666)).create_anonymous("shared").unwrap();
    for segment in [&anonymous(), &shared, &shared] {
        segment.send_to(&here, Grant::Join).unwrap();
    }
    let owner = rustix::process::geteuid().as_raw();
    if owner != 0 {
        return say("skipped: only root can become another user");
    }
    // SAFETY: this process has one thread that matters.
    assert_eq!(unsafe { libc::setresuid(65533, 65533, 65533) }, 0);
    let error = Segment::receive_from(&there).unwrap_err();
    let meant = matches!(error, TransferError::Denied);
    assert_tells(&error, meant, &["may not open the segment", "Options::mode"]);
    // Root is trusted; and this is enough.
    let received = Segment::receive_from(&there).unwrap();
    received.ring::<Spsc, u64>("ticks").unwrap().producer().unwrap().try_push(&1).unwrap();
    say("fine");
}

#[test]
fn the_mode_says_which_users_can_use_it() {
    let said = run("be handed a segment as another user", &[]);
    assert!(said == ["fine"] || said.len() == 1 && said[0].starts_with("skipped"), "{said:?}");
}

// ---- doors

fn knock_and_say_the_error(words: &[&str]) {
    say(Segment::knock(words[0]).unwrap_err());
}

#[test]
fn a_door_decides_by_who_knocks() {
    let address = &address("decide");
    let door = Door::bind(address).unwrap();
    let mut child = Child::start("knock and say the error", &[address]);
    let own = rustix::process::geteuid().as_raw();
    let (peer, grant) =
        door.accept_one(&anonymous(), |peer| (peer.uid != own).then_some(Grant::Join)).unwrap();
    assert_eq!((peer.uid, grant), (own, None));
    child.expect("the peer refused to hand the segment over to this process");

    let error = Door::bind(address).unwrap_err();
    assert_tells(&error, true, &["binding the address", "in use"]);
    drop(door);
    let error = Segment::knock(address).unwrap_err();
    assert_tells(&error, true, &["knocking at the door", "refused"]);
    assert!(Door::bind(address).is_ok(), "it is free again");
    let error = Door::bind(&format!("@{}", "x".repeat(200))).unwrap_err();
    assert_tells(&error, true, &["107 bytes at most"]);
}

#[test]
fn a_door_that_is_a_file_takes_it_away_again_unless_another_has_it() {
    let name = support::Name::unique("ringway-door");
    let path = format!("/dev/shm/{}", name.as_str());
    let door = Door::bind(&path).unwrap();
    let knocker = thread::spawn({
        let path = path.clone();
        move || Segment::knock(&path).unwrap().objects().count()
    });
    door.accept_one(&anonymous(), |_| Some(Grant::Join)).unwrap();
    assert_eq!(knocker.join().unwrap(), 2);
    fs::remove_file(&path).unwrap();
    let next = Door::bind(&path).unwrap();
    drop(door);
    assert!(fs::symlink_metadata(&path).is_ok(), "it belongs to the next");
    drop(next);
    assert!(fs::symlink_metadata(&path).is_err());
}

/// A peer that knocks and goes at once does no harm.
#[test]
fn a_peer_that_goes_before_it_is_served_does_no_harm() {
    let address = address("gone");
    let (segment, door) = (anonymous(), Door::bind(&address).unwrap());
    for _ in 0..50 {
        let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        let name = rustix::net::SocketAddrUnix::new_abstract_name(&address.as_bytes()[1..]).unwrap();
        rustix::net::connect(&socket, &name).unwrap();
        drop(socket);
        let _gone = door.accept_one(&segment, |_| Some(Grant::Join));
    }
    let knocker = thread::spawn(move || Segment::knock(&address).unwrap().objects().count());
    door.accept_one(&segment, |_| Some(Grant::Join)).unwrap();
    assert_eq!(knocker.join().unwrap(), 2);
}

#[test]
fn an_empty_anonymous_ring_waits_like_a_named_one() {
    let segment = anonymous();
    let ticks = segment.ring::<Spsc, u64>("ticks").unwrap();
    let mut rx = ticks.consumer().unwrap();
    let moment = std::time::Duration::from_millis(250);
    assert_eq!(rx.pop_timeout(moment), Err(PopError::Elapsed), "it has no name, and is not unlinked");
}
