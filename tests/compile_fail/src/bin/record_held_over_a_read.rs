//! A record is released before the next is read: one at a time is in the consumer's hands.
//~ error[E0499]: cannot borrow `rx` as mutable more than once at a time
use ringway::spsc::Consumer;

fn read(mut rx: Consumer<[u8]>) {
    let first = rx.try_read().unwrap();
    #[cfg(feature = "mended")]
    let first = {
        let copy = first.payload().to_vec();
        drop(first);
        copy
    };
    let second = rx.try_read().unwrap(); //~ here
    println!("{} {}", first.len(), second.len());
}

fn main() {
    let _read = read;
}
