//! A reservation is the producer's, and must be sent or given up before that leaves.
//~ error[E0505]: cannot move out of `tx` because it is borrowed
use ringway::spsc::Producer;

fn leave(mut tx: Producer<[u8]>) {
    let reservation = tx.try_reserve(100).unwrap();
    #[cfg(not(feature = "mended"))]
    drop(tx); //~ here
    reservation.commit();
}

fn main() {
    let _leave = leave;
}
