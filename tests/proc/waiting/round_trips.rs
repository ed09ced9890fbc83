//! Round trips between two processes, with random pauses and random ways to wait. No wait ends by
//! its slice although its record is there.
//!
//! The test is exact on a busy machine, too. The system reports that a slice ended, and the other
//! side reports when it returned from the call that should have woken the sleeper. If that was
//! before the end of the slice, a wake-up was lost.
use std::env;
use std::hint::spin_loop;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use ringway::lanes::Lanes;
use ringway::mpsc::Mpsc;
use ringway::ring::{self, Consumer, Kind, Producer};
use ringway::spsc::Spsc;
use ringway::{Options, Pollable, PopError, WaitStrategy};
use rustix::event::{PollFd, PollFlags, poll};

use super::instrumented_memory::{Watched, now, slept_through_here, watched};
use support::Name;
use support::process::{Child, Dice, say};

/// The message.
#[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, Clone, Copy, Debug)]
#[repr(C)]
pub struct Message {
    number: u64,
    /// When the sender had sent the message before this one.
    sent_before: u64,
    /// On the way back: when the other side received it.
    taken: u64,
}

/// Times that differ by more than this are certainly in order.
const CERTAINLY: u64 = 1_000_000;
/// The test fails after so many lost wake-ups.
const ENOUGH: u64 = 10;
/// The length of a slice.
const STALLED: Duration = Duration::from_millis(90);
/// How many messages may be under way at once: more than one ring has room for.
const BURST: u64 = 12;
/// The number of lanes, so that the consumer stops polling some of them.
const SEATS: usize = 10;
/// How many messages use the same way to wait.
const PHASE: u64 = 300;

/// The kinds run one after the other, so that each of the two processes has a core.
static IN_TURN: Mutex<()> = Mutex::new(());

fn pause(dice: &mut Dice) {
    match dice.below(1000) {
        0..750 => {}
        750..950 => (0..dice.below(2000)).for_each(|_| spin_loop()),
        950..980 => (0..1 + dice.below(3)).for_each(|_| yield_now()),
        980..994 => dice.nap(Duration::from_micros(100)),
        _ => dice.nap(Duration::from_micros(3000)),
    }
}

fn drawn(dice: &mut Dice) -> WaitStrategy {
    // Seldom: a process that spins on the core of the other side delays it for milliseconds.
    match dice.below(64) {
        0 => WaitStrategy::Spin,
        1..24 => WaitStrategy::Park,
        _ => WaitStrategy::Adaptive,
    }
}

/// Sends, and notes the slices that ended while it waited for room.
struct Sender<K: Kind> {
    tx: Producer<K, Message, Watched>,
    sent: u64,
    sent_at: u64,
    /// The numbers of these messages, and when the slices ended.
    slept_through: Vec<(u64, u64)>,
}

impl<K: Kind> Sender<K> {
    fn new(ring: &ring::Ring<K, Message, Watched>) -> Self {
        Self { tx: ring.producer().unwrap(), sent: 0, sent_at: 0, slept_through: Vec::new() }
    }

    fn send(&mut self, taken: u64) {
        slept_through_here();
        self.tx.push(&Message { number: self.sent, sent_before: self.sent_at, taken }).unwrap();
        self.sent_at = now();
        let slept = slept_through_here();
        self.slept_through.extend(slept.map(|until| (self.sent, until)));
        self.sent += 1;
    }

    /// Message `number` was received at that time. Returns whether a later message waited for that
    /// and slept through it.
    fn has_lost(&mut self, number: u64, taken: u64) -> bool {
        let lost = self
            .slept_through
            .iter()
            .any(|(later, until)| *later == number + 1 && taken + CERTAINLY < *until);
        self.slept_through.retain(|(later, _)| *later > number + 1);
        lost
    }
}

enum End<K: Kind> {
    Bare(Consumer<K, Message, Watched>),
    Attended(Pollable<Consumer<K, Message, Watched>>),
}

/// Receives, and notes the slices that it slept through.
struct Receiver<K: Kind> {
    end: Option<End<K>>,
    /// When a slice ended in the wait for the last message.
    slept_through: Option<u64>,
    lost: u64,
}

impl<K: Kind> Receiver<K> {
    fn new(ring: &ring::Ring<K, Message, Watched>) -> Self {
        Self { end: Some(End::Bare(ring.consumer().unwrap())), slept_through: None, lost: 0 }
    }

    /// Chooses another way to wait.
    fn change(&mut self, dice: &mut Dice) {
        let mut end = match self.end.take().unwrap() {
            End::Bare(rx) => rx,
            End::Attended(rx) => rx.into_inner(),
        };
        end.set_wait_strategy(drawn(dice));
        let notes = end.ring().memory().notes.clone();
        notes.descriptor.store(0, Relaxed);
        self.end = Some(if dice.below(4) == 0 {
            let end = end.into_pollable().unwrap();
            notes.descriptor.store(end.as_raw_fd() + 1, Relaxed);
            End::Attended(end)
        } else {
            End::Bare(end)
        });
    }

    fn receive(&mut self) -> Result<Message, PopError> {
        let (message, slept) = match self.end.as_mut().unwrap() {
            End::Bare(rx) => {
                slept_through_here();
                (rx.pop(), slept_through_here())
            }
            End::Attended(rx) => {
                let mut slept = None;
                loop {
                    match rx.try_pop() {
                        Err(PopError::Empty) => {
                            if rx.arm() {
                                let notes = rx.ring().memory().notes.clone();
                                notes.slept_through();
                                poll(&mut [PollFd::new(&*rx, PollFlags::IN)], None).unwrap();
                                slept = notes.slept_through();
                            }
                        }
                        other => break (other, slept),
                    }
                }
            }
        };
        let message = message?;
        // The time in a message is about the message before it.
        self.lost +=
            u64::from(self.slept_through.is_some_and(|until| message.sent_before + CERTAINLY < until));
        self.slept_through = slept;
        assert!(self.lost < ENOUGH, "wake-ups were lost");
        Ok(message)
    }
}

fn rings<K: Kind>(names: [&str; 2]) -> [ring::Ring<K, Message, Watched>; 2] {
    names.map(|name| watched(&ring::Ring::<K, Message>::open(name).unwrap()))
}

pub fn send_back(words: &[&str]) {
    match words[0] {
        "spsc" => back::<Spsc>(words),
        "mpsc" => back::<Mpsc>(words),
        _ => back::<Lanes>(words),
    }
}

/// Sends all messages back, and prints how many wake-ups were lost.
fn back<K: Kind>(words: &[&str]) {
    let [there, back] = rings::<K>([words[1], words[2]]);
    let (mut rx, mut tx) = (Receiver::new(&there), Sender::new(&back));
    let mut dice = Dice::from_seed(words[3].parse().unwrap());
    say("sat");
    while let Ok(message) = rx.receive() {
        let taken = now();
        if message.number % PHASE == 0 {
            rx.change(&mut dice);
            tx.tx.set_wait_strategy(drawn(&mut dice));
        }
        pause(&mut dice);
        tx.send(taken);
    }
    say(rx.lost);
}

fn trips() -> u64 {
    env::var("RINGWAY_TRIPS").map_or(30_000, |trips| trips.parse().unwrap())
}

fn no_trip_is_ended_by_a_slice<K: Kind>(kind: &str) {
    let _turn = IN_TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let names = [Name::unique("ringway-trips"), Name::unique("ringway-trips")];
    let options =
        |capacity| Options::new().capacity(capacity).max_producers(if kind == "spsc" { 1 } else { SEATS });
    ring::Ring::<K, Message>::create(&names[0], &options(1)).unwrap();
    ring::Ring::<K, Message>::create(&names[1], &options(64)).unwrap();
    let [there, back] = rings::<K>([names[0].as_str(), names[1].as_str()]);
    let mut dice = Dice::new();
    let (seed, began) = (dice.seed(), Instant::now());
    let (mut tx, mut rx) = (Sender::new(&there), Receiver::new(&back));
    let mut child = Child::start(
        "send back",
        &[kind, names[0].as_str(), names[1].as_str(), &(seed ^ 0xffff).to_string()],
    );
    child.expect("sat");
    let (mut stalled, mut longest, mut lost_room, mut phase) = (0, Duration::ZERO, 0, 0);
    let notes = [there.memory().notes.clone(), back.memory().notes.clone()];
    while tx.sent < trips() {
        if tx.sent / PHASE > phase {
            phase = tx.sent / PHASE;
            rx.change(&mut dice);
            tx.tx.set_wait_strategy(drawn(&mut dice));
        }
        let burst = if dice.below(4) == 0 { 1 + dice.below(BURST) } else { 1 };
        let sent_at = Instant::now();
        (0..burst).for_each(|_| tx.send(0));
        for number in tx.sent - burst..tx.sent {
            let message = rx.receive().unwrap();
            assert_eq!(message.number, number);
            lost_room += u64::from(tx.has_lost(number, message.taken));
            assert!(lost_room < ENOUGH, "wake-ups were lost");
        }
        let took = sent_at.elapsed();
        longest = longest.max(took);
        stalled += u64::from(took > STALLED);
        pause(&mut dice);
    }
    let (sent, lost_here) = (tx.sent, rx.lost);
    drop((tx, rx));
    let lost_there = child.line();
    child.finish();
    let parks = notes.map(|notes| notes.parks.load(Relaxed));
    println!(
        "{kind}: {sent} trips in {:.1} s, seed {seed}: parked {} times for room and {} for records; longest {longest:?}, \
         {stalled} of over 90 ms; lost wake-ups {lost_room} for room, {lost_here} and {lost_there} for records",
        began.elapsed().as_secs_f32(),
        parks[0],
        parks[1],
    );
    assert_eq!((lost_room, lost_here, lost_there.as_str()), (0, 0, "0"), "wake-ups were lost");
}

#[test]
fn no_wake_up_is_lost_in_spsc() {
    no_trip_is_ended_by_a_slice::<Spsc>("spsc");
}

#[test]
fn no_wake_up_is_lost_in_mpsc() {
    no_trip_is_ended_by_a_slice::<Mpsc>("mpsc");
}

#[test]
fn no_wake_up_is_lost_in_lanes() {
    no_trip_is_ended_by_a_slice::<Lanes>("lanes");
}
