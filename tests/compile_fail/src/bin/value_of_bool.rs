//! Nor is there a way around it: what is read out of a record's bytes is valid whatever they are.
//~ error[E0277]
//~ FromBytes` is not implemented for `bool`
use ringway::spsc::Record;

#[cfg(not(feature = "mended"))]
type Flag = bool;
#[cfg(feature = "mended")]
type Flag = u8;

fn read(record: Record) -> bool {
    let flag = record.payload().read_value_at::<Flag>(0); //~ here
    flag.is_ok()
}

fn main() {
    let _read = read;
}
