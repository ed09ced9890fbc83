//! Labels and identities that participants write into the segment for people to read. They take
//! part in two decisions only: whether two item types match, and, on file systems where locks can
//! vanish, whether a process is still running.
#[cfg(feature = "std")]
pub(crate) mod process;

use core::fmt;

/// A short name in the segment, of an item type or of a participant. At most 64 bytes of UTF-8.
///
/// # Examples
/// ```
/// use ringway::Label;
///
/// assert_eq!(Label::new("feed").to_string(), "feed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label {
    bytes: [u8; Self::MAX],
}

impl Label {
    /// The longest label, in bytes.
    pub const MAX: usize = 64;
    pub(crate) const WORDS: usize = Self::MAX / 8;

    /// A label with `text`, cut to [`MAX`](Self::MAX) bytes at the end of a character.
    pub fn new(text: &str) -> Self {
        let mut label = Self { bytes: [0; Self::MAX] };
        let mut at = 0;
        for c in text.chars() {
            let Some(room) = label.bytes.get_mut(at..at + c.len_utf8()) else { break };
            c.encode_utf8(room);
            at += c.len_utf8();
        }
        label
    }

    /// The name of a type, without its path and without the paths of its parameters.
    pub(crate) fn of_type<T: ?Sized>() -> Self {
        let mut label = Self { bytes: [0; Self::MAX] };
        let (mut at, mut word_at) = (0, 0);
        // `::` shows that the word before it was a path segment, and removes it.
        for c in core::any::type_name::<T>().bytes() {
            if c == b':' {
                at = word_at;
                continue;
            }
            // A byte without room is counted, too: it may belong to a path segment.
            if let Some(byte) = label.bytes.get_mut(at) {
                *byte = c;
            }
            at += 1;
            if !(c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80) {
                word_at = at;
            }
        }
        if let Some(rest) = label.bytes.get_mut(at..) {
            rest.fill(0);
        }
        label
    }

    pub(crate) fn words(&self) -> [u64; Self::WORDS] {
        let mut words = [0; Self::WORDS];
        for (word, chunk) in words.iter_mut().zip(self.bytes.chunks_exact(8)) {
            // The bytes keep their order in memory on every machine.
            *word = chunk.try_into().map_or(0, u64::from_ne_bytes);
        }
        words
    }

    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let mut label = Self { bytes: [0; Self::MAX] };
        for (chunk, word) in label.bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        label
    }

    /// Whether the label has no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.first() == Some(&0)
    }
}

/// Shows everything that is not printable text as `·`, because a label can come from a peer.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.bytes.iter().position(|b| *b == 0).unwrap_or(Self::MAX);
        for chunk in self.bytes.get(..len).unwrap_or_default().utf8_chunks() {
            for c in chunk.valid().chars() {
                fmt::Write::write_char(f, if c.is_control() { '·' } else { c })?;
            }
            if !chunk.invalid().is_empty() {
                f.write_str("·")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The type of a ring's items, as far as two processes can compare it: size, alignment and name.
///
/// The fields of a struct are not compared: [`Options::schema`](crate::Options::schema) is for
/// that.
///
/// # Examples
/// ```
/// use ringway::{ItemLayout, Label};
///
/// let tick = ItemLayout { size: 24, align: 8, label: Label::new("Tick") };
/// assert_eq!(tick.to_string(), "`Tick` (24 bytes, align 8)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLayout {
    /// In bytes.
    pub size: u64,
    /// In bytes.
    pub align: u64,
    /// The name of the type without its path.
    pub label: Label,
}

/// `` `Tick` (24 bytes, align 8) ``
impl fmt::Display for ItemLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({} bytes, align {})", self.label, self.size, self.align)
    }
}

/// The kinds of ring, with their numbers in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Spsc = 1,
    Mpsc = 2,
    Lanes = 3,
}

impl Kind {
    pub(crate) const fn from_code(code: u64) -> Option<Self> {
        match code {
            1 => Some(Self::Spsc),
            2 => Some(Self::Mpsc),
            3 => Some(Self::Lanes),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Spsc => "spsc",
            Self::Mpsc => "mpsc",
            Self::Lanes => "lanes",
        }
    }
}

/// The role of a participant in a ring.
///
/// # Examples
/// ```
/// use ringway::Role;
///
/// assert_eq!(Role::Consumer.other(), Role::Producer);
/// assert_eq!(Role::Producer.to_string(), "producer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Receives records.
    Consumer,
    /// Sends records.
    Producer,
}

impl Role {
    /// The role on the other side of the ring.
    pub const fn other(self) -> Self {
        match self {
            Self::Consumer => Self::Producer,
            Self::Producer => Self::Consumer,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consumer => "consumer",
            Self::Producer => "producer",
        })
    }
}

/// How a participant describes itself. For people to read. Where a file's locks can vanish behind
/// the back of a process (overlayfs), it also keeps a running process from being taken for dead.
///
/// # Examples
/// ```
/// use ringway::memory::{Heap, Liveness};
///
/// // The participants in a heap do not describe themselves.
/// assert_eq!(Heap::new(1).identity().pid, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Its process id, in its own PID namespace; 0 if unknown.
    pub pid: u64,
    /// When its process started, in clock ticks since boot; 0 if unknown.
    pub started: u64,
    /// When it took the seat, in nanoseconds since 1970; 0 if unknown.
    pub attached: u64,
    /// Its PID namespace, in which `pid` is valid: the inode of `/proc/self/ns/pid`; 0 if unknown.
    pub namespace: u64,
    /// A number for the program that runs in that process: another one after an exec; 0 if unknown.
    pub run: u64,
    /// Its label: by default the name of its executable.
    pub label: Label,
}

impl Identity {
    /// The identity of a participant that does not describe itself.
    pub fn unknown() -> Self {
        Self { pid: 0, started: 0, attached: 0, namespace: 0, run: 0, label: Label::new("") }
    }
}

/// ``process 4711 `feed` ``, and where the id is not valid here: ``process 2 `feed` of another PID
/// namespace``
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, self.label.is_empty()) {
            (0, true) => return f.write_str("a participant that did not identify itself"),
            (0, false) => write!(f, "`{}`", self.label)?,
            (pid, true) => write!(f, "process {pid}")?,
            (pid, false) => write!(f, "process {pid} `{}`", self.label)?,
        }
        #[cfg(feature = "std")]
        if process::kinship(self) == process::Kinship::OtherNamespace {
            f.write_str(" of another PID namespace")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_label_is_cut_at_the_end_of_a_character() {
        let text = "é".repeat(40);
        assert_eq!(Label::new(&text).to_string(), "é".repeat(32));
        assert_eq!(Label::new(&std::format!("x{text}")).to_string(), std::format!("x{}", "é".repeat(31)));
    }

    #[test]
    fn a_type_is_named_without_paths() {
        assert_eq!(Label::of_type::<u64>().to_string(), "u64");
        assert_eq!(Label::of_type::<core::num::Wrapping<u8>>().to_string(), "Wrapping<u8>");
        assert_eq!(Label::of_type::<[core::num::Wrapping<u16>; 3]>().to_string(), "[Wrapping<u16>; 3]");
        let (pair, expected) = (Label::of_type::<(Label, std::vec::Vec<Label>)>(), "(Label, Vec<Label>)");
        assert_eq!(pair.to_string(), expected);
    }

    #[test]
    fn a_type_name_leaves_out_a_path_longer_than_a_label() {
        mod a_module_with_a_name_that_is_longer_than_the_sixty_four_bytes_of_a_label {
            pub(super) struct Tick;
        }
        use a_module_with_a_name_that_is_longer_than_the_sixty_four_bytes_of_a_label as long;
        assert_eq!(Label::of_type::<long::Tick>().to_string(), "Tick");
        assert_eq!(Label::of_type::<(long::Tick, u8)>().to_string(), "(Tick, u8)");
        let tuple =
            Label::of_type::<([u128; 1000], [u128; 1001], [u128; 1002], [u128; 1003], [u128; 1004])>();
        assert!(tuple.to_string().starts_with("([u128; 1000], "), "{tuple}");
    }

    #[test]
    fn a_label_survives_the_segment() {
        let label = Label::new("tick-source");
        assert_eq!(Label::from_words(label.words()), label);
    }

    #[test]
    #[cfg(feature = "std")]
    fn a_process_of_another_pid_namespace_is_called_one() {
        let own = Identity { label: Label::new("feed"), ..process::identity() };
        assert_eq!(own.to_string(), std::format!("process {} `feed`", own.pid));
        let other = Identity { namespace: own.namespace + 1, pid: 2, ..own };
        assert_eq!(other.to_string(), "process 2 `feed` of another PID namespace");
        let unknown = Identity { namespace: 0, pid: 2, ..own };
        assert_eq!(unknown.to_string(), "process 2 `feed`");
    }

    #[test]
    fn a_hostile_label_prints_as_plain_text() {
        let mut words = Label::new("ab").words();
        words[0] |= u64::from_ne_bytes([0, 0, 0xff, 0x1b, b'[', b'2', b'J', 0x07]);
        assert_eq!(Label::from_words(words).to_string(), "ab··[2J·");
    }
}
