//! The consumer: it starts the producers, receives their records, kills one producer and stops
//! another.
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use ringway::ring::{Consumer, Kind, Ring};
use ringway::{Options, PopError, Presence, Role, SeatInfo};
use rustix::process::{Pid, Signal, kill_process};

use crate::tally::{HEADING, Tally};
use crate::{Load, PRODUCERS, RING, Result};

/// After so long without a record, the consumer asks which producer holds it up.
const SILENCE: Duration = Duration::from_millis(100);
/// The producer that is killed: the third one started. Its seat may have another number.
const VICTIM: usize = 2;
/// The producer that is stopped for a while: the sixth one started.
const SLEEPER: usize = 5;

pub fn run<K: Kind>(load: &Load, words: [&str; 4]) -> Result<()> {
    let name = format!("ringway-fan-in-{}", std::process::id());
    // Before the ring exists: if this process is killed, they remove the ring.
    let mut producers = Producers::start(&name, words)?;
    let options = Options::new().capacity(RING).max_producers(PRODUCERS).label("consumer");
    let ring = Ring::<K, [u8]>::create(&name, &options)?;
    let joined = ring.consumer().map(|rx| (wait_for_all(&ring), rx));
    // No process needs the name any more, and without it nothing is left behind.
    Ring::<K, [u8]>::unlink(&name)?;
    let (true, mut rx) = joined? else { return Err("the producers did not all join the ring".into()) };

    let start = Instant::now();
    let mut tallies = thread::scope(|scope| {
        scope.spawn(|| kill_and_stop(&ring, &producers.pids()));
        receive(&mut rx, load)
    })?;
    let time = start.elapsed().as_secs_f64();
    producers.finish()?;
    for loss in rx.losses() {
        println!("lost: {loss}");
        tallies.get_mut(usize::from(loss.seat)).ok_or("a loss in a seat that does not exist")?.lost += 1;
    }

    println!("{HEADING}");
    let mut is_right = true;
    for (seat, tally) in producers_of(&ring).zip(&tallies) {
        println!("{}", tally.row(&seat));
        is_right &= tally.is_right(&seat, load);
    }
    let deaths = producers_of(&ring).filter(|seat| matches!(seat.presence, Presence::Died(_))).count();
    if !is_right || deaths > 1 {
        return Err("what was received is not what was sent".into());
    }
    let received: u64 = tallies.iter().map(|tally| tally.received).sum();
    println!("{received} records in {time:.1} s: each is accounted for, and as it is in the file");
    Ok(())
}

/// Receives until all producers have departed. Returns what came, by seat.
fn receive<K: Kind>(rx: &mut Consumer<K, [u8]>, load: &Load) -> Result<Vec<Tally>> {
    let mut tallies = vec![Tally::default(); PRODUCERS];
    let mut own = Vec::new();
    loop {
        let error = match rx.read_timeout(SILENCE) {
            Ok(record) => {
                let tally = tallies.get_mut(usize::from(record.seat()));
                tally.ok_or("a record from a seat that does not exist")?.note(&record, load, &mut own)?;
                record.release(); // its cells are free again
                continue;
            }
            Err(error) => error,
        };
        match error {
            // Nothing has come for a while. The ring knows whether a producer holds it up.
            PopError::Elapsed => rx.stalled().into_iter().for_each(|stall| println!("in the way: {stall}")),
            PopError::Closed(_) => return Ok(tallies),
            error => return Err(error.into()),
        }
    }
}

/// Kills one producer, and stops another for a while.
fn kill_and_stop<K: Kind>(ring: &Ring<K, [u8]>, pids: &[Pid]) {
    let signal = |index: usize, signal, what| {
        let Some(pid) = pids.get(index) else { return };
        println!("{what}: process {pid}");
        // A process that has ended keeps its number until it is waited for.
        let _ended_already = kill_process(*pid, signal);
    };
    let sent = || producers_of(ring).map(|seat| seat.counters.records).sum::<u64>();
    sleep(Duration::from_millis(150));
    signal(VICTIM, Signal::KILL, "killed");
    sleep(Duration::from_millis(150));
    signal(SLEEPER, Signal::STOP, "stopped");
    let before = sent();
    sleep(Duration::from_millis(300));
    println!("meanwhile the others have sent {} records", sent() - before);
    signal(SLEEPER, Signal::CONT, "goes on");
}

fn producers_of<K: Kind>(ring: &Ring<K, [u8]>) -> impl Iterator<Item = SeatInfo> {
    ring.seats().filter(|seat| seat.role == Role::Producer)
}

fn wait_for_all<K: Kind>(ring: &Ring<K, [u8]>) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while producers_of(ring).any(|seat| seat.presence == Presence::Never) {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(1));
    }
    true
}

/// The producers. Dropping this kills them.
struct Producers(Vec<Child>);

impl Producers {
    /// Starts this program eight times, in process groups of their own, so that they survive a
    /// Ctrl-C and can remove the ring.
    fn start(name: &str, words: [&str; 4]) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut children = Self(Vec::new());
        for index in 0..PRODUCERS {
            let label = format!("producer {index}");
            let mut command = Command::new(&program);
            children.0.push(command.args(words).args([name, &label]).process_group(0).spawn()?);
        }
        Ok(children)
    }

    fn pids(&self) -> Vec<Pid> {
        self.0.iter().map(Pid::from_child).collect()
    }

    fn finish(&mut self) -> Result<()> {
        for (index, child) in self.0.iter_mut().enumerate() {
            let status = child.wait()?;
            if !(status.success() || index == VICTIM && status.signal() == Some(9)) {
                return Err(format!("producer {index} failed: {status}").into());
            }
        }
        Ok(())
    }
}

impl Drop for Producers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ended_already = child.kill();
            let _status = child.wait();
        }
    }
}
