//! A segment's bytes as people read them, and back: a line for each word that is not zero, with the name that
//! `src/docs/format.rs` has for it.
//!
//! It is written after that page alone, so that it also tells bytes that stand where the page says there are none.
use std::fmt::Write;

/// What a word is called that the page does not name.
pub const UNNAMED: &str = "?";
/// What makes a stamp a lost mark.
const LOST: u64 = 1 << 63;

const HEADER: [(usize, &str); 9] = [
    (0, "magic"),
    (8, "major"),
    (16, "minor"),
    (24, "incompatible features"),
    (32, "compatible features"),
    (40, "length"),
    (48, "objects"),
    (56, "created"),
    (64, "creator"),
];
const OBJECT: [(usize, &str); 16] = [
    (0, "kind"),
    (8, "start"),
    (16, "length"),
    (24, "seats"),
    (32, "seat blocks"),
    (40, "payload"),
    (48, "producers"),
    (56, "capacity"),
    (64, "stride"),
    (72, "ready"),
    (80, "descriptors"),
    (88, "cells"),
    (96, "item size"),
    (104, "item align"),
    (112, "word align"),
    (120, "schema"),
];
const ROLE: [(usize, &str); 16] = [
    (0, "position"),
    (8, "announcement"),
    (16, "claim end"),
    (24, "records"),
    (32, "bytes"),
    (40, "aborted"),
    (128, "parked"),
    (136, "armed"),
    (256, "state"),
    (264, "pid"),
    (272, "started"),
    (280, "attached"),
    (288, "namespace"),
    (296, "run"),
    (384, "lost"),
    (448, "head"),
];
const COMMON: [(usize, &str); 3] = [(0, "TAIL"), (8, "notified"), (128, "parked")];

/// A segment.
pub struct Image<'a>(pub &'a [u8]);

/// What the object table says.
struct Object {
    kind: usize,
    is_bytes: bool,
    producers: usize,
    capacity: usize,
    stride: usize,
    roles: usize,
    descriptors: usize,
    cells: usize,
    ready: usize,
}

impl Image<'_> {
    pub fn word(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    /// A word as it is read best.
    fn number(&self, at: usize) -> String {
        let word = self.word(at);
        if word < 1 << 32 { word.to_string() } else { format!("{word:#x}") }
    }

    /// Major and minor.
    pub fn version(&self) -> (u64, u64) {
        (self.word(8), self.word(16))
    }

    fn object(&self) -> Object {
        let field = |at: usize| self.word(256 + at) as usize;
        Object {
            kind: field(0),
            is_bytes: field(40) == 2,
            producers: field(48),
            capacity: field(56),
            stride: field(64),
            roles: field(24),
            descriptors: field(80),
            cells: field(88),
            ready: field(72),
        }
    }

    /// All of it.
    pub fn dump(&self) -> String {
        let object = self.object();
        let mut text = String::new();
        self.fields(&mut text, "header", 0, 256, &HEADER);
        self.labelled(&mut text, "object", 256, object.roles - 256, &OBJECT, 128);
        let several = object.kind != 1;
        for index in 0..1 + usize::from(several) + object.producers {
            let at = object.roles + 512 * index;
            match index {
                0 => self.labelled(&mut text, "role block: the consumer's", at, 512, &ROLE, 320),
                1 if several => {
                    self.fields(&mut text, "role block: the producers' in common", at, 512, &COMMON)
                }
                _ => {
                    let seat = index - 1 - usize::from(several);
                    let title = format!("role block: producer {seat}'s");
                    self.labelled(&mut text, &title, at, 512, &ROLE, 320);
                }
            }
        }
        let lanes = if object.kind == 3 { object.producers } else { 1 };
        if object.ready < object.descriptors {
            let words: Vec<_> = (0..object.producers.div_ceil(64)).map(|i| (8 * i, "bits")).collect();
            self.fields(&mut text, "ready bits", object.ready, object.descriptors - object.ready, &words);
        }
        for lane in 0..lanes {
            self.lane(&mut text, &object, lane, lanes);
        }
        text
    }

    fn lane(&self, text: &mut String, object: &Object, lane: usize, lanes: usize) {
        let of = if lanes > 1 { format!(" of lane {lane}") } else { String::new() };
        let aligned = |bytes: usize| bytes.next_multiple_of(128);
        let cells_size = aligned(object.stride * object.capacity);
        let cells = object.cells + cells_size * lane;
        if !object.is_bytes {
            let item = self.word(256 + 96) as usize;
            self.section(text, &format!("cells{of}"), cells, cells_size, |at| {
                match (at / object.stride, at % object.stride) {
                    (cell, _) if cell >= object.capacity => UNNAMED.into(),
                    (cell, 0) => format!("cell {cell}: {}", stamp(self.word(cells + at))),
                    (_, 8) if self.word(cells + at - 8) & LOST != 0 => {
                        info(self.word(cells + at), self.word(cells + at - 8))
                    }
                    (_, at) if at < 8 + item => "its item".into(),
                    _ => UNNAMED.into(),
                }
            });
            return;
        }
        let size = aligned(16 * object.capacity);
        let start = object.descriptors + size * lane;
        self.section(text, &format!("descriptors{of}"), start, size, |at| match (at / 16, at % 16) {
            (cell, _) if cell >= object.capacity => UNNAMED.into(),
            (cell, 0) => format!("cell {cell}: {}", stamp(self.word(start + at))),
            (_, _) => info(self.word(start + at), self.word(start + at - 8)),
        });
        self.section(text, &format!("cells{of}"), cells, cells_size, |at| match (at / 64, at % 64) {
            (cell, _) if cell >= object.capacity => UNNAMED.into(),
            (cell, 0) => format!("cell {cell}"),
            _ => String::new(),
        });
    }

    fn fields(&self, text: &mut String, title: &str, start: usize, len: usize, fields: &[(usize, &str)]) {
        self.labelled(text, title, start, len, fields, usize::MAX - 64);
    }

    /// As `fields`, with a label of 64 bytes.
    fn labelled(
        &self,
        text: &mut String,
        title: &str,
        start: usize,
        len: usize,
        fields: &[(usize, &str)],
        label: usize,
    ) {
        self.section(text, title, start, len, |at| match fields.iter().find(|(field, _)| *field == at) {
            Some((_, name)) => format!("{name} = {}", self.number(start + at)),
            None if (label..label + 64).contains(&at) => "label".into(),
            None => UNNAMED.into(),
        });
    }

    /// The words of a part that are not zero, each with its name.
    fn section(
        &self,
        text: &mut String,
        title: &str,
        start: usize,
        len: usize,
        name: impl Fn(usize) -> String,
    ) {
        let _written = writeln!(text, "\n# {start}: {title}");
        for at in (0..len).step_by(8).filter(|at| self.word(start + at) != 0) {
            let bytes = &self.0[start + at..][..8];
            let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let plain = |byte: u8| if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '.' };
            let ascii: String = bytes.iter().map(|byte| plain(*byte)).collect();
            let line = format!("{:6}  {}  {ascii}  {}", start + at, hex.join(" "), name(at));
            let _written = writeln!(text, "{}", line.trim_end());
        }
    }
}

fn stamp(word: u64) -> String {
    let position = (word & !LOST) - 1;
    if word & LOST == 0 { format!("stamp of {position}") } else { format!("lost mark of {position}") }
}

/// What stands beside a stamp, or a lost mark.
fn info(word: u64, stamp: u64) -> String {
    let (low, middle, seat) = (word as u32, (word >> 32) as u16, word >> 48);
    match middle {
        epoch if stamp & LOST != 0 => format!("{low} cells, claimed by holder {epoch} of seat {seat}"),
        1 => format!("record of {low} bytes from seat {seat}"),
        2 => format!("skip of {low} cells"),
        _ => UNNAMED.into(),
    }
}

/// The bytes that a dump is of. Their number stands in the header.
pub fn parse(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let at: usize = line[..6].trim().parse().unwrap();
        bytes.resize(bytes.len().max(at + 8), 0);
        for i in 0..8 {
            bytes[at + i] = u8::from_str_radix(&line[8 + 3 * i..][..2], 16).unwrap();
        }
    }
    let len = Image(&bytes).word(40) as usize;
    bytes.resize(len, 0);
    bytes
}
