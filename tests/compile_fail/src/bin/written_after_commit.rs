//! What is sent is the consumer's: nothing is written to it any more.
//~ error[E0505]: cannot move out of `reservation` because it is borrowed
use ringway::lanes::Reservation;

fn send(mut reservation: Reservation) {
    let mut payload = reservation.payload();
    payload.write_at(b"sent", 0).unwrap();
    reservation.commit(); //~ here
    #[cfg(not(feature = "mended"))]
    payload.write_at(b"changed", 0).unwrap();
}

fn main() {
    let _send = send;
}
