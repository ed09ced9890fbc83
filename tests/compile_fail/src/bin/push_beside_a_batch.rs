//! Nor is anything sent beside a batch that is being filled.
//~ error[E0499]: cannot borrow `tx` as mutable more than once at a time
use ringway::spsc::Producer;

fn send(mut tx: Producer<[u8]>) {
    let mut batch = tx.try_batch(64).unwrap();
    batch.try_push(b"debit").unwrap();
    #[cfg(not(feature = "mended"))]
    tx.try_push(b"in between").unwrap(); //~ here
    batch.commit();
}

fn main() {
    let _send = send;
}
