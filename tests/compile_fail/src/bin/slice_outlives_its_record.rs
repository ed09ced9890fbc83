//! Nor is it looked at by those who trust their peers.
//~ error[E0505]: cannot move out of `record` because it is borrowed
use ringway::Trust;
use ringway::spsc::Record;

fn read(record: Record, trust: Trust) -> usize {
    let slice = record.payload().as_slice(trust);
    #[cfg(not(feature = "mended"))]
    record.release(); //~ here
    slice.len()
}

fn main() {
    let _read = read;
}
