//! Without a promise about the peers there are no slices.
//~ error[E0061]: this method takes 1 argument but 0 arguments were supplied
//~ `Trust`
use ringway::spsc::Record;

fn read(record: Record, _trust: ringway::Trust) -> usize {
    #[cfg(not(feature = "mended"))]
    let slice = record.payload().as_slice(); //~ here
    #[cfg(feature = "mended")]
    let slice = record.payload().as_slice(_trust);
    slice.len()
}

fn main() {
    let _read = read;
}
