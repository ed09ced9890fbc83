//! What is released is the producer's.
//~ error[E0505]: cannot move out of `record` because it is borrowed
use ringway::mpsc::Record;

fn read(record: Record) -> usize {
    let payload = record.payload();
    #[cfg(not(feature = "mended"))]
    record.release(); //~ here
    payload.to_vec().len()
}

fn main() {
    let _read = read;
}
