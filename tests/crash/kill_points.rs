//! Every instruction of an operation, as a kill point.
//!
//! A first victim takes the whole operation in single steps. The sweep records its path, and each
//! instruction with an effect: a change of the segment, or a system call. Then the sweep kills a
//! victim at each kill point of that path. In a short operation every instruction is a kill point.
//! In a longer one the instructions around each effect are, and some between them, evenly spread.
//!
//! # What does not depend on the processor
//! At the end, the victims must have left behind every state that the segment had on the path. A
//! state has no unpublished payload in it (see [`payload`](crate::payload)), and none is taken
//! within an instruction. A string instruction (`rep movsb`) is one instruction of the path,
//! however often the processor stops in it. Victims are killed in the middle of it as well, if it
//! changes the segment.
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, mem, panic};

use crate::fixture::blank_displayed;
use crate::payload::blank_unpublished;
use crate::victim::{Reached, Victim};
use support::process::say;

/// In an operation with fewer instructions, each of them is a kill point.
const SHORT: usize = 2000;
/// In a longer operation: about so many kill points, evenly spread,
const SPREAD: usize = 800;
/// and every instruction that is this near to an effect.
const NEAR: usize = 6;

/// An operation, and what the survivors of a victim check.
pub struct Sweep<'a, S> {
    pub name: &'a str,
    /// The least number of kill points.
    pub minimum: usize,
    /// Puts everything in the state before the operation. Returns what the survivors hold.
    pub prepare: &'a dyn Fn() -> S,
    /// The file that the operation changes.
    pub file: &'a dyn Fn(&S) -> PathBuf,
    /// The victim's part. The operation is between two marks.
    pub operation: &'a dyn Fn(&S),
    /// Whether no other process changes that file during the operation.
    pub is_only_writer: bool,
    /// Wakes the victim, if it sleeps.
    pub wake: Option<&'a dyn Fn(&S)>,
    /// Whether victims reach their kill points by single steps only. Victims with other threads
    /// need that: a breakpoint would kill those threads.
    pub single_steps_only: bool,
}

impl<S> Sweep<'_, S> {
    /// Kills a victim at every kill point, then calls `check` with what the survivors hold and with
    /// the victim's process id. Returns all results.
    pub fn kill_everywhere<R>(&self, mut check: impl FnMut(S, u64) -> R) -> Vec<R> {
        self.everywhere(|victim, survivors| {
            let pid = victim.id();
            drop(victim);
            check(survivors, pid)
        })
    }

    /// Stops a victim at every kill point and calls `meanwhile` with what the survivors hold and
    /// with the victim's process id. Then the victim continues to its end, and `check` follows.
    pub fn stop_everywhere(&self, meanwhile: impl Fn(&mut S, u64), mut check: impl FnMut(S)) {
        self.everywhere(|victim, mut survivors| {
            meanwhile(&mut survivors, victim.id());
            victim.finish();
            check(survivors);
        });
    }

    fn everywhere<R>(&self, mut end: impl FnMut(Victim, S) -> R) -> Vec<R> {
        // Work that a process does only once is done now, so that all later victims take the same
        // path.
        for _ in 0..3 {
            let survivors = (self.prepare)();
            let victim = Victim::start(|| (self.operation)(&survivors));
            end(victim, survivors);
        }
        let path = self.trace();
        let routes = if self.single_steps_only { path.single_step_routes() } else { path.routes() };
        let mut tally = Coverage::new(&path);
        let mut results = Vec::new();
        // Each kill point takes longer where other threads sleep.
        let short = if self.is_only_writer { SHORT } else { SPREAD };
        for place in path.places(short) {
            let route = Route { parts: place.parts, ..routes[place.after] };
            let (victim, survivors, reached) = self.victim_after(place.after, &route, path.len());
            tally.count(place.after, reached, state_of(&segment_in(&(self.file)(&survivors))));
            results.push(self.at(place.after, || end(victim, survivors)));
            tally.report_progress(self.name);
        }
        for &after in &path.sleeps {
            let (victim, survivors) = self.victim_asleep_at(&routes[after]);
            results.push(self.at(after, || end(victim, survivors)));
        }
        tally.check(self, results.len());
        results
    }

    /// A victim that has come to the end of `route`.
    fn victim_at(&self, route: &Route) -> (Victim, S, Reached) {
        let survivors = (self.prepare)();
        let mut victim = Victim::start(|| (self.operation)(&survivors));
        let reached = self.lead(&mut victim, route, &survivors);
        (victim, survivors, reached)
    }

    /// A victim that has come to the kill point `after` so many instructions; to its end if these
    /// are all `instructions` of the first one's path.
    ///
    /// Where other threads of a victim run, its path may differ from the first one's. If it is
    /// shorter, another victim takes the whole path in single steps. If it is longer, other
    /// victims try to come to the end.
    fn victim_after(&self, after: usize, route: &Route, instructions: usize) -> (Victim, S, Reached) {
        let mut found = self.victim_at(route);
        if after < instructions {
            if found.2 == Reached::End {
                drop(found);
                found = self.victim_at(&Route { run: None, steps: after, parts: route.parts });
            }
            return found;
        }
        for _ in 0..20 {
            if found.2 == Reached::End {
                break;
            }
            drop(found);
            found = self.victim_at(route);
        }
        found
    }

    /// A victim that sleeps in the instruction at the end of `route`.
    fn victim_asleep_at(&self, route: &Route) -> (Victim, S) {
        for _ in 0..20 {
            let (victim, survivors, _) = self.victim_at(route);
            victim.step_without_waiting();
            if victim.falls_asleep() {
                return (victim, survivors);
            }
        }
        panic!("{}: no victim sleeps here, but the first one did", self.name);
    }

    /// Prints the kill point if `check` fails.
    fn at<R>(&self, after: usize, check: impl FnOnce() -> R) -> R {
        match panic::catch_unwind(panic::AssertUnwindSafe(check)) {
            Ok(result) => result,
            Err(what) => {
                say(format!("{}: failed after {after} instructions", self.name));
                panic::resume_unwind(what)
            }
        }
    }

    /// Leads `victim` to the end of `route`.
    fn lead(&self, victim: &mut Victim, route: &Route, survivors: &S) -> Reached {
        let mut wake = self.wake.map(|wake| || wake(survivors));
        if let Some((address, times)) = route.run {
            if victim.run_to(address, times, lent(&mut wake)) == Reached::End {
                return Reached::End;
            }
        }
        for _ in 0..route.steps {
            if victim.is_at_mark() {
                return Reached::End;
            }
            victim.step(lent(&mut wake));
        }
        if victim.is_at_mark() {
            return Reached::End;
        }
        for _ in 0..route.parts {
            // Where this processor stops less often, the instruction may be over already.
            if victim.step_a_part(lent(&mut wake)) {
                break;
            }
        }
        Reached::KillPoint
    }

    /// Takes the whole operation in single steps.
    pub fn trace(&self) -> Trace {
        let survivors = (self.prepare)();
        let file = (self.file)(&survivors);
        let mut victim = Victim::start(|| (self.operation)(&survivors));
        let mut path = Trace::from(victim.address(), segment_in(&file));
        while !victim.is_at_mark() {
            let is_syscall = victim.is_at_syscall();
            let slept = Cell::new(false);
            let mut note_and_wake = self.wake.map(|wake| {
                let (slept, survivors) = (&slept, &survivors);
                move || {
                    slept.set(true);
                    wake(survivors);
                }
            });
            while !victim.step_a_part(lent(&mut note_and_wake)) {
                path.add_part(segment_in(&file));
            }
            if slept.get() {
                path.sleeps.push(path.len());
            }
            path.add(victim.address(), segment_in(&file), is_syscall);
        }
        path
    }
}

/// Borrows the function, if there is one.
fn lent<F: FnMut()>(wake: &mut Option<F>) -> Option<&mut dyn FnMut()> {
    wake.as_mut().map(|wake| -> &mut dyn FnMut() { wake })
}

/// What the sweep has covered so far.
struct Coverage<'a> {
    path: &'a Trace,
    /// States of the segment that no victim has left behind yet.
    unseen: HashSet<Vec<u8>>,
    /// How many victims came to the end after fewer instructions than the first.
    missed: usize,
    /// Whether the last victim came to the end.
    completed: bool,
    started: Instant,
    said: Instant,
}

impl<'a> Coverage<'a> {
    fn new(path: &'a Trace) -> Self {
        let now = Instant::now();
        Self { path, unseen: path.states.clone(), missed: 0, completed: false, started: now, said: now }
    }

    fn count(&mut self, after: usize, reached: Reached, state: Vec<u8>) {
        self.unseen.remove(&state);
        if after == self.path.len() {
            self.completed = reached == Reached::End;
        } else {
            self.missed += usize::from(reached == Reached::End);
        }
    }

    /// Tells the waiting parent process that the sweep makes progress.
    fn report_progress(&mut self, name: &str) {
        if self.said.elapsed() > Duration::from_secs(5) {
            say(format!("(still at it: {name})"));
            self.said = Instant::now();
        }
    }

    /// Prints how many kill points there were, and checks that they were enough.
    fn check<S>(self, sweep: &Sweep<'_, S>, points: usize) {
        let Self { path, unseen, missed, completed, started, .. } = self;
        let (name, instructions, states) = (sweep.name, path.len(), path.states.len());
        let (asleep, seconds) = (path.sleeps.len(), started.elapsed().as_secs_f32());
        say(format!(
            "{name}: {points} points of {instructions} instructions, {states} states of the segment, \
             {asleep} asleep, {missed} missed ({seconds:.1} s)"
        ));
        assert!(points > sweep.minimum, "{name}: too few points");
        assert!(completed, "{name}: the last victim did not come to the end");
        assert!(missed * 20 <= points, "{name}: too many points missed");
        assert!(sweep.wake.is_none() || asleep > 0, "{name}: no victim slept");
        assert!(
            !sweep.is_only_writer || unseen.is_empty(),
            "{name}: no victim left {} of the states behind",
            unseen.len()
        );
    }
}

/// The path through an operation.
pub struct Trace {
    /// The address of each instruction, and of the mark at the end.
    addresses: Vec<u64>,
    /// All states that the segment had between instructions.
    states: HashSet<Vec<u8>>,
    /// The segment's latest bytes.
    segment: Vec<u8>,
    /// After how many instructions there was an effect.
    effects: Vec<usize>,
    /// After how many instructions the victim went to sleep.
    sleeps: Vec<usize>,
    /// How often the victim stopped within the current instruction, and whether the segment changed
    /// there.
    parts: (usize, bool),
    /// String instructions that changed the segment before they ended: after how many instructions,
    /// and how often the victim stopped within.
    strings: Vec<(usize, usize)>,
    /// The segment's bytes at all these stops.
    within: Vec<Vec<u8>>,
}

/// A kill point: after so many instructions, and so many stops within the next.
#[derive(Clone, Copy)]
struct KillPoint {
    after: usize,
    parts: usize,
}

/// How a victim reaches a kill point.
#[derive(Clone, Copy)]
struct Route {
    /// The victim runs until it reaches this instruction for the n-th time,
    run: Option<(u64, usize)>,
    /// takes so many instructions in single steps,
    steps: usize,
    /// and so many parts of a string instruction.
    parts: usize,
}

impl Trace {
    fn from(address: u64, segment: Vec<u8>) -> Self {
        Self {
            addresses: vec![address],
            states: HashSet::from([state_of(&segment)]),
            segment,
            effects: Vec::new(),
            sleeps: Vec::new(),
            parts: (0, false),
            strings: Vec::new(),
            within: Vec::new(),
        }
    }

    /// Records that the victim stopped within an instruction.
    fn add_part(&mut self, segment: Vec<u8>) {
        self.parts = (self.parts.0 + 1, self.parts.1 || segment != self.segment);
        self.segment.clone_from(&segment);
        self.within.push(segment);
    }

    /// Records an instruction that led to `address`.
    fn add(&mut self, address: u64, segment: Vec<u8>, was_syscall: bool) {
        let (parts, seen_within) = mem::take(&mut self.parts);
        if seen_within {
            self.strings.push((self.len(), parts));
        }
        self.addresses.push(address);
        let is_new = segment != self.segment;
        if was_syscall || seen_within || is_new {
            self.effects.push(self.len());
        }
        if seen_within || is_new {
            self.states.insert(state_of(&segment));
            self.segment = segment;
        }
    }

    /// In instructions.
    pub fn len(&self) -> usize {
        self.addresses.len() - 1
    }

    /// The segment's bytes at each stop within an instruction.
    pub fn within(&self) -> &[Vec<u8>] {
        &self.within
    }

    /// All states that the segment had between instructions.
    pub fn states(&self) -> &HashSet<Vec<u8>> {
        &self.states
    }

    /// The kill points: one after every instruction, if there are fewer than `short`.
    fn places(&self, short: usize) -> Vec<KillPoint> {
        let stride = if self.len() < short { 1 } else { (self.len() + 1).div_ceil(SPREAD) };
        let is_near = |place: usize| self.effects.iter().any(|effect| effect.abs_diff(place) <= NEAR);
        let is_chosen = |place: &usize| place % stride == 0 || *place == self.len() || is_near(*place);
        let mut places = Vec::new();
        for after in (0..=self.len()).filter(is_chosen) {
            places.push(KillPoint { after, parts: 0 });
            let strings = self.strings.iter().filter(|string| string.0 == after);
            let within = strings.flat_map(|string| (1..=string.1).step_by(string.1.div_ceil(SPREAD)));
            places.extend(within.map(|parts| KillPoint { after, parts }));
        }
        places
    }

    /// For each instruction, the route that takes single steps only.
    fn single_step_routes(&self) -> Vec<Route> {
        (0..self.addresses.len()).map(|steps| Route { run: None, steps, parts: 0 }).collect()
    }

    /// For each instruction, the route that takes the fewest stops.
    fn routes(&self) -> Vec<Route> {
        const STOPS_PER_TIME: usize = 3;
        let mut times = HashMap::new();
        let mut best = (Route { run: None, steps: 0, parts: 0 }, 0);
        let step_from =
            |(route, stops): (Route, usize)| (Route { steps: route.steps + 1, ..route }, stops + 1);
        let mut routes = Vec::new();
        for (place, &address) in self.addresses.iter().enumerate() {
            let time = times.entry(address).and_modify(|n| *n += 1).or_insert(1_usize);
            if place > 0 {
                let run = (Route { run: Some((address, *time)), steps: 0, parts: 0 }, *time * STOPS_PER_TIME);
                let step = step_from(best);
                best = if step.1 <= run.1 { step } else { run };
            }
            routes.push(best.0);
        }
        // The mark at the end is a breakpoint already.
        if let [.., before, last] = &mut routes[..] {
            *last = Route { steps: before.steps + 1, ..*before };
        }
        routes
    }
}

/// The bytes of the segment in `file`, without those that differ from victim to victim. Empty if
/// there is no file.
fn segment_in(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).unwrap_or_default();
    blank_displayed(&mut bytes);
    bytes
}

/// The bytes of a segment that are the same on every processor.
fn state_of(segment: &[u8]) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    blank_unpublished(&mut bytes);
    bytes
}
