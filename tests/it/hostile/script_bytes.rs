//! Scripts as bytes, for a fuzzer to change: a step has five of them, and any bytes are a script.
use std::fs;
use std::path::Path;

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::Ring;
use ringway::spsc::Spsc;

use super::ends::{CAPACITY, Cargo};
use super::layout::KindLayout;
use super::memory::{MAGIC, Shared};
use super::script::{self, Lie, Step};

/// More steps than that are not played.
const MOST_STEPS: usize = 200;
const STEP: usize = 5;

/// What the first two bytes say: which ring it is, how large, and what else there is to choose.
struct Scene {
    /// As [`LIVES`] and [`RINGS`] count.
    ring: usize,
    cells: u32,
    rest: u8,
}

impl Scene {
    /// And the steps.
    fn of(tape: &[u8]) -> Option<(Self, &[u8])> {
        let ([first, rest, ..], steps) = tape.split_at_checked(2)? else { return None };
        let scene = Self {
            ring: usize::from(*first) % 6,
            cells: u32::from(*first) / 6 % (CAPACITY.ilog2() + 1),
            rest: *rest,
        };
        Some((scene, steps))
    }

    /// As many cells as it says, or as it can have.
    fn cells<T: Cargo + ?Sized>(&self) -> usize {
        T::LEAST.max(1 << self.cells)
    }
}

/// A word to overwrite, in bytes from the start.
fn spot<K: KindLayout>(a: u8, b: u8) -> usize {
    let (which, words) = (usize::from(b), K::words());
    let cell = K::cell(which / CAPACITY, which % CAPACITY);
    match a >> 5 {
        0..=2 => words[which % words.len()],
        3 | 4 => cell,
        5 | 6 => cell + 8,
        // Any word at all.
        _ => 8 * (usize::from(a & 15) << 8 | which),
    }
}

/// What to write there.
fn lie(a: u8, c: u8, d: u8) -> Lie {
    let (wide, near) = (i64::from(c as i8), i64::from(c % 32) - 16);
    match (a >> 5, a % 16) {
        // Beside a stamp, an info: length or cells, what it is, whose.
        (5 | 6, 0..=12) => {
            Lie::Word(u64::from(c) << (d >> 6) | 1 << (32 + d / 8 % 2) | u64::from(d % 4) << 48)
        }
        // Close to a power of two; at the upper end too.
        (_, 0) => Lie::Word((1_u64 << (d % 64)).wrapping_add_signed(wide)),
        (_, 1) => Lie::Word((wide << (d % 64)) as u64),
        (_, 2..=4) => Lie::Word(u64::from(c)),
        // A state: of another holder.
        (_, 5) => Lie::Word(u64::from(c) << 8 | u64::from(d % 5)),
        (_, 6..=8) => Lie::Near(near),
        (_, 9 | 10) => Lie::Off(wide),
        (_, 11) => Lie::Announced(near),
        (_, 12 | 13) => Lie::Owned(near),
        _ => Lie::Lost(near),
    }
}

fn step<K: KindLayout>(bytes: &[u8]) -> Option<Step> {
    let [what, a, b, c, d] = *bytes else { return None };
    let which = usize::from(a);
    let how = usize::from(u16::from_le_bytes([b, c]));
    Some(match what % 32 {
        0..=9 => Step::Lie(spot::<K>(a, b), lie(a, c, d)),
        10..=15 => Step::Send(which, how),
        16..=21 => Step::Receive(how),
        22 => Step::Receive(usize::MAX),
        23 => Step::NextProducer(which),
        24 => Step::AnotherProducer(which),
        25 => Step::NextConsumer,
        26 | 27 => Step::KillProducer(which),
        28 => Step::KillConsumer,
        29 => Step::Inspect,
        30 => Step::Greet,
        _ => Step::Recover,
    })
}

fn live<K: KindLayout, T: Cargo + ?Sized>(scene: &Scene, steps: &[u8]) {
    let steps: Vec<_> = steps.chunks_exact(STEP).take(MOST_STEPS).filter_map(step::<K>).collect();
    let (has_witness, before) = (scene.rest & 1 == 1, usize::from(scene.rest / 2 % 32));
    script::run::<K, T>(&script::Scene { cells: scene.cells::<T>(), has_witness, before }, &steps);
}

const LIVES: [fn(&Scene, &[u8]); 6] = [
    live::<Spsc, u64>,
    live::<Spsc, [u8]>,
    live::<Mpsc, u64>,
    live::<Mpsc, [u8]>,
    live::<Lanes, u64>,
    live::<Lanes, [u8]>,
];

/// A ring, and operations in it with lies between them: what the fuzz target `state` does.
pub fn state(tape: &[u8]) {
    if let Some((scene, steps)) = Scene::of(tape) {
        LIVES[scene.ring](&scene, steps);
    }
}

/// Where header and object table have their words; and now and then any other.
fn field<K: KindLayout>(a: u8, b: u8) -> usize {
    match a >> 5 {
        0 | 1 => 8 * usize::from(b % 9),
        2..=4 => 256 + 8 * usize::from(b % 16),
        5 => 256 + 8 * usize::from(b % 32),
        _ => spot::<K>(b, a),
    }
}

fn field_lie(a: u8, c: u8, d: u8) -> Lie {
    match a % 16 {
        0 | 1 => Lie::Word(128 * u64::from(c)),
        2 | 3 => Lie::Off(8 * i64::from(c as i8)),
        4 => Lie::Off(128 * i64::from(c as i8)),
        5 => Lie::Word(1 << (d % 64)),
        6 => Lie::Word(MAGIC),
        _ => lie(c, d, a),
    }
}

/// A ring, made well, in memory that is just as large; then its words are changed, and its end cut off or moved out.
fn damaged<K: KindLayout, T: Cargo + ?Sized>(scene: &Scene, steps: &[u8]) -> Shared {
    let shared = Shared::of(K::CELLS + K::LANES * T::lane_len(scene.cells::<T>()));
    Ring::<K, T, _>::format(shared.clone(), &K::options_of::<T>(scene.cells::<T>())).expect("it fits");
    for bytes in steps.chunks_exact(STEP).take(MOST_STEPS) {
        if let [what, a, b, c, d] = *bytes {
            let at = field::<K>(what, b);
            shared.write(at, field_lie(a, c, d).word(CAPACITY as u64, shared.word(at)));
        }
    }
    let (long, more) = (shared.len(), 8 * usize::from(scene.rest / 8));
    match scene.rest % 8 {
        0..=4 => shared,
        5 => shared.copied(long.saturating_sub(more)),
        6 => shared.copied(long.saturating_sub(16 * more + usize::from(scene.rest))),
        _ => shared.copied(long + more),
    }
}

const RINGS: [fn(&Scene, &[u8]) -> Shared; 6] = [
    damaged::<Spsc, u64>,
    damaged::<Spsc, [u8]>,
    damaged::<Mpsc, u64>,
    damaged::<Mpsc, [u8]>,
    damaged::<Lanes, u64>,
    damaged::<Lanes, [u8]>,
];

/// Memory in which something stands that resembles a ring, and an attempt to join it as what it may be: what the fuzz target
/// `attach` does. One time in eight, as a file, which stands at `path` meanwhile.
pub fn attach(tape: &[u8], path: &Path) {
    let Some((scene, steps)) = Scene::of(tape) else { return };
    let shared = RINGS[scene.ring](&scene, steps);
    if tape[0] / 6 % 8 == 7 {
        fs::write(path, shared.to_vec()).expect("a place for a file");
        script::open_as_any(path);
        fs::remove_file(path).expect("what was written");
    } else {
        script::attach_as_any(&shared);
    }
}
