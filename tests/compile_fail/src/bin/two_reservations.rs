//! One at a time: a producer's records have an order.
//~ error[E0499]: cannot borrow `tx` as mutable more than once at a time
use ringway::mpsc::Producer;

fn reserve(mut tx: Producer<[u8]>) {
    let first = tx.try_reserve(100).unwrap();
    #[cfg(feature = "mended")]
    let first = first.commit();
    let second = tx.try_reserve(100).unwrap(); //~ here
    second.commit();
    #[cfg(not(feature = "mended"))]
    first.commit();
    #[cfg(feature = "mended")]
    let () = first;
}

fn main() {
    let _reserve = reserve;
}
