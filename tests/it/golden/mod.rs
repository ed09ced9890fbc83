//! The bytes are a format: today's code writes exactly the bytes that are checked in, and reads them.
//!
//! `golden/1.0/` has a dump of a small segment of each kind as version 1.0 writes it, for people to compare with the format page,
//! `src/docs/format.rs`. What was done in these rings stands in `golden/scenario.rs`.
//!
//! If the format is changed on purpose: raise the version in `src/layout/mod.rs` (the minor one if older readers can ignore
//! what is new, else the major one), and write the new version's files, beside the older ones:
//! ```text
//! RINGWAY_GOLDEN=write cargo test --test it -- golden::
//! ```
//! A file that is there is never written over: the bytes of a version do not change. Those of older versions stay readable,
//! or, if their major version is another one, are refused by an error that says so.

mod compat;
pub(crate) mod memory;
mod scenario;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use memory::Scripted;
use ringway::LayoutError;
use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::spsc::Spsc;
use support::dump::{self, Image};

/// A kind of segment.
struct Kind {
    name: &'static str,
    write: fn() -> Scripted,
    /// Joins what stands there; what is in it is checked.
    read: fn(Scripted) -> Result<(), LayoutError>,
}

const KINDS: [Kind; 6] = [
    Kind { name: "spsc-items", write: || scenario::of_items::<Spsc>(false, false), read: compat::spsc_items },
    Kind { name: "spsc-bytes", write: || scenario::of_bytes::<Spsc>(false), read: compat::spsc_bytes },
    Kind { name: "mpsc-items", write: || scenario::of_items::<Mpsc>(true, true), read: compat::mpsc_items },
    Kind { name: "mpsc-bytes", write: || scenario::of_bytes::<Mpsc>(true), read: compat::mpsc_bytes },
    Kind {
        name: "lanes-items",
        write: || scenario::of_items::<Lanes>(true, false),
        read: compat::lanes_items,
    },
    Kind { name: "lanes-bytes", write: || scenario::of_bytes::<Lanes>(true), read: compat::lanes_bytes },
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/golden")
}

/// Where this version has the dump of a segment.
fn file((major, minor): (u64, u64), kind: &Kind) -> PathBuf {
    directory().join(format!("{major}.{minor}/{}.hex", kind.name))
}

/// All versions that have files, and where.
fn versions() -> Vec<((u64, u64), PathBuf)> {
    let directories = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let parse = |path: PathBuf| {
        let (major, minor) = path.file_name()?.to_str()?.split_once('.')?;
        Some(((major.parse().ok()?, minor.parse().ok()?), path))
    };
    directories.filter_map(parse).collect()
}

fn heading(kind: &Kind, (major, minor): (u64, u64)) -> String {
    format!(
        "# {}, format {major}.{minor}: every word that is not zero. In bytes from the start; as characters; what it is.\n",
        kind.name
    )
}

/// The bytes that this code leaves behind. The one word that tells of the machine is told of a 64-bit one.
fn written(kind: &Kind) -> Vec<u8> {
    let mut bytes = (kind.write)().image();
    let word_align = &mut bytes[256 + 112..][..8];
    assert_eq!(word_align, (align_of::<u64>() as u64).to_ne_bytes(), "word align");
    word_align.copy_from_slice(&8_u64.to_ne_bytes());
    bytes
}

/// What a file is to hold.
fn text(kind: &Kind, image: &Image) -> String {
    heading(kind, image.version()) + &image.dump()
}

/// Writes this version's files, if that is asked for: those that are not there yet.
fn write_if_told() {
    static WRITTEN: Once = Once::new();
    WRITTEN.call_once(|| {
        if std::env::var_os("RINGWAY_GOLDEN").is_none_or(|what| what != "write") {
            return;
        }
        for kind in &KINDS {
            let bytes = written(kind);
            let image = Image(&bytes);
            let path = file(image.version(), kind);
            if !path.exists() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, text(kind, &image)).unwrap();
            }
        }
    });
}

/// The first line in which they differ.
fn difference(checked_in: &str, written: &str) -> String {
    let (mut old, mut new) = (checked_in.lines(), written.lines());
    loop {
        match (old.next(), new.next()) {
            (None, None) => return "only in how lines end".into(),
            (old, new) if old == new => {}
            (old, new) => {
                let or_end = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
                return format!("  checked in  {}\n  written now {}", or_end(old), or_end(new));
            }
        }
    }
}

#[test]
#[cfg(target_endian = "little")]
fn the_bytes_are_those_that_are_checked_in() {
    write_if_told();
    for kind in &KINDS {
        let bytes = written(kind);
        let image = Image(&bytes);
        let version = image.version();
        let text = text(kind, &image);
        let path = file(version, kind);
        let (major, minor) = version;
        let Ok(checked_in) = fs::read_to_string(&path) else {
            panic!(
                "{}: this code writes format {major}.{minor}, of which there is no file. If the version was raised on \
                 purpose, write it: RINGWAY_GOLDEN=write cargo test --test it -- golden::",
                path.display()
            );
        };
        assert!(
            text == checked_in,
            "{}: the bytes of format {major}.{minor} have changed:\n{}\nSegments of that version are out there. If this is \
             meant, raise the version in src/layout/mod.rs, and write files for it: RINGWAY_GOLDEN=write cargo test \
             --test it -- golden:: (older versions' files stay, and must be readable, or be refused for their major version)",
            path.display(),
            difference(&checked_in, &text),
        );
    }
}

#[test]
fn no_byte_is_set_that_the_format_does_not_name() {
    for kind in &KINDS {
        let text = Image(&(kind.write)().image()).dump();
        let unnamed: Vec<_> = text.lines().filter(|line| line.ends_with(dump::UNNAMED)).collect();
        assert!(unnamed.is_empty(), "{}: what are these?\n{}", kind.name, unnamed.join("\n"));
    }
}

#[test]
fn a_dump_says_all() {
    for kind in &KINDS {
        let bytes = (kind.write)().image();
        assert!(dump::parse(&Image(&bytes).dump()) == bytes, "{}", kind.name);
    }
}

#[test]
#[cfg(target_endian = "little")]
fn what_any_version_wrote_is_read_or_refused_for_its_version() {
    write_if_told();
    let ours = Image(&(KINDS[0].write)().image()).version();
    let versions = versions();
    assert!(versions.iter().any(|(version, _)| *version == (1, 0)), "version 1.0 was published");
    for (version, path) in versions {
        for kind in &KINDS {
            let path = path.join(format!("{}.hex", kind.name));
            let bytes = dump::parse(&fs::read_to_string(&path).unwrap());
            assert_eq!(Image(&bytes).version(), version, "{}", path.display());
            let read = (kind.read)(Scripted::of(&bytes));
            let expected = if version.0 == ours.0 {
                Ok(())
            } else {
                Err(LayoutError::Version { major: version.0, minor: version.1, ours: ours.0 })
            };
            assert_eq!(read, expected, "{}", path.display());
        }
    }
}
