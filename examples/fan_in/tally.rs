//! [`Tally`]: compares the records of one producer with what it should have sent.
use ringway::ring::{Kind, Record};
use ringway::{Presence, SeatInfo};

use crate::{Load, Result};

pub const HEADING: &str =
    "seat   process       sent   received   lost in flight   duplicated   out of order   torn";

/// The records of one producer.
#[derive(Clone, Default)]
pub struct Tally {
    pub received: u64,
    /// Records that the ring has reported as lost.
    pub lost: u64,
    duplicated: u64,
    out_of_order: u64,
    torn: u64,
    /// The next number.
    next: u64,
}

impl Tally {
    pub fn note<K: Kind>(&mut self, record: &Record<'_, K>, load: &Load, own: &mut Vec<u8>) -> Result<()> {
        let payload = record.payload();
        let number: u64 = payload.read_value_at(0)?;
        own.resize(payload.len() - 8, 0);
        payload.read_at(own, 8)?;
        self.received += 1;
        self.torn += u64::from(own != load.line(number));
        self.duplicated += u64::from(number < self.next);
        self.out_of_order += u64::from(number > self.next);
        self.next = self.next.max(number + 1);
        Ok(())
    }

    /// Its row of the table. The producer itself counts, in the ring, what it has sent.
    pub fn row(&self, seat: &SeatInfo) -> String {
        let Self { received, lost, duplicated, out_of_order, torn, .. } = self;
        let (sent, pid) =
            (seat.counters.records, seat.presence.identity().map_or(0, |identity| identity.pid));
        let seat = seat.seat;
        format!(
            "{seat:>4} {pid:>9} {sent:>10} {received:>10} {lost:>16} {duplicated:>12} {out_of_order:>14} {torn:>6}"
        )
    }

    /// Whether it has sent everything, or was killed, and everything that it has sent came once and
    /// whole.
    pub fn is_right(&self, seat: &SeatInfo, load: &Load) -> bool {
        let sent = seat.counters.records;
        let was_killed = matches!(seat.presence, Presence::Died(_));
        let as_sent = if was_killed {
            // If it was killed between sending a record and counting it, it has sent one more.
            self.received == sent || self.received == sent + 1
        } else {
            self.received == sent && sent == load.records()
        };
        let as_lost = self.lost == seat.counters.lost && self.lost <= u64::from(was_killed);
        as_sent && as_lost && self.duplicated + self.out_of_order + self.torn == 0
    }
}
