//! How many system calls a record takes: both ends run in processes that the kernel stops at each call they make.
//!
//! Who makes none runs at its full speed. Where to begin and to end counting the ends say by a call of their own, which nobody else makes.
//!
//! # References
//! ptrace(2) `PTRACE_SYSCALL`, `PTRACE_O_TRACESYSGOOD`, `PTRACE_GET_SYSCALL_INFO`.
use std::{io, mem, ptr};

use crate::cell::Measure;
use crate::drive::*;
use crate::place::{RECEIVER, SENDER, give_up, on};

/// Of `prctl`: no such thing, which the kernel says at once.
const MARK: u64 = 0x52_69_6e_67;

pub fn per_record<P: Peer<Words<8>>>(shape: &Shape, records: u64) -> Result<Measure> {
    let noticed = count_both::<P>(shape, records, 1)?;
    let counted = count_both::<P>(shape, records, 0)?;
    if noticed < 2 || counted == 0 && noticed != 2 {
        return Err(format!("of 2 system calls put in, {noticed} were counted").into());
    }
    let measure =
        Measure::new(counted as f64 / records as f64, "calls", false).with("in all", counted as f64);
    Ok(measure.with("in all, with 2 put in", noticed as f64).with("records", records as f64))
}

/// `seeds`: so many system calls by each side in the middle of it all, on purpose.
fn count_both<P: Peer<Words<8>>>(shape: &Shape, records: u64, seeds: u64) -> Result<u64> {
    let mut peer = P::make(shape)?;
    let seed = |number| {
        if number == records / 2 {
            for _ in 0..seeds {
                // SAFETY: nothing is passed.
                unsafe { libc::getppid() };
            }
        }
    };
    // Each has its core, so that neither is put aside in the middle of a record: both are awake.
    let receiver = traced(|| {
        let mut rx = peer.rx()?;
        let mut sum = 0_u64;
        on(RECEIVER, P::HOLD, || {
            mark();
            for number in 0..records {
                seed(number);
                sum = sum.wrapping_add(rx.recv(&mut Again).sum());
            }
            mark();
        });
        super::check(sum, records)
    })?;
    let sender = traced(|| {
        let mut tx = peer.tx()?;
        on(SENDER, P::HOLD, || {
            mark();
            for number in 0..records {
                seed(number);
                tx.send(&Message::new(number), &mut Again);
            }
            mark();
        });
        Ok(())
    })?;
    watch([receiver, sender])
}

/// The calls between the marks are those that count.
fn mark() {
    // SAFETY: numbers, of an operation that does not exist.
    unsafe { libc::prctl(MARK as i32) };
}

/// A child that does `work` once its tracer lets it.
fn traced(work: impl FnOnce() -> Result<()>) -> Result<libc::pid_t> {
    // SAFETY: no other thread of this process holds a lock here: cells fork before they spawn.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(format!("no child: {}", io::Error::last_os_error()).into()),
        0 => {
            // SAFETY: numbers.
            unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
            // SAFETY: stops here, until the tracer is there.
            unsafe { libc::raise(libc::SIGSTOP) };
            if let Err(error) = work() {
                give_up(&error.to_string());
            }
            // SAFETY: ends this process, without what the parent will do at its end.
            unsafe { libc::_exit(0) }
        }
        child => Ok(child),
    }
}

/// Lets them run to their ends; how many system calls they made between their marks.
fn watch(mut children: [libc::pid_t; 2]) -> Result<u64> {
    let (mut total, mut marks) = (0, [0; 2]);
    let mut has_begun = [false; 2];
    while children.iter().any(|child| *child != 0) {
        let (pid, status) = wait()?;
        let Some(at) = children.iter().position(|child| *child == pid) else { continue };
        if !libc::WIFSTOPPED(status) {
            if status != 0 {
                return Err(format!("an end ended with status {status:#x}").into());
            }
            if marks[at] != 2 {
                return Err(format!("an end passed {} of 2 marks", marks[at]).into());
            }
            children[at] = 0;
            continue;
        }
        let mut pass_on = 0;
        match libc::WSTOPSIG(status) {
            libc::SIGSTOP if !has_begun[at] => {
                has_begun[at] = true;
                let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
                trace(libc::PTRACE_SETOPTIONS, pid, options as u64)?;
            }
            signal if signal == libc::SIGTRAP | 0x80 => match entered(pid)? {
                Some(MARK) => marks[at] += 1,
                Some(_) if marks[at] == 1 => total += 1,
                _ => {}
            },
            signal => pass_on = signal as u64,
        }
        trace(libc::PTRACE_SYSCALL, pid, pass_on)?;
    }
    Ok(total)
}

/// Some child that stopped or ended, and how.
fn wait() -> Result<(libc::pid_t, libc::c_int)> {
    let mut status = 0;
    // SAFETY: room for a status.
    match unsafe { libc::waitpid(-1, &mut status, libc::__WALL) } {
        -1 => Err(format!("cannot wait for a child: {}", io::Error::last_os_error()).into()),
        pid => Ok((pid, status)),
    }
}

/// What the call that it stopped at was given first, if it was stopped as it entered it. (Of a mark: [`MARK`].)
fn entered(pid: libc::pid_t) -> Result<Option<u64>> {
    // SAFETY: numbers, of which zero is a value.
    let mut info: libc::ptrace_syscall_info = unsafe { mem::zeroed() };
    // SAFETY: room for as many bytes as are named.
    let got = unsafe {
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid, size_of_val(&info), ptr::from_mut(&mut info))
    };
    if got <= 0 {
        return Err(format!("cannot ask a traced process: {}", io::Error::last_os_error()).into());
    }
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return Ok(None);
    }
    // SAFETY: the kernel says that this is what it has filled in.
    let entry = unsafe { info.u.entry };
    let is_mark = entry.nr == libc::SYS_prctl as u64 && entry.args[0] == MARK;
    Ok(Some(if is_mark { MARK } else { 0 }))
}

fn trace(request: libc::c_uint, pid: libc::pid_t, data: u64) -> Result<()> {
    // SAFETY: requests that take a number.
    if unsafe { libc::ptrace(request, pid, 0, data) } == -1 {
        return Err(format!("cannot trace a child: {}", io::Error::last_os_error()).into());
    }
    Ok(())
}
