//! Every instruction of an operation, as a place to die.
//!
//! First one victim goes through the whole operation, instruction by instruction; its path is noted, and where it
//! did something that others can see (the segment changed, or a system call). The next victims are killed on that
//! path: at every instruction if the operation is short, else around all such places, and here and there between.
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, panic};

use crate::children::say;
use crate::scene::blank_displayed;
use crate::victim::{Reached, Victim};

/// So many instructions are a short operation: every one of them counts.
const SHORT: usize = 2000;
/// In a longer one: so many, evenly spread,
const SPREAD: usize = 800;
/// and, this near to what others can see, every one.
const NEAR: usize = 6;

/// An operation, and those who survive whoever is killed in it.
pub struct Plot<'a, S> {
    pub name: &'a str,
    /// How many places to die it has at least.
    pub minimum: usize,
    /// Everything as it is before the operation; what the survivors hold.
    pub prepare: &'a dyn Fn() -> S,
    /// The file that the operation changes.
    pub file: &'a dyn Fn(&S) -> PathBuf,
    /// The victim's part: the operation is between two marks.
    pub act: &'a dyn Fn(&S),
    /// Whether nobody else changes that file during the operation.
    pub alone: bool,
    /// Ends the victim's sleep, if it does sleep.
    pub rouse: Option<&'a dyn Fn(&S)>,
    /// Whether victims get to their places by single steps only: where they have other threads, which breakpoints would kill.
    pub on_foot: bool,
}

impl<S> Plot<'_, S> {
    /// Kills a victim at every place and has the survivors `check`, told its process id: what that gave each time.
    pub fn kill_everywhere<R>(&self, mut check: impl FnMut(S, u64) -> R) -> Vec<R> {
        self.everywhere(|victim, survivors| {
            let pid = victim.id();
            drop(victim);
            check(survivors, pid)
        })
    }

    /// Stops a victim at every place, lets the survivors, told its process id, do something `meanwhile`, lets it go on
    /// to its good end, and has them `check`.
    pub fn stop_everywhere(&self, meanwhile: impl Fn(&mut S, u64), mut check: impl FnMut(S)) {
        self.everywhere(|victim, mut survivors| {
            meanwhile(&mut survivors, victim.id());
            victim.finish();
            check(survivors);
        });
    }

    fn everywhere<R>(&self, mut end: impl FnMut(Victim, S) -> R) -> Vec<R> {
        // What is done only once in a process is done now: later all victims take the same way.
        for _ in 0..3 {
            let survivors = (self.prepare)();
            let victim = Victim::start(|| (self.act)(&survivors));
            end(victim, survivors);
        }
        let path = self.walk();
        let routes = if self.on_foot { path.footpaths() } else { path.routes() };
        let mut tally = Tally::new(&path);
        let mut results = Vec::new();
        // Where others are asleep, each place takes its time.
        let short = if self.alone { SHORT } else { SPREAD };
        for after in path.places(short) {
            let (victim, survivors, reached) = self.victim_after(after, &routes[after], path.len());
            tally.count(after, reached, state_of(&(self.file)(&survivors)));
            results.push(self.at(after, || end(victim, survivors)));
            tally.reassure(self.name);
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
        let mut victim = Victim::start(|| (self.act)(&survivors));
        let reached = self.lead(&mut victim, route, &survivors);
        (victim, survivors, reached)
    }

    /// The same for a place `after` so many instructions. A victim that rode past it, because its path is not quite that of
    /// the first, is replaced by one that goes on foot.
    fn victim_after(&self, after: usize, route: &Route, end: usize) -> (Victim, S, Reached) {
        let found = self.victim_at(route);
        if found.2 == Reached::Place || after == end {
            return found;
        }
        drop(found);
        self.victim_at(&Route { run: None, steps: after })
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
        panic!("{}: it slept here before", self.name);
    }

    /// Says where, if `check` finds something.
    fn at<R>(&self, after: usize, check: impl FnOnce() -> R) -> R {
        match panic::catch_unwind(panic::AssertUnwindSafe(check)) {
            Ok(result) => result,
            Err(what) => {
                say(format!("{}: failed after {after} instructions", self.name));
                panic::resume_unwind(what)
            }
        }
    }

    /// Leads `victim` to where `route` goes.
    fn lead(&self, victim: &mut Victim, route: &Route, survivors: &S) -> Reached {
        let mut rouse = self.rouse.map(|rouse| || rouse(survivors));
        if let Some((address, times)) = route.run {
            if victim.run_to(address, times, lent(&mut rouse)) == Reached::End {
                return Reached::End;
            }
        }
        for _ in 0..route.steps {
            if victim.is_at_mark() {
                return Reached::End;
            }
            victim.step(lent(&mut rouse));
        }
        if victim.is_at_mark() { Reached::End } else { Reached::Place }
    }

    /// Goes through the whole operation once.
    fn walk(&self) -> Trace {
        let survivors = (self.prepare)();
        let file = (self.file)(&survivors);
        let mut victim = Victim::start(|| (self.act)(&survivors));
        let mut path = Trace::from(victim.address(), state_of(&file));
        while !victim.is_at_mark() {
            let is_syscall = victim.is_at_syscall();
            let slept = Cell::new(false);
            let mut note_and_rouse = self.rouse.map(|rouse| {
                let (slept, survivors) = (&slept, &survivors);
                move || {
                    slept.set(true);
                    rouse(survivors);
                }
            });
            victim.step(lent(&mut note_and_rouse));
            if slept.get() {
                path.sleeps.push(path.len());
            }
            path.add(victim.address(), state_of(&file), is_syscall);
        }
        path
    }
}

/// A borrowed one, if there is one.
fn lent<F: FnMut()>(rouse: &mut Option<F>) -> Option<&mut dyn FnMut()> {
    rouse.as_mut().map(|rouse| -> &mut dyn FnMut() { rouse })
}

/// What has been done so far.
struct Tally<'a> {
    path: &'a Trace,
    /// States of the segment that nobody has left behind yet.
    unseen: HashSet<Vec<u8>>,
    /// How many victims were at the end already after fewer instructions.
    missed: usize,
    /// Whether one came to the end.
    completed: bool,
    started: Instant,
    said: Instant,
}

impl<'a> Tally<'a> {
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

    /// Whoever waits for this process knows that it goes on.
    fn reassure(&mut self, name: &str) {
        if self.said.elapsed() > Duration::from_secs(5) {
            say(format!("(still at it: {name})"));
            self.said = Instant::now();
        }
    }

    /// Says how many points there were; that was all.
    fn check<S>(self, plot: &Plot<'_, S>, points: usize) {
        let Self { path, unseen, missed, completed, started, .. } = self;
        let (name, instructions, states) = (plot.name, path.len(), path.states.len());
        let (asleep, seconds) = (path.sleeps.len(), started.elapsed().as_secs_f32());
        say(format!(
            "{name}: {points} points of {instructions} instructions, {states} states of the segment, \
             {asleep} asleep, {missed} missed ({seconds:.1} s)"
        ));
        assert!(points > plot.minimum, "{name}: too few points");
        assert!(completed, "{name}: the last one was to come to the end");
        assert!(missed * 20 <= points, "{name}: too many points missed");
        assert!(plot.rouse.is_none() || asleep > 0, "{name}: nobody slept");
        assert!(!plot.alone || unseen.is_empty(), "{name}: nobody left {} states behind", unseen.len());
    }
}

/// The way through an operation.
struct Trace {
    /// Of each instruction, and of the mark at the end.
    addresses: Vec<u64>,
    /// All that the segment was on the way.
    states: HashSet<Vec<u8>>,
    /// The latest of them.
    state: Vec<u8>,
    /// After how many instructions others could see something new.
    effects: Vec<usize>,
    /// After how many instructions it went to sleep.
    sleeps: Vec<usize>,
}

/// How to get to a place.
#[derive(Clone, Copy)]
struct Route {
    /// To an instruction, when it comes up for the n-th time.
    run: Option<(u64, usize)>,
    /// Then so many instructions.
    steps: usize,
}

impl Trace {
    fn from(address: u64, state: Vec<u8>) -> Self {
        Self {
            addresses: vec![address],
            states: HashSet::from([state.clone()]),
            state,
            effects: Vec::new(),
            sleeps: Vec::new(),
        }
    }

    /// An instruction led to `address`.
    fn add(&mut self, address: u64, state: Vec<u8>, was_syscall: bool) {
        self.addresses.push(address);
        if was_syscall || state != self.state {
            self.effects.push(self.len());
        }
        if state != self.state {
            self.states.insert(state.clone());
            self.state = state;
        }
    }

    /// In instructions.
    fn len(&self) -> usize {
        self.addresses.len() - 1
    }

    /// After how many instructions victims are to be killed: every one, if there are not more than `short`.
    fn places(&self, short: usize) -> Vec<usize> {
        // A string instruction (`rep`) is one place, unless others see it go on.
        let repeats = |place: usize| place > 0 && self.addresses[place - 1] == self.addresses[place];
        let once: Vec<usize> = (0..=self.len()).filter(|&place| !repeats(place)).collect();
        let stride = if once.len() <= short { 1 } else { once.len().div_ceil(SPREAD) };
        let spread: HashSet<usize> = once.into_iter().step_by(stride).collect();
        let is_near = |place: usize| self.effects.iter().any(|effect| effect.abs_diff(place) <= NEAR);
        (0..=self.len())
            .filter(|&place| spread.contains(&place) || place == self.len() || is_near(place))
            .collect()
    }

    /// For each place, the way there without a ride.
    fn footpaths(&self) -> Vec<Route> {
        (0..self.addresses.len()).map(|steps| Route { run: None, steps }).collect()
    }

    /// For each place, the way there that takes the fewest stops.
    fn routes(&self) -> Vec<Route> {
        const STOPS_PER_TIME: usize = 3;
        let mut times = HashMap::new();
        let mut best = (Route { run: None, steps: 0 }, 0);
        let on_foot = |(route, stops): (Route, usize)| (Route { steps: route.steps + 1, ..route }, stops + 1);
        let mut routes = Vec::new();
        for (place, &address) in self.addresses.iter().enumerate() {
            let time = times.entry(address).and_modify(|n| *n += 1).or_insert(1_usize);
            if place > 0 {
                let ride = (Route { run: Some((address, *time)), steps: 0 }, *time * STOPS_PER_TIME);
                let walk = on_foot(best);
                best = if walk.1 <= ride.1 { walk } else { ride };
            }
            routes.push(best.0);
        }
        // The mark at the end is no place to put a breakpoint on: it is one.
        if let [.., before, last] = &mut routes[..] {
            *last = Route { steps: before.steps + 1, ..*before };
        }
        routes
    }
}

/// The segment in `file`, less what differs from victim to victim; nothing if there is none.
fn state_of(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).unwrap_or_default();
    blank_displayed(&mut bytes);
    bytes
}
