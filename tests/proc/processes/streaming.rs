//! All records arrive in order, with each method of sending and receiving, between two processes.
use std::thread::yield_now;
use std::time::Duration;

use ringway::spsc::{Consumer, Ring};
use ringway::{CELL, Departure, Options, PopError, PushError};

use super::{Item, is_empty, is_full};
use support::Name;
use support::process::{Child, PATIENCE};

const ITEMS: u64 = 150_000;
const RECORDS: u64 = 100_000;
const AT_MOST: Duration = PATIENCE;

/// Calls `ask` until `again` returns `false` for the answer.
fn insist<T>(mut ask: impl FnMut() -> T, again: fn(&T) -> bool) -> T {
    loop {
        let answer = ask();
        if !again(&answer) {
            return answer;
        }
        yield_now();
    }
}

/// Record `number`, which determines its length and all of its bytes.
fn record(number: u64) -> Vec<u8> {
    let len = number * 37 % 701;
    (0..len).map(|i| (number ^ i) as u8).collect()
}

pub fn send_items(words: &[&str]) {
    let ring = Ring::<Item>::open(words[0]).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut number = 0;
    while number < ITEMS {
        let item = Item::numbered(number);
        number += match words[1] {
            "waiting" => tx.push(&item).map(|()| 1),
            "trying" => insist(|| tx.try_push(&item), is_full).map(|()| 1),
            "timed" => tx.push_timeout(&item, AT_MOST).map(|()| 1),
            _ => {
                let items: Vec<Item> = (number..ITEMS).take(50).map(Item::numbered).collect();
                insist(|| tx.try_push_slice(&items), is_full).map(|pushed| pushed as u64)
            }
        }
        .unwrap();
    }
}

/// Receives items from a process that sends them in the given form. `receive` passes each item to
/// its argument.
fn items_arrive(form: &str, mut receive: impl FnMut(&mut Consumer<Item>, &mut dyn FnMut(Item)) -> PopResult) {
    let name = Name::unique("ringway-items");
    let ring = Ring::<Item>::create(&name, &Options::new().capacity(512)).unwrap();
    let sender = Child::start("send items", &[name.as_str(), form]);
    let mut rx = ring.consumer().unwrap();
    let mut next = 0;
    let mut expect = |item: Item| {
        assert_eq!(item.checked(), next);
        next += 1;
    };
    let end = loop {
        if let Err(end) = receive(&mut rx, &mut expect) {
            break end;
        }
    };
    assert_eq!((end, next), (PopError::Closed(Departure::Left), ITEMS));
    sender.finish();
}

type PopResult = Result<(), PopError>;

#[test]
fn items_arrive_in_order_by_the_waiting_forms() {
    items_arrive("waiting", |rx, each| rx.pop().map(each));
}

#[test]
fn items_arrive_in_order_by_the_trying_forms() {
    items_arrive("trying", |rx, each| insist(|| rx.try_pop(), is_empty).map(&mut *each));
}

#[test]
fn items_arrive_in_order_by_the_timed_forms() {
    items_arrive("timed", |rx, each| rx.pop_timeout(AT_MOST).map(each));
}

#[test]
fn items_arrive_in_order_by_slices() {
    let mut items = [Item::numbered(0); 50];
    items_arrive("slices", |rx, each| {
        let popped = insist(|| rx.try_pop_slice(&mut items), is_empty)?;
        items[..popped].iter().copied().for_each(each);
        Ok(())
    });
}

#[test]
fn items_arrive_in_order_when_drained() {
    items_arrive("waiting", |rx, each| insist(|| rx.drain(7, &mut *each), is_empty).map(|_| ()));
}

pub fn send_records(words: &[&str]) {
    let ring = Ring::<[u8]>::open(words[0]).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut number = 0;
    while number < RECORDS {
        let bytes = record(number);
        match words[1] {
            "waiting" => tx.push(&bytes).unwrap(),
            "trying" => insist(|| tx.try_push(&bytes), is_full).unwrap(),
            "timed" => tx.push_timeout(&bytes, AT_MOST).unwrap(),
            "reserving" => {
                let mut reservation = tx.reserve(bytes.len() + 100).unwrap();
                reservation.payload().write_at(&bytes, 0).unwrap();
                reservation.commit_len(bytes.len()).unwrap();
                drop(tx.reserve(1).unwrap());
            }
            _ => {
                let records: Vec<_> = (number..RECORDS.min(number + 4)).map(record).collect();
                let cells: usize = records.iter().map(|record| record.len().div_ceil(CELL).max(1)).sum();
                let mut batch = loop {
                    match tx.try_batch(cells * CELL) {
                        Err(PushError::Full) => yield_now(),
                        other => break other.unwrap(),
                    }
                };
                records.iter().for_each(|record| batch.try_push(record).unwrap());
                batch.commit();
                number += records.len() as u64;
                continue;
            }
        }
        number += 1;
    }
}

/// Receives records from a process that sends them in the given form. `receive` passes the bytes of
/// each record to its argument.
fn records_arrive(
    form: &str,
    mut receive: impl FnMut(&mut Consumer<[u8]>, &mut dyn FnMut(Vec<u8>)) -> PopResult,
) {
    let name = Name::unique("ringway-records");
    let ring = Ring::<[u8]>::create(&name, &Options::new().capacity(1 << 16)).unwrap();
    let sender = Child::start("send records", &[name.as_str(), form]);
    let mut rx = ring.consumer().unwrap();
    let mut next = 0;
    let mut expect = |bytes: Vec<u8>| {
        assert!(bytes == record(next), "{bytes:?} instead of record {next}");
        next += 1;
    };
    let end = loop {
        if let Err(end) = receive(&mut rx, &mut expect) {
            break end;
        }
    };
    assert_eq!((end, next), (PopError::Closed(Departure::Left), RECORDS));
    sender.finish();
}

#[test]
fn records_arrive_in_order_by_the_waiting_forms() {
    records_arrive("waiting", |rx, each| rx.read().map(|record| each(record.payload().to_vec())));
}

#[test]
fn records_arrive_in_order_by_the_trying_forms() {
    records_arrive("trying", |rx, each| {
        insist(|| rx.try_read().map(|record| record.payload().to_vec()), is_empty).map(&mut *each)
    });
}

#[test]
fn records_arrive_in_order_by_the_timed_forms() {
    records_arrive("timed", |rx, each| {
        rx.read_timeout(AT_MOST).map(|record| each(record.payload().to_vec()))
    });
}

#[test]
fn records_arrive_in_order_when_they_were_reserved_larger_and_are_read_twice() {
    records_arrive("reserving", |rx, each| {
        rx.read()?.keep();
        rx.read().map(|record| each(record.payload().to_vec()))
    });
}

#[test]
fn records_arrive_in_order_in_batches() {
    records_arrive("batches", |rx, each| {
        insist(|| rx.drain(5, |payload| each(payload.to_vec())), is_empty).map(|_| ())
    });
}
