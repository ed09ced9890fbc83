//! What is done with any peer. All of it is timed by the receiver: from the last message that only warms up to the last of all.
pub mod bytes;
pub mod fan;
pub mod stream;
pub mod trip;

use std::time::Duration;

use crate::cell::Measure;
use crate::drive::{Message, Result};
use crate::place::{Order, Side};

/// The order in which works are done and reported.
pub const ORDER: [&str; 13] = [
    "trip", "stream", "batch", "copy", "in place", "fan", "cpu", "wake", "adaptive", "idle", "rest", "cost",
    "memory",
];

/// Whether it matters how near the two cores are: not to what is counted, nor to what one process does by itself.
pub fn is_placed(work: &str) -> bool {
    !["rest", "cost", "memory"].contains(&work)
}

/// Whether one round of it says enough for the time that it takes.
pub fn is_once(work: &str) -> bool {
    work == "rest"
}

/// What each work is, for the report.
pub fn title(work: &str) -> &str {
    match work {
        "trip" => "Round trip",
        "stream" => "One way, one by one",
        "batch" => "One way, 64 at a time",
        "copy" => "Records of bytes: copied in, all words read",
        "in place" => "Records of bytes: made in place, one line written and read",
        "fan" => "Many producers, one consumer",
        "wake" => "Waking a sleeper",
        "adaptive" => "Round trip of those who spin, and then sleep",
        "idle" => "From idle: seldom a message",
        "rest" => "Waiting for what does not come",
        "cpu" => "CPU time of a busy stream",
        "cost" => "What a ring costs apart from its messages",
        "memory" => "Memory of a ring",
        other => other,
    }
}

/// How it is measured, in a sentence.
pub fn note(work: &str) -> &str {
    match work {
        "trip" => {
            "A message there and back, through two rings; the median, of each run its p50. Each side writes and reads all of it. \
             Pausing: between two looks. A ring takes a new line for each message, as `bare line each way` does."
        }
        "stream" => {
            "Each message is written whole and read whole, and the sums are compared. Millions per second, seen by the receiver, \
             after two laps that are not counted. Held back: the receiver pauses once when it has caught up, as ours does. Resting: \
             it stays away for long then, as no ring would; the most that a stream can do."
        }
        "batch" => {
            "The sender prepares 64 messages and hands them over together, the receiver takes up to 64. Millions of messages \
             per second."
        }
        "copy" => {
            "The sender copies a record of its own in, the receiver reads every word. Millions of records per second."
        }
        "in place" => {
            "The record is reserved, its first word written, committed; the receiver reads that word. The rest of it is \
             never touched: this is the price of the exchange, not of the bytes. Millions of records per second."
        }
        "fan" => {
            "Not pinned, in no hurry: there are more producers than cores. Who finds no room, or nothing, pauses, and gives \
             its core away after 64 pauses, unless the peer waits in its own way. Millions of messages per second, all producers together."
        }
        "cpu" => {
            "Messages of 64 B between processes, as fast as it goes. The CPU time of both sides together, per message: who spins \
             pays for it, and so does the kernel where it is called. System calls are counted where they are made, but for `sched_yield`."
        }
        "wake" => {
            "By turns each side sends to the other, once the kernel says that this one sleeps. From just before the send until the \
             sleeper runs and has it; of each run the p50."
        }
        "adaptive" => {
            "Round trips by calls that wait (they spin first, and sleep if nothing comes) beside the same by calls that only try. \
             Both in one process, a thousand of either by turns: the mean of the middle half."
        }
        "idle" => {
            "One message at a time, so many a second, to a receiver that waits as its kind does. From the send to the receipt; of \
             each run the p50. What it costs both sides is beside it. System calls are counted where they are made, for our rings and \
             for what stands on the kernel alone; not among them is `sched_yield`, four of which go before each sleep of ours that is \
             adaptive. Sleeps are voluntary context switches. Pollable: the attendant is woken, and wakes the receiver. Spin never sleeps, \
             and Park always does; without a word it is Adaptive."
        }
        "rest" => {
            "A receiver that waits for ten seconds for a message that does not come, once in a run: its CPU time, how often it sleeps anew, \
             and what it asks the kernel."
        }
        "cost" => {
            "Making, opening, joining and leaving: medians of many, beside a bare file in memory of the same size that is made and \
             mapped. System calls and allocations are counted, exactly, with both ends awake."
        }
        "memory" => {
            "The segment of a ring for 1,024 messages; what of it is fixed, what each message adds, and what an end takes of its \
             own process."
        }
        _ => "",
    }
}

/// Finds out how many messages take about as long as wanted, and times as many; `laps`: messages that fill the ring twice.
fn timed(
    side: &Side<'_>,
    laps: u64,
    wanted: Duration,
    mut receive: impl FnMut(Order) -> Result<Duration>,
) -> Result<Measure> {
    let mut count = 64;
    let took = loop {
        let (took, _) = side.order(Order { warm: 16, count }, || receive(Order { warm: 16, count }));
        let took = took?;
        if took >= wanted / 8 {
            break took;
        }
        // To an eighth at once, if it is known well enough how fast it is.
        let known = took > wanted / 100;
        count =
            if known { (count as f64 * wanted.div_duration_f64(took) / 7.0) as u64 + 1 } else { 4 * count };
    };
    let count = (count as f64 * wanted.div_duration_f64(took)) as u64 + 1;
    let order = Order { warm: laps.min(count), count };
    let (took, cpu) = side.order(order, || receive(order));
    let took = took?.as_secs_f64();
    let messages = (count * side.senders as u64) as f64;
    let all = (order.total() * side.senders as u64) as f64;
    Ok(Measure::new(messages / took / 1e6, "M/s", true).with("cpu ns", cpu / all))
}

/// The sum of the messages with the numbers from `from` on, so many.
fn sum_of<M: Message>(from: u64, many: u64) -> u64 {
    // Every word of a message goes up by one with its number.
    let words = (M::LEN / 8) as u64;
    let numbers = if many.is_multiple_of(2) {
        (many / 2).wrapping_mul(many.wrapping_sub(1))
    } else {
        many.wrapping_mul(many.wrapping_sub(1) / 2)
    };
    many.wrapping_mul(M::new(from).sum()).wrapping_add(words.wrapping_mul(numbers))
}

fn verify(got: u64, expected: u64, what: &str) -> Result<()> {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what} did not arrive as sent: their sum is {got:#x}, not {expected:#x}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::{Aligned, Words};

    #[test]
    fn sums_are_those_of_the_messages() {
        let by_hand =
            |from: u64, many| (from..from + many).fold(0_u64, |sum, i| sum + Words::<7>::new(i).sum());
        assert_eq!(sum_of::<Words<7>>(0, 1000), by_hand(0, 1000));
        assert_eq!(sum_of::<Words<7>>(1 << 40, 333), by_hand(1 << 40, 333));
        assert_eq!(sum_of::<Aligned<8>>(5, 0), 0);
    }
}
