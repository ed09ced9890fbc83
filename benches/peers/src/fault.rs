//! Cells that do what a cell must not: hang, crash, lose messages. With `--faults` they stand in for all others, so that a test
//! sees the driver report each by its name and reason, and go on.
use std::time::Duration;

use crate::cell::{self, Cell, Measure, Place, Threads};
use crate::drive::{Ends, Hold, Message, Peer, Result, Rx, Shape, Tx, Words};
use crate::place::{self, RECEIVER, SENDER, fork};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

pub fn all() -> Vec<Cell> {
    let mut list = Vec::new();
    let mut fault = |case: &'static str, run: fn(&str) -> Result<()>| {
        cell::custom(&mut list, "fault", case, Place::Processes, "faulty", move |plan| {
            run(&plan.name).map(|()| Measure::new(1.0, "ns", false))
        });
    };
    fault("hangs", |name| {
        // Something of each kind is left behind.
        let ring = ringway::spsc::Ring::<[u8]>::create(name, &ringway::Options::new())?;
        let _ends = (ring.producer()?, ring.consumer()?);
        std::fs::create_dir_all(format!("/dev/shm/{name}-dir/deeper"))?;
        std::fs::write(format!("/tmp/{name}-file"), "left")?;
        let _child = fork(sleep)?;
        sleep()
    });
    fault("hangs in real time on both cores", |_| {
        let _child = fork(|| place::on(SENDER, Hold::Firm, spin))?;
        place::on(RECEIVER, Hold::Firm, spin)
    });
    fault("panics", |_| panic!("on purpose"));
    fault("panics in the other process", |_| {
        let _child = fork(|| panic!("on purpose, over there"))?;
        sleep()
    });
    fault("says an error", |_| Err("an error, on purpose".into()));
    fault("crashes", |_| std::process::abort());
    fault("the other process is killed", |_| {
        let _child = fork(|| {
            // SAFETY: numbers; ends the process.
            unsafe { libc::kill(std::process::id() as i32, libc::SIGKILL) };
            sleep()
        })?;
        sleep()
    });
    cell::stream::<Threads, Liar, Words<1>>(&mut list, "changes a message", 1024);
    // And one that is as it should be, after all of them.
    cell::stream::<Threads, Honest, Words<1>>(&mut list, "honest", 1024);
    list
}

fn sleep() -> Result<()> {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn spin() -> Result<()> {
    loop {
        std::hint::spin_loop();
    }
}

/// A channel, one of whose messages is not what was sent.
struct Changing<const LIES: bool>(Ends<Sends<LIES>, Receiver<Words<1>>>);
type Liar = Changing<true>;
type Honest = Changing<false>;
struct Sends<const LIES: bool>(SyncSender<Words<1>>);

impl<const LIES: bool> Peer<Words<1>> for Changing<LIES> {
    const HOLD: Hold = Hold::Free;
    type Tx = Sends<LIES>;
    type Rx = Receiver<Words<1>>;
    fn make(shape: &Shape) -> Result<Self> {
        let (tx, rx) = sync_channel(shape.capacity);
        Ok(Self(Ends::new((Sends(tx), rx), 1)))
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.0.tx(|_| None)
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.0.rx()
    }
}

impl<const LIES: bool> Tx<Words<1>> for Sends<LIES> {
    fn try_send(&mut self, message: &Words<1>) -> bool {
        let lie = LIES && message.0[0] == 5;
        self.0.try_send(if lie { Message::new(6) } else { *message }).is_ok()
    }
}

impl Rx<Words<1>> for Receiver<Words<1>> {
    fn try_recv(&mut self) -> Option<Words<1>> {
        Receiver::try_recv(self).ok()
    }
}
