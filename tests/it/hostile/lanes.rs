//! Lies about lanes: their bells, and that one of them is enough to make the consumer stop.
use std::time::Duration;

use ringway::lanes::{Consumer, Lanes, Producer, Ring};
use ringway::{Corruption, Options, PopError};

use super::ends::{CAPACITY, Cargo};
use super::layout::{ARMED, COMMON, KindLayout, LANE, LANE_HEAD, ROLE, RUNG};
use super::memory::Shared;

/// More lanes than are watched in any case.
const MANY: usize = 12;
/// So many looks put lanes to rest; and so many lead to a look at those that rest.
const TIRING: usize = 650;
const SWEEPING: usize = 5000;

/// A ring of many lanes, of which all but a few are at rest.
struct Resting {
    shared: Shared,
    ends: Vec<Producer<u64, Shared>>,
    rx: Consumer<u64, Shared>,
}

impl Resting {
    fn new() -> Self {
        let shared = Shared::of(4 * ROLE * MANY);
        let options = Options::new().capacity(CAPACITY).max_producers(MANY);
        let ring = Ring::<u64, _>::format(shared.clone(), &options).unwrap();
        let ends = (0..MANY).map(|_| ring.producer().unwrap()).collect();
        let mut scene = Self { shared, ends, rx: ring.consumer().unwrap() };
        scene.look(TIRING);
        assert!(scene.at_rest().count() >= MANY - 8);
        scene
    }

    /// Looks so often, in vain.
    fn look(&mut self, times: usize) {
        (0..times).for_each(|_| assert_eq!(self.rx.try_pop(), Err(PopError::Empty)));
    }

    fn at_rest(&self) -> impl Iterator<Item = usize> {
        (0..MANY).filter(|lane| self.shared.word(Lanes::seat(*lane) + ARMED) != 0)
    }

    /// A lane that is at rest.
    fn one_at_rest(&self) -> usize {
        self.at_rest().last().unwrap()
    }

    fn push(&mut self, lane: usize) {
        self.ends[lane].try_push(&(lane as u64)).unwrap();
    }
}

const BITS: usize = COMMON + ROLE * (1 + MANY);

#[test]
fn who_rings_is_heard_and_not_armed_any_more() {
    let mut scene = Resting::new();
    let lane = scene.one_at_rest();
    scene.push(lane);
    assert!(scene.at_rest().all(|other| other != lane));
    assert_eq!((scene.shared.word(RUNG), scene.shared.word(BITS)), (1, 1 << lane));
    assert_eq!(scene.rx.try_pop(), Ok(lane as u64));
    assert_eq!((scene.shared.word(RUNG), scene.shared.word(BITS)), (0, 0));
    // Now it is watched: it need not ring.
    scene.push(lane);
    assert_eq!(scene.shared.word(RUNG), 0);
    assert_eq!(scene.rx.try_pop(), Ok(lane as u64));
}

#[test]
fn bells_that_nobody_rang_cost_nothing_but_a_look() {
    for bits in [0, 1, u64::MAX, 1 << 63, !((1 << MANY) - 1)] {
        let mut scene = Resting::new();
        for _ in 0..3 {
            scene.shared.write(BITS, bits);
            scene.shared.write(RUNG, u64::MAX);
            scene.look(TIRING);
        }
        for lane in 0..MANY {
            scene.push(lane);
            assert_eq!(scene.rx.try_pop(), Ok(lane as u64));
        }
    }
}

/// Whoever silences a bell delays what it would have told, and no more.
#[test]
fn what_a_silenced_bell_would_have_told_is_found_all_the_same() {
    let silencers: [fn(&Shared, usize); 3] = [
        |shared, lane| shared.write(Lanes::seat(lane) + ARMED, 0),
        |shared, _| shared.write(RUNG, 0),
        |shared, _| shared.write(BITS, 0),
    ];
    for silence in silencers {
        let mut scene = Resting::new();
        let lane = scene.one_at_rest();
        silence(&scene.shared, lane);
        scene.push(lane);
        silence(&scene.shared, lane);
        let found = (0..SWEEPING).find_map(|_| scene.rx.try_pop().ok());
        assert_eq!(found, Some(lane as u64));
    }
}

/// An armed word that nobody set: its producer rings in vain, once.
#[test]
fn who_is_armed_by_a_liar_rings_once() {
    let mut scene = Resting::new();
    let lane = (0..MANY).find(|lane| !scene.at_rest().any(|other| other == *lane)).unwrap();
    scene.shared.write(Lanes::seat(lane) + ARMED, u64::MAX);
    for _ in 0..3 {
        scene.push(lane);
        assert_eq!(scene.rx.try_pop(), Ok(lane as u64));
    }
    assert_eq!(scene.shared.word(Lanes::seat(lane) + ARMED) as u32, 0);
}

fn corrupt_lanes_are_told<T: Cargo + ?Sized>() {
    for lane in 0..Lanes::SEATS {
        let shared = Shared::new();
        let ring = shared.ring::<Lanes, T>();
        let mut rx = ring.consumer().unwrap();
        let mut ends = [(); 3].map(|()| ring.producer().unwrap());
        ends.iter_mut().for_each(|tx| T::send(tx, 0).unwrap());
        shared.write(Lanes::cell(lane, 0), 99);
        let what = Corruption::Stamp { position: 0, found: 99 };
        // What stands in the lanes before it still comes.
        let came = (0..9).take_while(|_| T::receive(&mut rx, 0).is_ok()).count();
        assert_eq!(came, lane);
        for how in 0..20 {
            ends.iter_mut().for_each(|tx| T::send(tx, 0).unwrap_or_default());
            assert_eq!(T::receive(&mut rx, how), Err(PopError::Corrupt(what)), "lane {lane}, {how}");
        }
        assert!(rx.stalled().is_none());
        // The producers of the others notice nothing of it.
        assert!(ends.iter_mut().all(|tx| !matches!(T::send(tx, 0), Err(ringway::PushError::Corrupt(_)))));
    }
}

#[test]
fn one_corrupt_lane_stops_the_consumer_for_good() {
    corrupt_lanes_are_told::<u64>();
    corrupt_lanes_are_told::<[u8]>();
}

/// A corrupt lane at rest is not looked at; once it rings, it is told.
#[test]
fn a_corrupt_lane_at_rest_is_told_when_it_rings() {
    let mut scene = Resting::new();
    let lane = scene.one_at_rest();
    let first = BITS + 128;
    scene.shared.write(first + LANE * lane, 99);
    scene.look(9);
    scene.shared.write(BITS, 1 << lane);
    scene.shared.write(RUNG, 1);
    let what = PopError::Corrupt(Corruption::Stamp { position: 0, found: 99 });
    for _ in 0..9 {
        assert_eq!(scene.rx.try_pop(), Err(what));
    }
}

/// Each lane has its HEAD; a lie about one is noticed by its own producer.
#[test]
fn a_lanes_head_is_its_own() {
    let shared = Shared::new();
    let ring = shared.ring::<Lanes, u64>();
    let [mut a, mut b] = [(); 2].map(|()| ring.producer().unwrap());
    assert_eq!(a.try_push_slice(&[1; 9]), Ok(CAPACITY));
    assert_eq!(b.try_push_slice(&[1; 9]), Ok(CAPACITY));
    shared.write(Lanes::seat(1) + LANE_HEAD, 9);
    let what = Corruption::Head { found: 9, low: 0, high: CAPACITY as u64 };
    assert_eq!(a.try_push(&1), Err(ringway::PushError::Full));
    assert_eq!(b.try_push(&1), Err(what.into()));
    assert_eq!(b.try_push_slice(&[1]), Err(what.into()));
}

/// A producer that is killed between its record and its bell leaves a record in a lane at rest. A consumer that waits finds it when
/// it asks who lives, after each slice of its wait.
#[test]
fn a_wait_looks_at_the_lanes_at_rest() {
    let mut scene = Resting::new();
    let lane = scene.one_at_rest();
    scene.push(lane);
    scene.shared.write(RUNG, 0);
    scene.shared.write(BITS, 0);
    // Far fewer looks than lead to a look at those at rest without a wait.
    assert_eq!(scene.rx.pop_timeout(Duration::from_micros(200)), Ok(lane as u64));
}
