//! Where the two sides run: pinned, in real time if that is permitted, between threads or processes; and a probe of where
//! the hypervisor has put the cores.
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::process;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};
use std::time::{Duration, Instant};

use crate::drive::{Hold, Result, Shape};

/// The core of the receiver, and of who measures.
pub const RECEIVER: usize = 0;
/// The core of the sender, and of who echoes.
pub const SENDER: usize = 1;
const PRIORITY: i32 = 50;

// ---- Where a thread runs

/// Runs `work` on this core, held as told; afterwards the thread is what it was: anywhere, in no hurry.
pub fn on<R>(core: usize, hold: Hold, work: impl FnOnce() -> R) -> R {
    let _held = Held::new(core, hold);
    work()
}

/// That this thread is pinned, and maybe urgent, as long as this lives.
pub struct Held(Hold);

impl Held {
    pub fn new(core: usize, hold: Hold) -> Self {
        if hold != Hold::Free {
            pin(Some(core));
        }
        if hold == Hold::Firm {
            hurry(true);
        }
        Self(hold)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0 == Hold::Firm {
            hurry(false);
        }
        if self.0 != Hold::Free {
            pin(None);
        }
    }
}

/// To one core, or to any.
fn pin(core: Option<usize>) {
    let permitted = permitted();
    let mut set = *permitted;
    if let Some(core) = core {
        // Of those that this program may use.
        let own = (0..libc::CPU_SETSIZE as usize)
            // SAFETY: below the bits of the set.
            .filter(|at| unsafe { libc::CPU_ISSET(*at, permitted) })
            .nth(core);
        // If there is no second core, both share the first: slow, but not wrong.
        if let Some(own) = own {
            // SAFETY: a set of bits, of which zero is a value.
            set = unsafe { std::mem::zeroed() };
            // SAFETY: below the bits of the set.
            unsafe { libc::CPU_SET(own, &mut set) };
        }
    }
    // SAFETY: a set of this size, on the stack. Where it is not permitted the probes tell.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
}

/// The cores that this program may use: those of its first thread, before it was pinned.
fn permitted() -> &'static libc::cpu_set_t {
    static SET: OnceLock<libc::cpu_set_t> = OnceLock::new();
    SET.get_or_init(|| {
        // SAFETY: a set of bits, of which zero is a value.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: room for a set of this size, on the stack.
        unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
        set
    })
}

/// Whether this thread goes before all others on its core. False if that is not permitted.
pub fn hurry(yes: bool) -> bool {
    let policy = if yes { libc::SCHED_FIFO } else { libc::SCHED_OTHER };
    let param = libc::sched_param { sched_priority: if yes { PRIORITY } else { 0 } };
    // SAFETY: a parameter on the stack.
    unsafe { libc::sched_setscheduler(0, policy, &param) == 0 }
}

// ---- Time

/// The processor's own clock, in ticks.
#[inline(always)]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: a time on the stack.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// As [`ticks`], but only after all that comes before it was read: a processor may look at its clock early.
#[inline(always)]
pub fn ticks_after() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has it.
    unsafe {
        std::arch::x86_64::_mm_lfence()
    }
    ticks()
}

/// How long that is, in ns.
pub fn ns(ticks: u64) -> f64 {
    static TICK: OnceLock<f64> = OnceLock::new();
    let tick = TICK.get_or_init(|| {
        let (start, from) = (Instant::now(), self::ticks());
        while start.elapsed() < Duration::from_millis(10) {}
        start.elapsed().as_nanos() as f64 / (self::ticks() - from) as f64
    });
    ticks as f64 * tick
}

/// The CPU time of this process so far, all its threads, in ns.
pub fn cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a time on the stack.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// How often this process, all its threads, has gone to sleep so far (voluntary context switches).
pub fn sleeps() -> u64 {
    // SAFETY: numbers, of which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: room for them, on the stack.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage.ru_nvcsw as u64
}

/// p50, p99 and p99.9 of these ticks, in ns.
///
/// Some clocks tick in steps of ten ns. So of all that read the same, the first are taken for less and the last for more, by up to
/// half a step (the median of grouped data): otherwise a median could only be a whole number of steps.
pub fn percentiles(ticks: &mut [u64]) -> [f64; 3] {
    ticks.sort_unstable();
    let Some(last) = ticks.len().checked_sub(1) else { return [f64::NAN; 3] };
    [0.5, 0.99, 0.999].map(|part| {
        let at = ((ticks.len() as f64 * part) as usize).min(last);
        let value = ticks[at];
        let (from, to) =
            (ticks.partition_point(|one| *one < value), ticks.partition_point(|one| *one <= value));
        let step = |one: Option<&u64>| one.map(|one| one.abs_diff(value));
        let steps = [step(from.checked_sub(1).and_then(|at| ticks.get(at))), step(ticks.get(to))];
        let width = steps.into_iter().flatten().min().unwrap_or(0) as f64;
        let within = (ticks.len() as f64 * part - from as f64) / (to - from) as f64 - 0.5;
        (value as f64 + width * within) * ns(1_000_000) / 1e6
    })
}

// ---- Memory of both sides

/// What may be all zeros, and is written through shared references only.
///
/// # Safety
/// All zeros is a value, and all that is changed in it is atomic, or in an `UnsafeCell` whose users keep apart.
pub unsafe trait Zeroed {}
// SAFETY: as its trait says.
unsafe impl Zeroed for u8 {}

/// Zeroed memory that a fork leaves shared.
pub struct Shared<T> {
    base: NonNull<T>,
    many: usize,
    is: PhantomData<T>,
}

// SAFETY: owns its mapping, and gives shared references only.
unsafe impl<T: Zeroed> Send for Shared<T> {}
// SAFETY: as above; what changes behind them is atomic, or its users keep apart (`Zeroed`).
unsafe impl<T: Zeroed> Sync for Shared<T> {}

pub fn shared<T: Zeroed>() -> Result<Shared<T>> {
    shared_many(1)
}

pub fn shared_many<T: Zeroed>(many: usize) -> Result<Shared<T>> {
    let (access, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE);
    // SAFETY: a new mapping, wherever the kernel likes.
    let base = unsafe { libc::mmap(ptr::null_mut(), many * size_of::<T>(), access, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(format!("no shared memory: {}", io::Error::last_os_error()).into());
    }
    let base = NonNull::new(base.cast()).ok_or("the kernel mapped address 0")?;
    Ok(Shared { base, many, is: PhantomData })
}

impl<T: Zeroed> Shared<T> {
    #[inline(always)]
    pub fn all(&self) -> &[T] {
        // SAFETY: mapped as many, page-aligned, all zeros at first, which is a value (`Zeroed`); unmapped with `self`.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.many) }
    }
}

impl<T: Zeroed> Deref for Shared<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as in `all`; there is at least one.
        unsafe { self.base.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: mapped with this length, and no reference outlives `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.many * size_of::<T>()) };
    }
}

// ---- Processes

pub struct Child(libc::pid_t);

/// Runs `work` in a child, which then ends; so does it when this process does. If it fails, the cell does.
pub fn fork(work: impl FnOnce() -> Result<()>) -> Result<Child> {
    let parent = process::id();
    // SAFETY: no other thread of this process holds a lock here: cells fork before they spawn.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(format!("no child: {}", io::Error::last_os_error()).into()),
        0 => {
            // SAFETY: a number.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            // SAFETY: nothing is passed.
            if unsafe { libc::getppid() } as u32 != parent {
                // SAFETY: ends this process, which has nothing to tidy up.
                unsafe { libc::_exit(1) };
            }
            if let Err(error) = work() {
                give_up(&error.to_string());
            }
            // SAFETY: ends this process, without what the parent will do at its end.
            unsafe { libc::_exit(0) }
        }
        child => Ok(Child(child)),
    }
}

impl Child {
    pub fn wait(self) -> Result<()> {
        let mut status = 0;
        // SAFETY: our child, not waited for yet.
        let waited = unsafe { libc::waitpid(self.0, &mut status, 0) };
        if waited == self.0 && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            Ok(())
        } else {
            Err(format!("the other process ended with status {status:#x}").into())
        }
    }
}

/// Says why, and ends all processes of this cell at once: the other side may wait for this one for ever.
pub fn give_up(why: &str) -> ! {
    eprintln!("{why}");
    // SAFETY: all processes of this group, which has only the cell's (`alone`).
    unsafe { libc::kill(0, libc::SIGKILL) };
    process::abort()
}

/// Makes this process the first of a group of its own, which ends as a whole: after a panic anywhere, or after so many seconds.
pub fn alone(seconds: u32) {
    // SAFETY: numbers; fails if it is the first of one already, which is as well.
    unsafe { libc::setpgid(0, 0) };
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        let what = panic.payload_as_str().unwrap_or("something that is no text");
        give_up(&format!("panicked: {what}"));
    }));
    notice_deaths();
    permitted();
    // SAFETY: numbers; who ends the driver ends this too.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: a number.
    unsafe { libc::alarm(seconds) };
}

/// A child that ends otherwise than well ends the cell: its partner would wait for it until the driver loses its patience.
fn notice_deaths() {
    extern "C" fn ended(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel passes what it says of the child.
        let (how, status) = unsafe { ((*info).si_code, (*info).si_status()) };
        let why = match how {
            libc::CLD_KILLED | libc::CLD_DUMPED => "a process of this cell was ended by signal ",
            libc::CLD_EXITED if status != 0 => "a process of this cell ended with status ",
            _ => return,
        };
        // No more than a handler may: no allocation, no lock.
        let status = status.unsigned_abs();
        let digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + (digit % 10) as u8);
        let digits = digits.get(digits.iter().take(2).take_while(|digit| **digit == b'0').count()..);
        for part in [why.as_bytes(), digits.unwrap_or_default(), b"\n"] {
            // SAFETY: bytes of this length.
            unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
        }
        // SAFETY: all processes of this group, which has only the cell's (`alone`).
        unsafe { libc::kill(0, libc::SIGKILL) };
    }
    // SAFETY: an action of which zero is a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ended as *const () as usize;
    // Nothing that was under way fails by it; who is only stopped (and traced) is not meant.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_NOCLDSTOP;
    // SAFETY: a handler of that kind, which does only what a handler may.
    unsafe { libc::sigaction(libc::SIGCHLD, &action, std::ptr::null_mut()) };
}

// ---- Orders from the receiver to the senders

/// How many messages each sender is to send: first some that are not timed, then the others.
#[derive(Clone, Copy)]
pub struct Order {
    pub warm: u64,
    pub count: u64,
}

impl Order {
    pub fn total(self) -> u64 {
        self.warm + self.count
    }
}

#[repr(C, align(128))]
pub struct Line<T>(T);

/// In the memory of both sides.
pub struct Control {
    warm: Line<AtomicU64>,
    count: AtomicU64,
    /// The number of the order that stands there.
    given: Line<AtomicU32>,
    /// The order that has begun.
    begun: Line<AtomicU32>,
    ready: Line<AtomicU32>,
    done: Line<AtomicU32>,
    /// Of the senders, in their processes, in ns.
    cpu: Line<AtomicU64>,
}
// SAFETY: atomics.
unsafe impl Zeroed for Control {}

const OVER: u32 = u32::MAX;

/// One side's view of what both do.
pub struct Side<'a> {
    control: &'a Control,
    pub hold: Hold,
    /// Of senders: which one.
    pub number: usize,
    pub senders: usize,
    core: usize,
    /// Whether this sender has a process, and so a CPU time, of its own.
    apart: bool,
}

fn until(done: impl Fn() -> bool) {
    let mut tries = 0_u32;
    while !done() {
        tries += 1;
        if tries.is_multiple_of(256) { std::thread::yield_now() } else { std::hint::spin_loop() }
    }
}

impl Side<'_> {
    /// The receiver: has all senders carry out `order`, once all are there, while `receive` runs; the CPU time of all in ns.
    pub fn order<R>(&self, order: Order, receive: impl FnOnce() -> R) -> (R, f64) {
        let control = self.control;
        let number = control.given.0.load(Relaxed) + 1;
        let senders = self.senders as u32;
        control.warm.0.store(order.warm, Relaxed);
        control.count.store(order.count, Relaxed);
        control.ready.0.store(0, Relaxed);
        control.done.0.store(0, Relaxed);
        control.cpu.0.store(0, Relaxed);
        // On its core before any sender hurries, and in no hurry before all senders are on theirs: else one would starve
        // the other before it has come to be where it belongs.
        on(self.core, self.hold.calm(), || {
            control.given.0.store(number, Release);
            until(|| control.ready.0.load(Acquire) == senders);
            let _urgent = Held::new(self.core, self.hold);
            let before = cpu();
            control.begun.0.store(number, Release);
            let received = receive();
            let used = cpu() - before;
            until(|| control.done.0.load(Acquire) == senders);
            (received, used + control.cpu.0.load(Relaxed) as f64)
        })
    }

    /// A sender: carries out what is ordered, until it is over.
    pub fn obey(&self, mut send: impl FnMut(Order)) {
        let control = self.control;
        let mut last = 0;
        loop {
            until(|| control.given.0.load(Acquire) != last);
            last = control.given.0.load(Acquire);
            if last == OVER {
                return;
            }
            let order = Order { warm: control.warm.0.load(Relaxed), count: control.count.load(Relaxed) };
            on(self.core, self.hold, || {
                control.ready.0.fetch_add(1, AcqRel);
                until(|| control.begun.0.load(Acquire) == last);
                let before = if self.apart { cpu() } else { 0.0 };
                send(order);
                if self.apart {
                    control.cpu.0.fetch_add((cpu() - before) as u64, Relaxed);
                }
            });
            control.done.0.fetch_add(1, AcqRel);
        }
    }
}

// ---- Two places

/// What is driven: a peer of any kind.
pub trait Ends: Sized {
    type Tx;
    type Rx;
    fn make(shape: &Shape) -> Result<Self>;
    fn tx(&mut self) -> Result<Self::Tx>;
    fn rx(&mut self) -> Result<Self::Rx>;
}

/// How the ends of `E` come to run at the same time.
pub trait Between<E: Ends> {
    const PLACE: crate::cell::Place;

    /// Has `send` run for each producer and `receive` here, and returns what the latter does.
    fn run<R>(
        shape: &Shape,
        hold: Hold,
        send: impl Fn(E::Tx, &Side<'_>) -> Result<()> + Sync,
        receive: impl FnOnce(E::Rx, &Side<'_>) -> Result<R>,
    ) -> Result<R>;
}

/// Threads of one process.
pub struct Threads;
/// Processes, the senders forked from the receiver.
pub struct Processes;

impl<E: Ends<Tx: Send>> Between<E> for Threads {
    const PLACE: crate::cell::Place = crate::cell::Place::Threads;

    fn run<R>(
        shape: &Shape,
        hold: Hold,
        send: impl Fn(E::Tx, &Side<'_>) -> Result<()> + Sync,
        receive: impl FnOnce(E::Rx, &Side<'_>) -> Result<R>,
    ) -> Result<R> {
        let control = shared::<Control>()?;
        let mut ends = E::make(shape)?;
        let senders = (0..shape.producers).map(|_| ends.tx()).collect::<Result<Vec<_>>>()?;
        let rx = ends.rx()?;
        let side = |number, core| Side {
            control: &control,
            hold,
            number,
            senders: shape.producers,
            core,
            apart: false,
        };
        let received = std::thread::scope(|scope| {
            for (number, tx) in senders.into_iter().enumerate() {
                let (side, send) = (side(number, SENDER), &send);
                scope.spawn(move || {
                    if let Err(error) = send(tx, &side) {
                        give_up(&error.to_string());
                    }
                });
            }
            let received = receive(rx, &side(0, RECEIVER));
            if let Err(error) = &received {
                give_up(&error.to_string());
            }
            control.given.0.store(OVER, Release);
            received
        });
        drop(ends);
        received
    }
}

impl<E: Ends> Between<E> for Processes {
    const PLACE: crate::cell::Place = crate::cell::Place::Processes;

    fn run<R>(
        shape: &Shape,
        hold: Hold,
        send: impl Fn(E::Tx, &Side<'_>) -> Result<()> + Sync,
        receive: impl FnOnce(E::Rx, &Side<'_>) -> Result<R>,
    ) -> Result<R> {
        let control = shared::<Control>()?;
        let mut ends = E::make(shape)?;
        let side = |number, core, apart| Side {
            control: &control,
            hold,
            number,
            senders: shape.producers,
            core,
            apart,
        };
        let mut children = Vec::new();
        for number in 0..shape.producers {
            children.push(fork(|| send(ends.tx()?, &side(number, SENDER, true)))?);
        }
        let received = ends.rx().and_then(|rx| receive(rx, &side(0, RECEIVER, true)));
        // Here, before anything else can fail: it may have a name that has to go.
        drop(ends);
        if let Err(error) = &received {
            give_up(&error.to_string());
        }
        control.given.0.store(OVER, Release);
        children.into_iter().try_for_each(Child::wait)?;
        received
    }
}

// ---- The probe

/// Lines that go to and fro, one after the other. Not one alone: how fast a line is depends on its address, by up to a factor of two
/// on some processors, and so would tell more about the address than about the cores.
pub struct Lines(Shared<Line<AtomicU32>>);
// SAFETY: atomics.
unsafe impl Zeroed for Line<AtomicU32> {}

impl Lines {
    /// In several pages.
    const MANY: u32 = 512;

    pub fn new() -> Result<Self> {
        shared_many(Self::MANY as usize).map(Self)
    }

    #[inline(always)]
    fn line(&self, trip: u32) -> &AtomicU32 {
        // Not the next one: a processor might fetch that beforehand.
        &self.0.all()[(trip.wrapping_mul(37) % Self::MANY) as usize].0
    }

    /// Sends and awaits so many; how many ticks each takes.
    ///
    /// `PAUSE` between two looks: who looks all the time takes the line away from who is about to write it, sometimes once and
    /// sometimes twice a trip, which says nothing about the cores.
    pub fn ask<const PAUSE: bool>(&self, taken: &mut [u64]) {
        let mut last = ticks();
        for (trip, taken) in (0_u32..).zip(taken) {
            let line = self.line(trip);
            line.store(2 * trip + 1, Release);
            while line.load(Acquire) != 2 * trip + 2 {
                if PAUSE {
                    std::hint::spin_loop();
                }
            }
            let now = ticks();
            *taken = now - last;
            last = now;
        }
    }

    /// The other side.
    pub fn answer<const PAUSE: bool>(&self, trips: usize) {
        for trip in 0..trips as u32 {
            let line = self.line(trip);
            while line.load(Acquire) != 2 * trip + 1 {
                if PAUSE {
                    std::hint::spin_loop();
                }
            }
            line.store(2 * trip + 2, Release);
        }
    }
}

/// The median of 1,500 round trips of bare cache lines between the two cores, in ns: tells how near they are.
pub fn probe() -> Result<f64> {
    const WARM: usize = 2 * Lines::MANY as usize;
    let lines = Lines::new()?;
    let meet = shared::<Control>()?;
    let held = |core, work: &mut dyn FnMut()| {
        on(core, Hold::Pinned, || {
            meet.ready.0.fetch_add(1, AcqRel);
            until(|| meet.ready.0.load(Acquire) == 2);
            let _urgent = Held::new(core, Hold::Firm);
            work();
        });
    };
    let mut taken = vec![1; WARM + 1_500];
    std::thread::scope(|scope| {
        scope.spawn(|| held(SENDER, &mut || lines.answer::<true>(WARM + 1_500)));
        held(RECEIVER, &mut || lines.ask::<true>(&mut taken));
    });
    let [median, ..] = percentiles(&mut taken[WARM..]);
    Ok(median)
}
