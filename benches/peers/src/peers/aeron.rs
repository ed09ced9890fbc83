//! Aeron over shared memory, through its C client. Its driver is a process of its own here, as it is meant to be, and more
//! urgent than the two sides: it moves the sender's limit, so that without a core it would hold up both.
//!
//! The client's chores, which it usually does in a thread, are done by hand until both sides are connected; no cell lasts as
//! long as they could be missed. A stream's buffer has 16 MiB a term whatever the capacity asked for: the driver looks at
//! the receiver once in a while only, and with less the sender would wait for that.
use std::ffi::CString;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::*};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rusteron_client::{
    Aeron, AeronContext, AeronExclusivePublication, AeronImage, AeronOfferError, AeronSubscription, Handlers,
};
use rusteron_media_driver::bindings::aeron_threading_mode_enum::AERON_THREADING_MODE_SHARED;
use rusteron_media_driver::{AeronDriver, AeronDriverContext};

use super::memory::{self, NAMES, Plain};
use crate::cell::{self, Cell, Processes};
use crate::drive::{BytePeer, ByteRx, ByteTx, Peer, Result, Rx, Shape, Tx, Words, sum_of};
use crate::place::{self, Child, Shared, Zeroed};
use crate::waiting;

pub fn cells(list: &mut Vec<Cell>) {
    // With what it has room for, it belongs beside the larger rings.
    cell::stream::<Processes, AeronIpc, Words<1>>(list, "aeron", 65_536);
    cell::stream::<Processes, AeronIpc, Words<8>>(list, "aeron", 65_536);
    cell::trip::<Processes, AeronIpc, Words<1>>(list, "aeron");
    cell::trip::<Processes, AeronIpc, Words<7>>(list, "aeron");
    cell::trip::<Processes, AeronIpc, Words<8>>(list, "aeron");
    cell::batch::<Processes, AeronIpc, Words<8>>(list, "aeron");
    cell::copy::<Processes, AeronIpc>(list, "aeron");
    // Its driver's time is not in this: the driver is nobody's side.
    waiting::cpu_per_message::<AeronIpc>(list, "aeron, without its driver");
}

const CHANNEL: &std::ffi::CStr = c"aeron:ipc";
const PATIENCE: Duration = Duration::from_secs(5);
const TERM: usize = 16 << 20;
/// Records of 4 KiB go in one piece.
const MTU: usize = 8 << 10;
/// More than the two sides have.
const PRIORITY: i32 = 60;

// ---- The driver

/// One for all streams of this process. Gone with the last of them, or with this process.
struct Driver {
    dir: CString,
    stop: Shared<Stop>,
    process: Option<Child>,
    name: String,
}

#[repr(C)]
struct Stop(AtomicU32);
// SAFETY: an atomic, of which zero is a value.
unsafe impl Zeroed for Stop {}

static DRIVER: Mutex<Weak<Driver>> = Mutex::new(Weak::new());
static STREAM: AtomicI32 = AtomicI32::new(1001);

impl Driver {
    fn of_this_process(name: &str) -> Result<Arc<Self>> {
        let mut there =
            DRIVER.lock().map_err(|_| "another thread gave up while it started Aeron's driver")?;
        if let Some(driver) = there.upgrade() {
            return Ok(driver);
        }
        let dir = CString::new(format!("{NAMES}/{name}-aeron"))?;
        let stop = place::shared::<Stop>()?;
        let process = place::fork(|| drive(&dir, &stop.0))?;
        let driver = Arc::new(Self { dir, stop, process: Some(process), name: format!("{name}-aeron") });
        *there = Arc::downgrade(&driver);
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.0.store(1, Release);
        if let Some(Err(error)) = self.process.take().map(Child::wait) {
            eprintln!("Aeron's driver did not end well: {error}");
        }
        memory::sweep(&self.name);
    }
}

/// The driver's process.
fn drive(dir: &CString, stop: &AtomicU32) -> Result<()> {
    let priority = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: of this thread, with a value to read. If it is not permitted, nobody else is urgent either.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) };
    let context = AeronDriverContext::new()?;
    context.set_dir(dir)?;
    context.set_dir_delete_on_start(true)?;
    context.set_dir_delete_on_shutdown(true)?;
    context.set_threading_mode(AERON_THREADING_MODE_SHARED)?;
    context.set_ipc_term_buffer_length(TERM)?;
    context.set_ipc_mtu_length(MTU)?;
    // The buffer's pages are there before anything is measured.
    context.set_term_buffer_sparse_file(false)?;
    let driver = AeronDriver::new(&context)?;
    driver.start(true)?;
    while stop.load(Acquire) == 0 {
        driver.main_idle_strategy(driver.main_do_work()?);
    }
    Ok(())
}

// ---- Its clients

pub struct AeronIpc {
    driver: Arc<Driver>,
    stream: i32,
}

impl AeronIpc {
    fn new(shape: &Shape) -> Result<Self> {
        if shape.producers != 1 {
            return Err(format!("one publication is made here, not {}", shape.producers).into());
        }
        Ok(Self { driver: Driver::of_this_process(&shape.name)?, stream: STREAM.fetch_add(1, Relaxed) })
    }
    fn client(&self) -> Result<Aeron> {
        let context = AeronContext::new()?;
        context.set_dir(&self.driver.dir)?;
        context.set_use_conductor_agent_invoker(true)?;
        context.set_pre_touch_mapped_memory(true)?;
        let client = Aeron::new(&context)?;
        client.start()?;
        Ok(client)
    }
    fn take_tx(&self) -> Result<Sender> {
        let client = self.client()?;
        Ok(Sender(client.add_exclusive_publication(CHANNEL, self.stream, PATIENCE)?, client))
    }
    fn take_rx(&self) -> Result<Receiver> {
        let client = self.client()?;
        let (none, gone) = (Handlers::NONE, Handlers::NONE);
        let subscription = client.add_subscription(CHANNEL, self.stream, none, gone, PATIENCE)?;
        Ok(Receiver { image: None, subscription, client })
    }
}

pub struct Sender(AeronExclusivePublication, Aeron);

impl Sender {
    #[inline(always)]
    fn offer(&mut self, bytes: &[u8]) -> bool {
        match self.0.offer(bytes) {
            Ok(_) => true,
            Err(error) => self.refused(error),
        }
    }

    fn refused(&mut self, error: AeronOfferError) -> bool {
        match error {
            AeronOfferError::NotConnected => {
                self.1.main_do_work().expect("Aeron's driver is there");
            }
            error => assert!(error.is_retryable(), "Aeron takes no message: {error}"),
        }
        false
    }
}

pub struct Receiver {
    /// What the subscription has of its one publication, once it is connected.
    image: Option<AeronImage>,
    subscription: AeronSubscription,
    client: Aeron,
}

impl Receiver {
    #[inline(always)]
    fn poll(&mut self, limit: usize, mut each: impl FnMut(&[u8])) -> usize {
        let Some(image) = &self.image else { return self.connect() };
        image.poll_fn(|bytes, _| each(bytes), limit).expect("what has come can be read") as usize
    }

    #[cold]
    fn connect(&mut self) -> usize {
        self.client.main_do_work().expect("Aeron's driver is there");
        self.image = self.subscription.image_at_index(0);
        0
    }
}

impl<M: Plain> Peer<M> for AeronIpc {
    type Tx = Sender;
    type Rx = Receiver;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx()
    }
}

impl BytePeer for AeronIpc {
    type Tx = Sender;
    type Rx = Receiver;

    fn make(shape: &Shape) -> Result<Self> {
        Self::new(shape)
    }
    fn tx(&mut self) -> Result<Self::Tx> {
        self.take_tx()
    }
    fn rx(&mut self) -> Result<Self::Rx> {
        self.take_rx()
    }
}

impl<M: Plain> Tx<M> for Sender {
    #[inline(always)]
    fn try_send(&mut self, message: &M) -> bool {
        self.offer(message.as_bytes())
    }
}

impl<M: Plain> Rx<M> for Receiver {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<M> {
        let mut message = None;
        self.poll(1, |bytes| message = M::read_from_bytes(bytes).ok());
        message
    }
    #[inline(always)]
    fn try_recv_batch(&mut self, limit: usize, mut each: impl FnMut(&M)) -> usize {
        self.poll(limit, |bytes| each(&M::read_from_bytes(bytes).expect("a fragment is a message")))
    }
}

impl ByteTx for Sender {
    #[inline(always)]
    fn try_send(&mut self, record: &[u8]) -> bool {
        self.offer(record)
    }
}

impl ByteRx for Receiver {
    #[inline(always)]
    fn try_recv(&mut self) -> Option<u64> {
        let mut sum = None;
        self.poll(1, |bytes| sum = Some(sum_of(bytes)));
        sum
    }
}
