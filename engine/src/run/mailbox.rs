//! How tiles send each other their spikes, thousands of times a second.
//!
//! A core waits for every cache line that another core has written. If the core must read an address first, it waits
//! twice in a row. So a message has a fixed address, and its words directly follow the number that says that the
//! message has arrived. One read both checks for the message and fetches its first words. No lock or counter is passed
//! between the cores.
//!
//! A reader spins for a while, then parks its thread. While every worker has a core, spinning makes a message arrive
//! well under a microsecond after it was sent. On a busy machine, or with more workers than cores, a parked reader
//! leaves its core to the worker that it waits for.

use lapicque_models::vector::prefetch_range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, RwLock};

/// How many times a reader checks for a message before it parks.
const SPINS: u32 = 1_000;
/// Number of mailboxes of a tile, used in turn.
const BOXES: usize = 4;
/// Words of the longest message that needs no lock. With its head (number of the epoch, and length), a message of this
/// length fills sixteen cache lines.
pub const SHORT_MESSAGE_WORDS: usize = 253;

/// A message that all workers can read. `repr(C)` keeps the fields in this order. In the compiler's own order, the
/// words of a short message would be on another cache line than the head.
#[repr(C, align(64))]
struct Mailbox {
    /// Number of the message's epoch, plus one; 0 before the first message.
    epoch_plus_one: AtomicU64,
    /// Number of words of the message; [`SHORT_MESSAGE_WORDS`] + 1 for a long message.
    length: AtomicU32,
    /// A short message.
    words: [AtomicU32; SHORT_MESSAGE_WORDS],
    /// A long message. Its lock is never contended: the sender writes before it sets `epoch_plus_one`, and readers read
    /// after they have seen the new number.
    long: RwLock<Vec<u32>>,
}

// The head of 12 bytes and the words fill sixteen cache lines, and `long` begins on the next one.
const _: () = assert!(std::mem::offset_of!(Mailbox, words) == 12 && std::mem::offset_of!(Mailbox, long) == 16 * 64);

/// The mailboxes of all tiles.
pub struct Mailboxes {
    /// Mailbox of each tile, for each of the last epochs. A message of epoch n overwrites the message of epoch n − 4,
    /// which all workers have read by then: the sender has received the messages of epoch n − 2 from all workers, and
    /// each worker read all messages of epoch n − 4 before it sent its message of epoch n − 2.
    boxes: [Vec<Mailbox>; BOXES],
    /// How many times a reader checks before it parks.
    spins: u32,
    /// Whether a worker failed.
    disconnected: AtomicBool,
    /// Number of readers that are parked or about to park. While it is 0, senders save the system call that wakes
    /// readers.
    parked_readers: AtomicUsize,
    /// Held by a reader from its last check until it parks.
    park_lock: Mutex<()>,
    wake: Condvar,
}

/// A worker failed: there will be no more messages.
#[derive(Debug, PartialEq, Eq)]
pub struct Disconnected;

impl Mailboxes {
    /// Empty mailboxes for `tiles` tiles, read by `workers` workers.
    pub fn new(tiles: usize, workers: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let mailbox = || Mailbox {
            epoch_plus_one: AtomicU64::new(0),
            length: AtomicU32::new(0),
            words: std::array::from_fn(|_| AtomicU32::new(0)),
            long: RwLock::default(),
        };
        let boxes = || (0..tiles).map(|_| mailbox()).collect();
        Mailboxes {
            boxes: std::array::from_fn(|_| boxes()),
            // With more workers than cores, a spinning reader would take the core of a worker that has work to do.
            spins: if workers <= cores { SPINS } else { 0 },
            disconnected: AtomicBool::new(false),
            parked_readers: AtomicUsize::new(0),
            park_lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Removes all messages, so that epochs can be numbered from 0 again.
    pub fn empty(&mut self) {
        self.boxes.iter_mut().flatten().for_each(|mailbox| *mailbox.epoch_plus_one.get_mut() = 0);
        *self.disconnected.get_mut() = false;
    }

    /// Sends a tile's message of an epoch. A worker that receives the message sees everything that this thread has
    /// written before.
    pub fn send(&self, tile: usize, epoch: u64, message: &[u32]) {
        let mailbox = &self.boxes[epoch as usize % BOXES][tile];
        if message.len() <= SHORT_MESSAGE_WORDS {
            for (to, &word) in mailbox.words.iter().zip(message) {
                to.store(word, Ordering::Relaxed);
            }
        } else {
            let mut long = mailbox.long.write().unwrap_or_else(PoisonError::into_inner);
            long.clear();
            long.extend_from_slice(message);
        }
        mailbox.length.store(message.len().min(SHORT_MESSAGE_WORDS + 1) as u32, Ordering::Relaxed);
        // This store and load, and the addition and the last check of a reader that parks, are sequentially consistent.
        // So either this thread sees that a reader parks, or the reader sees the message before it parks.
        mailbox.epoch_plus_one.store(epoch + 1, Ordering::SeqCst);
        if self.parked_readers.load(Ordering::SeqCst) > 0 {
            self.wake_all();
        }
    }

    /// Prefetches a tile's message of an epoch, whether it has arrived or not. `length` is the expected number of
    /// words. The messages of several tiles can be requested before the first one is received, so that they are fetched
    /// together.
    pub fn request(&self, tile: usize, epoch: u64, length: usize) {
        // The words of a long message are stored elsewhere. Only the head is read here.
        let words = if length > SHORT_MESSAGE_WORDS { 1 } else { length.max(1) };
        prefetch_range(&self.boxes[epoch as usize % BOXES][tile].words, 0..words);
    }

    /// Waits for a tile's message of an epoch and copies it to `message`.
    pub fn receive(&self, tile: usize, epoch: u64, message: &mut Vec<u32>) -> Result<(), Disconnected> {
        let mailbox = &self.boxes[epoch as usize % BOXES][tile];
        self.wait(|| mailbox.epoch_plus_one.load(Ordering::SeqCst) == epoch + 1)?;
        let length = mailbox.length.load(Ordering::Relaxed) as usize;
        message.clear();
        if length <= SHORT_MESSAGE_WORDS {
            message.extend(mailbox.words[..length].iter().map(|word| word.load(Ordering::Relaxed)));
        } else {
            message.extend_from_slice(&mailbox.long.read().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }

    /// Waits until `arrived` is true. Fails if a worker failed before.
    fn wait(&self, arrived: impl Fn() -> bool) -> Result<(), Disconnected> {
        for _ in 0..self.spins {
            if arrived() {
                return Ok(());
            }
            if self.disconnected.load(Ordering::Acquire) {
                return Err(Disconnected);
            }
            std::hint::spin_loop();
        }
        let mut guard = self.park_lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.parked_readers.fetch_add(1, Ordering::SeqCst);
        while !arrived() && !self.disconnected.load(Ordering::Acquire) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.parked_readers.fetch_sub(1, Ordering::SeqCst);
        if arrived() { Ok(()) } else { Err(Disconnected) }
    }

    /// Wakes all parked readers. The lock is taken first, to wait for readers that have checked and not yet parked.
    fn wake_all(&self) {
        drop(self.park_lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }

    /// Makes every wait for a message that has not arrived fail, now and later.
    pub fn disconnect(&self) {
        self.disconnected.store(true, Ordering::Release);
        self.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of a tile in an epoch. Lengths range from 0 to that of a long message.
    fn message(tile: usize, epoch: u64) -> Vec<u32> {
        let length = [0, 1, 17, SHORT_MESSAGE_WORDS, 3 * SHORT_MESSAGE_WORDS][(tile + epoch as usize) % 5];
        (0..length as u32).map(|i| i ^ (epoch as u32) << 8 ^ (tile as u32) << 24).collect()
    }

    #[test]
    fn every_message_arrives_whole_and_in_its_epoch() {
        for (workers, epochs_late) in [(2, 0), (3, 0), (5, 0), (2, 1), (3, 1), (5, 1)] {
            let mut mailboxes = Mailboxes::new(workers, workers);
            for _ in 0..2 {
                mailboxes.empty();
                let mailboxes = &mailboxes;
                std::thread::scope(|scope| {
                    for own in 0..workers {
                        scope.spawn(move || {
                            let mut got = vec![7];
                            for epoch in 0..2000 {
                                mailboxes.send(own, epoch, &message(own, epoch));
                                let Some(epoch) = epoch.checked_sub(epochs_late) else { continue };
                                for tile in (0..workers).filter(|&tile| tile != own) {
                                    mailboxes.receive(tile, epoch, &mut got).unwrap();
                                    assert_eq!(got, message(tile, epoch), "epoch {epoch} of {tile}");
                                }
                            }
                        });
                    }
                });
            }
        }
    }

    #[test]
    fn disconnecting_ends_every_wait() {
        let mailboxes = Mailboxes::new(2, 2);
        mailboxes.send(1, 0, &[3]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| mailboxes.receive(0, 0, &mut vec![]));
            std::thread::sleep(std::time::Duration::from_millis(20));
            mailboxes.disconnect();
            assert_eq!(waiting.join().unwrap(), Err(Disconnected));
        });
        // A message that had arrived before can still be received.
        let mut message = vec![];
        assert_eq!(mailboxes.receive(1, 0, &mut message), Ok(()));
        assert_eq!(message, [3]);
        // After `empty`, messages can be sent and received again.
        let mut mailboxes = mailboxes;
        mailboxes.empty();
        mailboxes.send(0, 0, &[4]);
        assert_eq!((mailboxes.receive(0, 0, &mut message), &message[..]), (Ok(()), &[4][..]));
    }
}
