//! How many system calls a record takes. Each end is a process that has asked the kernel to send it a signal instead of carrying out what it
//! calls for; the handler counts, and then makes the call by an instruction of its own, which alone is let through. So who makes no call
//! runs at its full speed, and nobody is ever stopped by another process: an end that was put aside in the middle of a record would
//! have the other one ask the kernel about it, and that is not what is counted here.
//!
//! # References
//! seccomp(2) `SECCOMP_RET_TRAP`; `linux/seccomp.h`, `struct seccomp_data`.
use crate::cell::Measure;
use crate::drive::*;

#[cfg(target_arch = "x86_64")]
pub use counted::per_record;

#[cfg(not(target_arch = "x86_64"))]
pub fn per_record<P: Peer<Words<8>>>(_: &Shape, _: u64) -> Result<Measure> {
    Err("system calls are counted on x86-64 only: how one is made again is written for that".into())
}

#[cfg(target_arch = "x86_64")]
mod counted {
    use std::io;
    use std::mem::offset_of;
    use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};

    use super::*;
    use crate::place::{Held, RECEIVER, SENDER, Zeroed, fork, on, shared};

    /// In the memory of both ends.
    struct Count {
        /// Ends that stand ready.
        ready: AtomicU32,
        /// What both have called, but for those calls that were put in.
        calls: AtomicU64,
        /// Those.
        put_in: AtomicU64,
    }
    // SAFETY: atomics.
    unsafe impl Zeroed for Count {}

    /// So many calls are put in on purpose by each end, once it has done its work: they disturb nobody, and have to be counted.
    const PUT_IN: u64 = 1;

    /// Both ends together, each of them awake on its core.
    pub fn per_record<P: Peer<Words<8>>>(shape: &Shape, records: u64) -> Result<Measure> {
        let count = shared::<Count>()?;
        let mut peer = P::make(shape)?;
        let sender = fork(|| {
            let mut tx = peer.tx()?;
            counting(&count, SENDER, P::HOLD, || {
                for number in 0..records {
                    tx.send(&Message::new(number), &mut Again);
                }
            })
        })?;
        // A process too, as what it asks of the kernel is for good.
        let receiver = fork(|| {
            let mut rx = peer.rx()?;
            let mut sum = 0_u64;
            counting(&count, RECEIVER, P::HOLD, || {
                for _ in 0..records {
                    sum = sum.wrapping_add(rx.recv(&mut Again).sum());
                }
            })?;
            super::super::check(sum, records)
        })?;
        sender.wait()?;
        receiver.wait()?;
        let (calls, noticed) = (count.calls.load(Acquire), count.put_in.load(Acquire));
        if noticed != 2 * PUT_IN {
            return Err(format!("of {} system calls put in, {noticed} were counted", 2 * PUT_IN).into());
        }
        let measure =
            Measure::new(calls as f64 / records as f64, "calls", false).with("in all", calls as f64);
        Ok(measure.with("put in, and noticed", noticed as f64).with("records", records as f64))
    }

    /// Does `work` once the other end stands ready too, and adds what it calls.
    fn counting(count: &Count, core: usize, hold: Hold, work: impl FnOnce()) -> Result<()> {
        trap()?;
        on(core, hold.calm(), || {
            count.ready.fetch_add(1, AcqRel);
            while count.ready.load(Acquire) < 2 {
                std::thread::yield_now();
            }
            let _urgent = Held::new(core, hold);
            COUNTS.store(true, Relaxed);
            work();
            for _ in 0..PUT_IN {
                // SAFETY: nothing is passed.
                unsafe { libc::getppid() };
            }
            COUNTS.store(false, Relaxed);
        });
        count.calls.fetch_add(CALLS.load(Relaxed), AcqRel);
        count.put_in.fetch_add(NOTICED.load(Relaxed), AcqRel);
        Ok(())
    }

    // Of this process. Relaxed, all of them: its handler runs in the thread that it interrupts.
    static COUNTS: AtomicBool = AtomicBool::new(false);
    static CALLS: AtomicU64 = AtomicU64::new(0);
    static NOTICED: AtomicU64 = AtomicU64::new(0);

    // A system call with number and arguments as given, made between two places that the kernel can be told.
    std::arch::global_asm!(
        ".balign 16",
        "ringway_peers_call:",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "ringway_peers_called:",
        "ret",
    );
    unsafe extern "C" {
        fn ringway_peers_call(number: i64, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) -> i64;
        static ringway_peers_called: u8;
    }

    extern "C" fn trapped(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let context = context.cast::<libc::ucontext_t>();
        // SAFETY: what the kernel passes to a handler with `SA_SIGINFO`, for as long as that runs.
        let registers = unsafe { &mut (*context).uc_mcontext.gregs };
        let [number, a, b, c, d, e, f] = [
            libc::REG_RAX,
            libc::REG_RDI,
            libc::REG_RSI,
            libc::REG_RDX,
            libc::REG_R10,
            libc::REG_R8,
            libc::REG_R9,
        ]
        .map(|register| registers[register as usize]);
        if COUNTS.load(Relaxed) {
            let which = if number == libc::SYS_getppid { &NOTICED } else { &CALLS };
            which.fetch_add(1, Relaxed);
        }
        // SAFETY: the very call that this process was about to make.
        registers[libc::REG_RAX as usize] = unsafe { ringway_peers_call(number, a, b, c, d, e, f) };
    }

    /// From here on each call of this thread, and of those it starts, goes through the handler. Not the return from it.
    fn trap() -> Result<()> {
        // SAFETY: an action of which zero is a value.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = trapped as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: a handler of that kind, which calls nothing but what was called for.
        if unsafe { libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) } != 0 {
            return Err(format!("no handler for SIGSYS: {}", io::Error::last_os_error()).into());
        }
        // What the kernel calls the place of a call is that of the instruction after it.
        let place = (&raw const ringway_peers_called) as u64;
        let data = |offset| libc::sock_filter {
            code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
            jt: 0,
            jf: 0,
            k: offset as u32,
        };
        let skip_unless = |k, jf| libc::sock_filter {
            code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
            jt: 0,
            jf,
            k,
        };
        let answer = |k| libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k };
        let pointer = offset_of!(libc::seccomp_data, instruction_pointer);
        let mut filter = [
            data(offset_of!(libc::seccomp_data, nr)),
            skip_unless(libc::SYS_rt_sigreturn as u32, 1),
            answer(libc::SECCOMP_RET_ALLOW),
            // Its low half, then its high one.
            data(pointer),
            skip_unless(place as u32, 3),
            data(pointer + 4),
            skip_unless((place >> 32) as u32, 1),
            answer(libc::SECCOMP_RET_ALLOW),
            answer(libc::SECCOMP_RET_TRAP),
        ];
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: numbers.
        let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // SAFETY: a program of so many instructions, which the kernel copies.
        let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
        if allowed != 0 || set != 0 {
            let error = io::Error::last_os_error();
            return Err(format!("the kernel does not let calls be trapped: {error}").into());
        }
        Ok(())
    }
}
