//! [`Hand`]: a producer on a thread of its own, so that what it reserves can stay open while others go on.
#![allow(clippy::forget_non_drop, reason = "that forgetting does no harm is what is tested")]

use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use ringway::PushError;
use ringway::memory::Heap;
use ringway::mpsc::{Batch, Producer, Reservation, Ring};

/// What a hand is told to do.
#[derive(Debug)]
pub enum Order {
    Push(Vec<u8>),
    Reserve(usize),
    Batch(usize),
    /// Gives the seat back, and takes one, which shall be this.
    Next(u16),
    /// Sends these bytes in the reservation that is open.
    Send(Vec<u8>),
    /// Adds a record to the batch that is open.
    Stage(Vec<u8>),
    Commit,
    Abort,
    Forget,
}

/// A producer that does what it is told.
pub struct Hand {
    /// None at its end.
    orders: Option<Sender<Order>>,
    answers: Receiver<Result<(), PushError>>,
    thread: Option<JoinHandle<()>>,
}

impl Hand {
    pub fn new(ring: &Ring<[u8], Heap>) -> Self {
        let (orders, told) = channel();
        let (answer, answers) = channel();
        let (ring, tx) = (ring.clone(), ring.producer().unwrap());
        let desk = Desk { told, answer };
        let thread = Some(thread::spawn(move || desk.work(&ring, tx)));
        Self { orders: Some(orders), answers, thread }
    }

    pub fn does(&self, order: Order) -> Result<(), PushError> {
        self.orders.as_ref().unwrap().send(order).unwrap();
        self.answers.recv().expect("an answer")
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.orders = None;
        let _told_where_it_panicked = self.thread.take().map(JoinHandle::join);
    }
}

/// Where a hand gets its orders, and answers.
struct Desk {
    told: Receiver<Order>,
    answer: Sender<Result<(), PushError>>,
}

impl Desk {
    fn answers(&self, answer: Result<(), PushError>) {
        self.answer.send(answer).unwrap();
    }

    fn work(&self, ring: &Ring<[u8], Heap>, tx: Producer<[u8], Heap>) {
        let mut tx = Some(tx);
        while let Ok(order) = self.told.recv() {
            let end = tx.as_mut().unwrap();
            match order {
                Order::Push(bytes) => self.answers(end.try_push(&bytes)),
                Order::Reserve(len) => match end.try_reserve(len) {
                    Ok(reservation) => self.reserved(reservation),
                    Err(error) => self.answers(Err(error)),
                },
                Order::Batch(room) => match end.try_batch(room) {
                    Ok(batch) => self.batched(batch),
                    Err(error) => self.answers(Err(error)),
                },
                Order::Next(seat) => {
                    drop(tx.take());
                    tx = ring.producer().ok();
                    assert_eq!(tx.as_ref().map(Producer::seat), Some(seat));
                    self.answers(Ok(()));
                }
                other => panic!("{other:?}, and nothing is open"),
            }
        }
    }

    fn reserved(&self, mut reservation: Reservation<'_, Heap>) {
        self.answers(Ok(()));
        let Ok(order) = self.told.recv() else { return };
        let done = match order {
            Order::Send(bytes) => {
                reservation.payload().write_at(&bytes, 0).unwrap();
                reservation.commit_len(bytes.len())
            }
            Order::Abort => {
                reservation.abort();
                Ok(())
            }
            Order::Forget => {
                mem::forget(reservation);
                Ok(())
            }
            other => panic!("{other:?}, with a reservation"),
        };
        self.answers(done);
    }

    fn batched(&self, mut batch: Batch<'_, Heap>) {
        self.answers(Ok(()));
        loop {
            match self.told.recv() {
                Ok(Order::Stage(bytes)) => self.answers(batch.try_push(&bytes)),
                Ok(Order::Commit) => break batch.commit(),
                Ok(Order::Forget) => break mem::forget(batch),
                Ok(Order::Abort) => break batch.abort(),
                Err(_) => return,
                Ok(other) => panic!("{other:?}, with a batch"),
            }
        }
        self.answers(Ok(()));
    }
}
