//! The orderings that no model can show to be needed, each with its argument. An entry that a model does catch, or that stands for
//! nothing any more, is an error.
use crate::source::{Line, Ordering};

struct Exempt {
    file: &'static str,
    /// The line it stands in.
    code: &'static str,
    part: &'static str,
    why: &'static str,
}

const EXEMPT: [Exempt; 2] = [
    Exempt {
        file: "src/ring/ordered/hole.rs",
        code: "cells.stamp(at.get()).store(at.lost_mark(), Release);",
        part: "release",
        why: "It keeps the loads before it (who sat in the dead one's seat) before the stores of who sits there next, because it \
              found the mark. That a load sees what a later store leads to is load buffering, which loom does not show.",
    },
    Exempt {
        file: "src/ring/ordered/claim.rs",
        code: "let stamp = stamp.map_or(0, |stamp| stamp.load(Acquire));",
        part: "acquire",
        why: "The other side of the same.",
    },
];

/// Why this ordering is exempt, if it is.
pub fn argument(ordering: &Ordering, code: &str) -> Option<&'static str> {
    let is_it = |exempt: &&Exempt| {
        exempt.file == ordering.place().0 && exempt.part == ordering.part() && exempt.code == code
    };
    EXEMPT.iter().find(is_it).map(|exempt| exempt.why)
}

/// The entries that stand for no line of the source, or for several.
pub fn stale(source: &[Line]) -> impl Iterator<Item = &'static str> {
    let lines =
        |exempt: &Exempt| source.iter().filter(|l| l.file == exempt.file && l.code == exempt.code).count();
    EXEMPT.iter().filter(move |exempt| lines(exempt) != 1).map(|exempt| exempt.code)
}
