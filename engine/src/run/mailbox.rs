//! How tiles send each other their spikes, thousands of times a second.
//!
//! A core that reads what another has written waits for every cache line, and for one after the other where an address
//! must be read first. So a message lies where its reader looks, its words right behind the number that
//! says that it has come: to wait for it and to read it is one and the same, and no lock or counter goes back and forth.
//!
//! A reader spins for a while, then parks. Spinning makes a message arrive well under a microsecond after it was sent
//! while every worker has a core; parking makes sure that on a busy machine, or with more workers than cores, a reader
//! does not take the core of the one it waits for.

use lapicque_models::vector::prefetch_range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, RwLock};

/// Rounds of spinning before a reader parks.
const SPINS: u32 = 1_000;
/// Mailboxes of a tile, used in turn.
const BOXES: usize = 4;
/// Words of the longest message that needs no lock; with their head they fill sixteen cache lines.
pub const SHORT_MESSAGE_WORDS: usize = 253;

/// A message that all workers may read. Its fields lie in this order: a compiler's own would put the words of a short message
/// on another cache line than its head.
#[repr(C, align(64))]
struct Mailbox {
    /// One more than the number of the epoch that the message is of; 0 before the first.
    next: AtomicU64,
    /// Words of the message, or more than [`SHORT_MESSAGE_WORDS`] if it is too long.
    length: AtomicU32,
    words: [AtomicU32; SHORT_MESSAGE_WORDS],
    /// A message that is too long. Never contended: it is written before `next`, and read behind it.
    long: RwLock<Vec<u32>>,
}

// A head of 12 bytes, then the words, and nothing else on their sixteen lines.
const _: () = assert!(std::mem::offset_of!(Mailbox, words) == 12 && std::mem::offset_of!(Mailbox, long) == 16 * 64);

/// The mailboxes of all tiles.
pub struct Mailboxes {
    /// Those of the last epochs. When a tile has its message of epoch n ready, its worker has had those of epoch n − 2 at least
    /// from everybody, and each of those has read the messages up to n − 4 before: the one that is overwritten.
    boxes: [Vec<Mailbox>; BOXES],
    spins: u32,
    disconnected: AtomicBool,
    /// How many are parked, or about to be: waking costs a system call, so it is not done for nobody.
    sleepers: AtomicUsize,
    parked: Mutex<()>,
    wake: Condvar,
}

/// A worker failed: there will be no more messages.
#[derive(Debug, PartialEq, Eq)]
pub struct Disconnected;

impl Mailboxes {
    /// Empty mailboxes of so many tiles, to be read by so many workers.
    pub fn new(tiles: usize, workers: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let mailbox = || Mailbox {
            next: AtomicU64::new(0),
            length: AtomicU32::new(0),
            words: std::array::from_fn(|_| AtomicU32::new(0)),
            long: RwLock::default(),
        };
        let boxes = || (0..tiles).map(|_| mailbox()).collect();
        Mailboxes {
            boxes: std::array::from_fn(|_| boxes()),
            // With more workers than cores, whoever spins keeps another from working.
            spins: if workers <= cores { SPINS } else { 0 },
            disconnected: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            parked: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Forgets all messages, so that epochs can be counted from 0 again.
    pub fn empty(&mut self) {
        self.boxes.iter_mut().flatten().for_each(|mailbox| *mailbox.next.get_mut() = 0);
        *self.disconnected.get_mut() = false;
    }

    /// Sends a tile's message of an epoch. Everything that was written before is visible to all who receive it.
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
        // Sequentially consistent, here and where a sleeper announces itself: either we see the sleeper, or it sees the
        // message before it parks.
        mailbox.next.store(epoch + 1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            self.wake_all();
        }
    }

    /// Asks for a tile's message of an epoch of about so many words, come or not, so that those of several tiles come at a time.
    pub fn request(&self, tile: usize, epoch: u64, length: usize) {
        // Of a message that is too long only the head is read there.
        let words = if length > SHORT_MESSAGE_WORDS { 1 } else { length.max(1) };
        prefetch_range(&self.boxes[epoch as usize % BOXES][tile].words, 0..words);
    }

    /// Waits for a tile's message of an epoch and copies it.
    pub fn receive(&self, tile: usize, epoch: u64, message: &mut Vec<u32>) -> Result<(), Disconnected> {
        let mailbox = &self.boxes[epoch as usize % BOXES][tile];
        self.wait(|| mailbox.next.load(Ordering::SeqCst) == epoch + 1)?;
        let length = mailbox.length.load(Ordering::Relaxed) as usize;
        message.clear();
        if length <= SHORT_MESSAGE_WORDS {
            message.extend(mailbox.words[..length].iter().map(|word| word.load(Ordering::Relaxed)));
        } else {
            message.extend_from_slice(&mailbox.long.read().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(())
    }

    /// Waits until a message has come, or all is over.
    fn wait(&self, come: impl Fn() -> bool) -> Result<(), Disconnected> {
        for _ in 0..self.spins {
            if come() {
                return Ok(());
            }
            if self.disconnected.load(Ordering::Acquire) {
                return Err(Disconnected);
            }
            std::hint::spin_loop();
        }
        let mut guard = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while !come() && !self.disconnected.load(Ordering::Acquire) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        if come() { Ok(()) } else { Err(Disconnected) }
    }

    /// Wakes all who are parked. Taking the lock waits for those who have checked and not yet parked.
    fn wake_all(&self) {
        drop(self.parked.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }

    /// Frees all who wait for a message that does not come, now and later.
    pub fn disconnect(&self) {
        self.disconnected.store(true, Ordering::Release);
        self.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of a tile: from none to longer than fits.
    fn message(tile: usize, epoch: u64) -> Vec<u32> {
        let length = [0, 1, 17, SHORT_MESSAGE_WORDS, 3 * SHORT_MESSAGE_WORDS][(tile + epoch as usize) % 5];
        (0..length as u32).map(|i| i ^ (epoch as u32) << 8 ^ (tile as u32) << 24).collect()
    }

    #[test]
    fn every_message_arrives_whole_and_in_its_epoch() {
        for (workers, late) in [(2, 0), (3, 0), (5, 0), (2, 1), (3, 1), (5, 1)] {
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
                                let Some(epoch) = epoch.checked_sub(late) else { continue };
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
    fn disconnecting_frees_those_who_wait() {
        let mailboxes = Mailboxes::new(2, 2);
        mailboxes.send(1, 0, &[3]);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| mailboxes.receive(0, 0, &mut vec![]));
            std::thread::sleep(std::time::Duration::from_millis(20));
            mailboxes.disconnect();
            assert_eq!(waiting.join().unwrap(), Err(Disconnected));
        });
        // What has come can still be had.
        let mut message = vec![];
        assert_eq!(mailboxes.receive(1, 0, &mut message), Ok(()));
        assert_eq!(message, [3]);
        // Behind that all is as it was at first.
        let mut mailboxes = mailboxes;
        mailboxes.empty();
        mailboxes.send(0, 0, &[4]);
        assert_eq!((mailboxes.receive(0, 0, &mut message), &message[..]), (Ok(()), &[4][..]));
    }
}
