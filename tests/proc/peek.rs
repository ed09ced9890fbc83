//! `examples/inspect.py` shows what is in a ring. It is written from the page on the format alone.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio, id};

use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use ringway::{Options, Role, Segment, lanes, mpsc, spsc};
use support::Name;
use support::dump;

/// Runs the script with these arguments.
fn command(arguments: &[&str]) -> Command {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/inspect.py")).args(arguments);
    python
}

/// Whether there is a Python with the modules that the script needs.
fn has_python() -> bool {
    let tried = Command::new("python3").args(["-c", "import fcntl, mmap; f''"]).output();
    let has_python = tried.is_ok_and(|output| output.status.success());
    if !has_python {
        eprintln!("skipped: there is no python3 here that runs");
    }
    has_python
}

/// The lines that the script prints. `None` if there is no Python.
fn peek(arguments: &[&str]) -> Option<Vec<String>> {
    if !has_python() {
        return None;
    }
    let output = command(arguments).output().unwrap();
    let (text, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{complaint}");
    Some(text.lines().map(str::to_owned).collect())
}

fn assert_peek(name: &Name, expected: &[&str]) {
    let Some(lines) = peek(&[name.as_str()]) else { return };
    let (first, rest) = lines.split_first().unwrap();
    let made = format!(" bytes, made by process {}", id());
    assert!(first.starts_with("format 1.0, ") && first.ends_with(&made), "{first}");
    assert_eq!(rest, expected);
}

fn options(label: &str) -> Options<'_> {
    Options::new().capacity(1024).max_producers(2).label(label)
}

#[test]
fn it_sees_a_live_ring_of_one_producer() {
    let name = Name::unique("ringway-peek");
    let mut tx = spsc::Ring::<[u8]>::create(&name, &options("the sender")).unwrap().producer().unwrap();
    let ring = spsc::Ring::<[u8]>::open(&name).unwrap();
    let mut rx = ring.consumer().unwrap();
    let made = "spsc ring of bytes, 16 cells";
    let label = ring.presence(Role::Consumer).identity().unwrap().label;
    let reader = format!("process {} `{label}`", id());
    let sender = format!("producer 0: taken, alive, holder 1, process {} `the sender`; sent", id());
    assert_peek(
        &name,
        &[
            made,
            &format!("consumer: taken, alive, holder 1, {reader}"),
            &format!("{sender} 0 records of 0 bytes"),
        ],
    );

    tx.try_push(&[b'x'; 500]).unwrap();
    tx.try_push(b"released").unwrap();
    assert_eq!(rx.drain(2, |_| ()), Ok(2));
    tx.try_push(b"first").unwrap();
    tx.try_push(b"").unwrap();
    tx.try_reserve(9).unwrap().abort();
    tx.try_push(&[b'y'; 340]).unwrap();
    let mut batch = tx.try_batch(64).unwrap();
    batch.try_push(b"not yet").unwrap();
    let held = rx.try_read().unwrap();
    let expected = [
        made,
        &format!("consumer: taken, alive, holder 1, {reader}"),
        &format!("{sender} 5 records of 853 bytes"),
        "9: seat 0, 5 bytes b'first'",
        "10: seat 0, 0 bytes b''",
        "11: skip, 5 cells",
        &format!("16: seat 0, 340 bytes b'{}'...", "y".repeat(64)),
    ];
    assert_peek(&name, &expected);
    held.release();
    batch.commit();
    drop(rx);
    let consumer = format!("consumer: left, holder 1, {reader}");
    let after = ["22: seat 0, 7 bytes b'not yet'"];
    let sender = format!("{sender} 6 records of 860 bytes");
    assert_peek(&name, &[&[made, &*consumer, &*sender], &expected[4..], &after].concat());
}

#[test]
fn it_sees_a_live_ring_of_several_producers() {
    let name = Name::unique("ringway-peek-mpsc");
    let ring = mpsc::Ring::<[u8]>::create(&name, &options("one")).unwrap();
    let (mut one, mut two) = (ring.producer().unwrap(), ring.producer().unwrap());
    one.try_push(b"from one").unwrap();
    two.try_push(b"from two").unwrap();
    one.try_reserve(1).unwrap().abort();
    let open = two.try_reserve(100).unwrap();
    one.try_push(b"held up").unwrap();
    let producer =
        |seat, sent| format!("producer {seat}: taken, alive, holder 1, process {} `one`; sent {sent}", id());
    let head = [
        "mpsc ring of bytes, 16 cells".into(),
        "consumer: never held".into(),
        producer(0, "2 records of 15 bytes"),
        producer(1, "1 records of 8 bytes"),
    ];
    let head: Vec<_> = head.iter().map(String::as_str).collect();
    let seen = ["0: seat 0, 8 bytes b'from one'", "1: seat 1, 8 bytes b'from two'", "2: skip, 1 cells"];
    assert_peek(&name, &[&head[..], &seen].concat());
    open.abort();
    assert_peek(&name, &[&head[..], &seen, &["3: skip, 2 cells", "5: seat 0, 7 bytes b'held up'"]].concat());
}

#[test]
fn it_sees_live_lanes() {
    let name = Name::unique("ringway-peek-lanes");
    let ring = lanes::Ring::<[u8]>::create(&name, &options("one")).unwrap();
    let (mut one, mut two) = (ring.producer().unwrap(), ring.producer().unwrap());
    let mut rx = ring.consumer().unwrap();
    one.try_push(b"released").unwrap();
    rx.try_read().unwrap().release();
    two.try_push(b"from two").unwrap();
    one.try_push(b"from one").unwrap();
    if let Some(lines) = peek(&[name.as_str()]) {
        assert_eq!(lines[5..], ["1: seat 0, 8 bytes b'from one'", "0: seat 1, 8 bytes b'from two'"]);
    }
}

#[test]
fn it_sees_all_objects_of_a_segment() {
    let name = Name::unique("ringway-peek-objects");
    let small = Options::new().capacity(128).max_producers(1);
    let segment = Segment::builder()
        .ring::<Spsc, u64>("ticks", &small)
        .ring::<Mpsc, [u8]>("log", &small)
        .ring::<Spsc, [u8]>("video", &small)
        .create(&name)
        .unwrap();
    segment.ring::<Mpsc, [u8]>("log").unwrap().producer().unwrap().try_push(b"a line").unwrap();
    // The third one as a later version may have it.
    let file = fs::File::options().write(true).open(segment.path()).unwrap();
    file.write_all_at(&99_u64.to_ne_bytes(), 256 * 3).unwrap();
    let label = |role| {
        let log = segment.ring::<Mpsc, [u8]>("log").unwrap();
        log.presence(role).identity().map(|who| who.label.to_string())
    };
    let sender = format!(
        "producer 0: left, holder 1, process {} `{}`; sent 1 records of 6 bytes",
        id(),
        label(Role::Producer).unwrap()
    );
    assert_peek(
        &name,
        &[
            "`ticks`: spsc ring of items of type `u64`, 128 cells",
            "consumer: never held",
            "producer 0: never held",
            "`log`: mpsc ring of bytes, 2 cells",
            "consumer: never held",
            &sender,
            "0: seat 0, 6 bytes b'a line'",
            "`video`: of the unknown kind 99",
        ],
    );
}

/// The script prints a record that is larger than a pipe, and so waits in the middle of it.
/// Meanwhile the consumer releases the next record, and the producer writes another one over it
/// without sending it: the stamp is still the old one, the bytes are not.
#[test]
fn it_does_not_show_what_was_written_over() {
    const LEN: usize = 1 << 20;
    let name = Name::unique("ringway-peek-stale");
    let ring = spsc::Ring::<[u8]>::create(&name, &Options::new().capacity(4 * LEN)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for letter in [b'a', b'b', b'c', b'd'] {
        tx.try_push(&vec![letter; LEN]).unwrap();
    }
    if !has_python() {
        return;
    }
    let mut script = command(&[name.as_str(), "--all"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(script.stdout.take().unwrap());
    output.by_ref().lines().take(4).for_each(|line| _ = line.unwrap());
    assert!(!output.fill_buf().unwrap().is_empty(), "the first record has begun");

    assert_eq!(rx.drain(2, |_| ()), Ok(2));
    tx.try_push(&vec![b'e'; LEN]).unwrap();
    let mut reservation = tx.try_reserve(LEN).unwrap();
    reservation.payload().write_at(&vec![b'f'; LEN], 0).unwrap();

    let lines = output.lines().map(Result::unwrap);
    let seen: Vec<_> = lines.map(|line| (line.split(':').next().unwrap().to_owned(), line)).collect();
    assert!(script.wait().unwrap().success());
    let cells = LEN / ringway::CELL;
    let positions: Vec<_> = seen.iter().map(|(at, _)| at.parse::<usize>().unwrap() / cells).collect();
    assert_eq!(positions, [0, 2, 3]);
    for ((_, line), letter) in seen.iter().zip(["a", "c", "d"]) {
        assert!(line.ends_with(&format!(", {LEN} bytes b'{}'", letter.repeat(LEN))));
    }
}

/// Segments without participants: the checked-in bytes of version 1.0.
#[test]
#[cfg(target_endian = "little")]
fn it_sees_what_dead_participants_have_left() {
    let golden = |kind: &str| {
        let path = format!("{}/it/golden/1.0/{kind}-bytes.hex", env!("CARGO_MANIFEST_DIR"));
        let name = Name::unique("ringway-peek-golden");
        let file = Path::new("/dev/shm").join(&name);
        fs::write(file, dump::parse(&fs::read_to_string(path).unwrap())).unwrap();
        name
    };
    let long: String = (100..127_u8).map(char::from).collect();
    let Some(lines) = peek(&[golden("mpsc").as_str()]) else { return };
    let expected = [
        "format 1.0, ",
        "mpsc ring of bytes, 16 cells",
        "consumer: left, holder 3, process 200 `reader`",
        "producer 0: taken, and its lock is gone, holder 1, process 300 `steady`; sent 5 records of 923 bytes",
        "producer 1: left, holder 1, process 301 `brief`; sent 1 records of 8 bytes",
        "producer 2: died, holder 1, process 302 `victim`; sent 0 records of 0 bytes",
        "producer 3: taken, and its lock is gone, holder 1, process 303 `late`; sent 0 records of 0 bytes",
        "producer 4: never held; sent 0 records of 0 bytes",
        "10: skip, 1 cells",
        "11: seat 0, 13 bytes b'cut to length'",
        "12: skip, 1 cells",
        "13: seat 0, 0 bytes b''",
        "14: skip, 2 cells",
        &format!("16: seat 0, 340 bytes b'{long}"),
        "22: seat 1, 8 bytes b'farewell'",
        "23: lost with seat 2, 2 cells",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}, not {expected}");
    }
    let lanes = peek(&[golden("lanes").as_str()]).unwrap_or_default();
    assert_eq!(lanes[9..].len(), 4, "{lanes:#?}");
}
