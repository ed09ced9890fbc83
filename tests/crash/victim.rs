//! A process that the sweep leads to one instruction of its operation and kills there.
//!
//! The victim stops itself at two marks, before and after the operation. From the first on it takes
//! single steps (ptrace), or runs until it reaches an instruction for the n-th time. So it takes
//! few stops to reach an instruction late in the operation.
//!
//! # References
//! ptrace(2), proc(5) `/proc/pid/mem`.
use std::fs::{self, File};
use std::io::Error;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use std::{arch, mem, ptr, thread};

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process, set_parent_process_death_signal,
    waitpid,
};

/// The breakpoint instruction, one byte long.
const BREAK: u8 = 0xcc;
/// `syscall`.
const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// The sweep checks whether a victim sleeps if it has not stopped for so long.
const PAUSE: Duration = Duration::from_millis(2);

/// Marks the begin, or the end, of the victim's operation.
#[inline(never)]
pub fn mark() {
    // SAFETY: the tracer takes the signal; nothing else happens here. All memory counts as touched.
    unsafe { arch::asm!("int3") };
}

/// Where a victim has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The kill point.
    KillPoint,
    /// The mark after its operation.
    End,
}

/// Whether a string instruction with a repeat prefix begins with these bytes.
fn is_repeated(bytes: &[u8; 6]) -> bool {
    const REPEAT: [u8; 2] = [0xf2, 0xf3];
    /// Prefixes for operand sizes and segments.
    const OTHER_PREFIXES: [u8; 8] = [0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
    let is_prefix = |byte: &&u8| REPEAT.contains(byte) || OTHER_PREFIXES.contains(byte);
    let prefixes = bytes.iter().take_while(is_prefix).count();
    let mut rest = bytes[prefixes..].iter().skip_while(|byte| (0x40..0x50).contains(*byte));
    let is_string = |byte: &u8| matches!(byte, 0xa4..=0xa7 | 0xaa..=0xaf);
    bytes[..prefixes].iter().any(|byte| REPEAT.contains(byte)) && rest.next().is_some_and(is_string)
}

/// A forked process that this one traces. Dropping the handle kills it.
pub struct Victim {
    pid: Pid,
    is_alive: bool,
    memory: File,
    /// The address of its next instruction.
    address: u64,
}

impl Victim {
    /// Forks a process that runs `operation`, and waits until it reaches the first mark.
    pub fn start(operation: impl FnOnce()) -> Self {
        let pid = forked(|| {
            ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut());
            operation();
        });
        let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"));
        let mut victim = Self { pid, is_alive: true, memory: memory.unwrap(), address: 0 };
        victim.wait_for_stop(None);
        victim
    }

    /// The process id, as rings report it.
    pub fn id(&self) -> u64 {
        self.pid.as_raw_pid() as u64
    }

    /// The address of its next instruction.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Whether its next instruction is a mark.
    pub fn is_at_mark(&self) -> bool {
        self.next_bytes::<1>() == [BREAK]
    }

    /// Whether its next instruction is a system call.
    pub fn is_at_syscall(&self) -> bool {
        self.next_bytes() == SYSCALL
    }

    /// Takes one instruction. If the victim sleeps in it, `wake` must wake it.
    pub fn step(&mut self, mut wake: Option<&mut dyn FnMut()>) {
        while !self.step_a_part(reborrow(&mut wake)) {}
    }

    /// Takes one instruction, or a part of a string instruction: the processor decides how many
    /// bytes it moves before it stops. Returns `true` if the victim has come to the next
    /// instruction.
    pub fn step_a_part(&mut self, wake: Option<&mut dyn FnMut()>) -> bool {
        let before = self.address;
        self.step_without_waiting();
        self.wait_for_stop(wake);
        self.address != before || !is_repeated(&self.next_bytes())
    }

    /// Takes one instruction, in which the victim may go to sleep.
    pub fn step_without_waiting(&self) {
        ptrace(libc::PTRACE_SINGLESTEP, self.pid.as_raw_pid(), ptr::null_mut());
    }

    /// Waits until the victim sleeps. Returns `false` if it has stopped instead.
    pub fn falls_asleep(&self) -> bool {
        loop {
            match self.condition() {
                'S' => return true,
                't' => return false,
                _ => thread::sleep(Duration::from_micros(100)),
            }
        }
    }

    /// Runs until the victim comes to `address` for the `times`-th time, or to the mark after its
    /// operation.
    pub fn run_to(&mut self, address: u64, times: usize, mut wake: Option<&mut dyn FnMut()>) -> Reached {
        let mut original = [0];
        self.memory.read_exact_at(&mut original, address).unwrap();
        for time in 1..=times {
            self.memory.write_all_at(&[BREAK], address).unwrap();
            ptrace(libc::PTRACE_CONT, self.pid.as_raw_pid(), ptr::null_mut());
            self.wait_for_stop(reborrow(&mut wake));
            self.memory.write_all_at(&original, address).unwrap();
            let mut registers = self.registers();
            if registers.rip != address + 1 {
                return Reached::End;
            }
            registers.rip = address;
            self.address = address;
            ptrace(libc::PTRACE_SETREGS, self.pid.as_raw_pid(), &mut registers);
            if time < times {
                self.step(reborrow(&mut wake));
            }
        }
        Reached::KillPoint
    }

    /// Lets the victim run over all marks, and checks that it ends without an error.
    pub fn finish(mut self) {
        loop {
            ptrace(libc::PTRACE_CONT, self.pid.as_raw_pid(), ptr::null_mut());
            let status = wait(self.pid);
            if !status.stopped() {
                self.is_alive = false;
                assert_eq!(status.exit_status(), Some(0), "the victim failed after it continued: {status:?}");
                return;
            }
        }
    }

    /// The bytes of its next instruction. Zeros where its memory ends.
    fn next_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        let read = self.memory.read_at(&mut bytes, self.address).unwrap();
        assert!(read > 0, "no instruction at {:#x}", self.address);
        bytes
    }

    fn registers(&self) -> libc::user_regs_struct {
        // SAFETY: a structure of numbers only: zeros are values of it.
        let mut registers: libc::user_regs_struct = unsafe { mem::zeroed() };
        ptrace(libc::PTRACE_GETREGS, self.pid.as_raw_pid(), &mut registers);
        registers
    }

    /// The state of the process: `R` runs, `S` sleeps, `t` has stopped.
    fn condition(&self) -> char {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap()
    }

    fn wait_for_stop(&mut self, wake: Option<&mut dyn FnMut()>) {
        let status = match wake {
            None => wait(self.pid),
            Some(wake) => self.wait_and_wake(wake),
        };
        self.is_alive = status.stopped();
        assert_eq!(status.stopping_signal(), Some(libc::SIGTRAP), "the victim ended by itself: {status:?}");
        self.address = self.registers().rip;
    }

    fn wait_and_wake(&self, wake: &mut dyn FnMut()) -> WaitStatus {
        let mut pause_ends = Instant::now() + PAUSE;
        loop {
            if let Some((_, status)) = waitpid(Some(self.pid), WaitOptions::NOHANG).unwrap() {
                return status;
            }
            if Instant::now() > pause_ends && self.condition() == 'S' {
                wake();
                pause_ends = Instant::now() + Duration::from_secs(3600);
            }
            thread::yield_now();
        }
    }
}

/// Sends SIGKILL and waits until the process is gone.
impl Drop for Victim {
    fn drop(&mut self) {
        if self.is_alive {
            kill_process(self.pid, Signal::KILL).unwrap();
            while !wait(self.pid).signaled() {}
        }
    }
}

/// The error that the system returns to a process that asks to be traced, if it does.
pub fn refusal() -> Option<Error> {
    let pid = forked(|| {
        // SAFETY: the request takes no pointers.
        let asked = unsafe { libc::ptrace(libc::PTRACE_TRACEME) };
        let error = if asked == 0 { None } else { Error::last_os_error().raw_os_error() };
        // SAFETY: as in `forked`.
        unsafe { libc::_exit(error.unwrap_or(0)) }
    });
    wait(pid).exit_status().filter(|error| *error != 0).map(Error::from_raw_os_error)
}

/// Forks a process that runs `operation` and is killed then. The process is gone when this returns.
pub fn dies_after(operation: impl FnOnce()) {
    let pid = forked(|| {
        operation();
        kill_process(getpid(), Signal::KILL).unwrap();
    });
    let status = wait(pid);
    assert_eq!(
        status.terminating_signal(),
        Some(libc::SIGKILL),
        "the process ended without the signal: {status:?}"
    );
}

/// Forks a copy of this process that runs `operation` and ends. The copy dies with this process.
fn forked(operation: impl FnOnce()) -> Pid {
    let parent = getpid();
    // SAFETY: no other thread of this process holds a lock for long that `operation` could need
    // (the allocator handles its own locks at a fork), and the copy never returns from here.
    match unsafe { libc::fork() } {
        0 => {
            set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
            let went_well = getppid() == Some(parent) && catch_unwind(AssertUnwindSafe(operation)).is_ok();
            // SAFETY: ends the process at once; nothing of the original's is torn down.
            unsafe { libc::_exit(if went_well { 0 } else { 101 }) }
        }
        pid => Pid::from_raw(pid).expect("fork failed"),
    }
}

fn wait(pid: Pid) -> WaitStatus {
    let (_, status) = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty()))
        .unwrap()
        .expect("without NOHANG there is a status");
    status
}

/// One request without an address.
fn ptrace(request: libc::c_uint, pid: i32, data: *mut libc::user_regs_struct) {
    // SAFETY: `data` is null, or as large as the two requests for registers want it.
    let result = unsafe { libc::ptrace(request, pid, ptr::null_mut::<libc::c_void>(), data) };
    assert_ne!(result, -1, "ptrace({request}): {}", Error::last_os_error());
}

fn reborrow<'a>(wake: &'a mut Option<&mut dyn FnMut()>) -> Option<&'a mut dyn FnMut()> {
    match wake {
        Some(wake) => Some(&mut **wake),
        None => None,
    }
}

#[test]
fn string_instructions_are_recognised() {
    let repeated = [
        [0xf3, 0xa4, 0, 0, 0, 0],
        [0xf3, 0x48, 0xa5, 0, 0, 0],
        [0xf3, 0x66, 0xa5, 0, 0, 0],
        [0x67, 0xf3, 0x48, 0xab, 0, 0],
        [0xf2, 0xae, 0, 0, 0, 0],
    ];
    assert!(repeated.iter().all(is_repeated));
    let others = [
        // `movsb` alone, `pause`, `rep ret`, `movss`, `movdqu`, `jmp` to itself.
        [0xa4, 0, 0, 0, 0, 0],
        [0xf3, 0x90, 0, 0, 0, 0],
        [0xf3, 0xc3, 0, 0, 0, 0],
        [0xf3, 0x0f, 0x10, 0xa4, 0, 0],
        [0xf3, 0x0f, 0x7f, 0xa4, 0, 0],
        [0xeb, 0xfe, 0, 0, 0, 0],
    ];
    assert!(!others.iter().any(is_repeated));
}
