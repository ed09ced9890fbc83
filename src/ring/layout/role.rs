//! [`RoleBlock`]: the words that a ring keeps in the block of a seat.
use crate::layout::SeatBlock;
use crate::memory::Offset;

/// Where a ring's words of a seat are: those of the seat itself, and those that the ring adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoleBlock {
    start: Offset,
}

impl RoleBlock {
    /// In bytes.
    pub(crate) const SIZE: u64 = SeatBlock::SIZE;

    const POSITION: u64 = 0;
    const ANNOUNCEMENT: u64 = 8;
    const NOTIFIED: u64 = 8;
    const CLAIM_END: u64 = 16;
    const RECORDS: u64 = 24;
    const BYTES: u64 = 32;
    const ABORTED: u64 = 40;
    const PARKED: u64 = 128;
    const ARMED: u64 = 136;
    const LOST: u64 = 384;
    const HEAD: u64 = 448;

    pub(crate) const fn new(start: Offset) -> Self {
        Self { start }
    }

    /// Where the seat's own words are: state and identity.
    pub(crate) const fn seat(self) -> SeatBlock {
        SeatBlock::new(self.start)
    }

    /// Where in the segment a field is.
    const fn field(self, at: u64) -> Offset {
        self.start.plus(at)
    }

    /// The consumer's HEAD, or a producer's TAIL.
    pub(crate) const fn position(self) -> Offset {
        self.field(Self::POSITION)
    }

    /// The position that a producer of an `mpsc` ring is about to claim or has claimed.
    pub(crate) const fn announcement(self) -> Offset {
        self.field(Self::ANNOUNCEMENT)
    }

    /// In the common block of a `lanes` ring: whether a ready bit was set. It has the place of the
    /// announcement, which only seats of `mpsc` have.
    pub(crate) const fn notified(self) -> Offset {
        self.field(Self::NOTIFIED)
    }

    /// Where the announced claim ends.
    pub(crate) const fn claim_end(self) -> Offset {
        self.field(Self::CLAIM_END)
    }

    /// The word on which the holder sleeps.
    pub(crate) const fn parked(self) -> Offset {
        self.field(Self::PARKED)
    }

    /// Whether the producer of a lane has to notify the consumer of its next record.
    pub(crate) const fn armed(self) -> Offset {
        self.field(Self::ARMED)
    }

    /// HEAD of a lane.
    pub(crate) const fn head(self) -> Offset {
        self.field(Self::HEAD)
    }

    /// Three words side by side: records published, their bytes, records aborted.
    pub(crate) const fn sent(self) -> [Offset; 3] {
        [self.field(Self::RECORDS), self.field(Self::BYTES), self.field(Self::ABORTED)]
    }

    /// How many claims died with holders of this seat.
    pub(crate) const fn lost(self) -> Offset {
        self.field(Self::LOST)
    }
}

/// The numbers on the page `format`. Other numbers are another format, with another `MAJOR`.
const _: () = {
    type B = RoleBlock;
    let path = [B::POSITION, B::ANNOUNCEMENT, B::CLAIM_END, B::RECORDS, B::BYTES, B::ABORTED];
    assert!(matches!(path, [0, 8, 16, 24, 32, 40]), "the role block is not as documented");
    assert!(
        matches!([B::NOTIFIED, B::PARKED, B::ARMED], [8, 128, 136]),
        "the role block is not as documented"
    );
    assert!(matches!([B::LOST, B::HEAD], [384, 448]), "the role block is not as documented");
};
