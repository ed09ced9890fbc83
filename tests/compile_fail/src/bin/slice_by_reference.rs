//! A payload is not a slice, and does not pose as one.
//~ error[E0308]: mismatched types
//~ expected `&[u8]`, found `&Payload<'_>`
use ringway::spsc::Record;

fn read(record: Record) -> usize {
    let payload = record.payload();
    #[cfg(feature = "mended")]
    let payload = payload.to_vec();
    let slice: &[u8] = &payload; //~ here
    slice.len()
}

fn main() {
    let _read = read;
}
