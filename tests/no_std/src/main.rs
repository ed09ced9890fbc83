//! A ring in a static, in a program without std, heap or runtime. Its exit status says how it went.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use ringway::memory::StaticMemory;
use ringway::spsc::Ring;
use ringway::{Departure, Options, PopError, PushError};

static ITEMS: StaticMemory<{ Ring::<u64>::required_len(&Options::new().capacity(8)) }> = StaticMemory::new();
static BYTES: StaticMemory<{ Ring::<[u8]>::required_len(&Options::new().capacity(256)) }> =
    StaticMemory::new();

/// What went wrong, as the exit status; 0 if nothing.
fn run() -> Result<(), i32> {
    let ring = Ring::<u64, _>::format(&ITEMS, &Options::new().capacity(8)).map_err(|_| 1)?;
    let (mut tx, mut rx) = (ring.producer().map_err(|_| 2)?, ring.consumer().map_err(|_| 3)?);
    for lap in 0..100 {
        for i in 0..8 {
            tx.try_push(&(lap * 8 + i)).map_err(|_| 4)?;
        }
        if tx.try_push(&0) != Err(PushError::Full) {
            return Err(5);
        }
        for i in 0..8 {
            if rx.try_pop() != Ok(lap * 8 + i) {
                return Err(6);
            }
        }
    }
    drop(tx);
    if rx.pop() != Err(PopError::Closed(Departure::Left)) {
        return Err(7);
    }

    let ring = Ring::<[u8], _>::format(&BYTES, &Options::new().capacity(256)).map_err(|_| 8)?;
    let (mut tx, mut rx) = (ring.producer().map_err(|_| 9)?, ring.consumer().map_err(|_| 10)?);
    for round in 0..100u8 {
        let mut reservation = tx.try_reserve(100).map_err(|_| 11)?;
        reservation.payload().write_value_at(&round, 0).map_err(|_| 12)?;
        reservation.commit();
        if rx.try_read().map_err(|_| 13)?.payload().read_value_at::<u8>(0) != Ok(round) {
            return Err(14);
        }
    }
    Ok(())
}

// For the start-up code that calls `main`, and for memcpy: nothing else.
#[link(name = "c")]
unsafe extern "C" {}

/// Called by the C start-up code.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    run().err().unwrap_or(0)
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}
