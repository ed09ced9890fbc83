//! Nor is padding written, whose bytes are not defined.
//~ error[E0277]
//~ IntoBytes` is not implemented for `(u64, u8)`
use ringway::spsc::Reservation;

fn write(mut reservation: Reservation) -> bool {
    #[cfg(not(feature = "mended"))]
    let value = (1_u64, 2_u8);
    #[cfg(feature = "mended")]
    let value = [1_u64, 2];
    reservation.payload().write_value_at(&value, 0).is_ok() //~ here
}

fn main() {
    let _write = write;
}
