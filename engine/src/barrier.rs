//! A barrier for workers that meet thousands of times a second: it spins for a while, then parks.
//!
//! Spinning makes a meeting cost well under a microsecond while every worker has a core; parking makes sure that on a
//! busy machine, or with more workers than cores, a waiting worker does not take the core of the one it waits for.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Rounds of spinning before a worker parks.
const SPINS: u32 = 1_000;

/// A reusable barrier.
pub struct Barrier {
    workers: usize,
    arrived: AtomicUsize,
    generation: AtomicU64,
    broken: AtomicBool,
    spins: u32,
    /// How many are parked, or about to be: waking costs a system call, so it is not done for nobody.
    sleepers: AtomicUsize,
    parked: Mutex<()>,
    wake: Condvar,
}

/// The barrier was broken: a worker failed and will not come.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken;

impl Barrier {
    /// A barrier for so many workers.
    pub fn new(workers: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Barrier {
            workers,
            arrived: AtomicUsize::new(0),
            generation: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            // With more workers than cores, whoever spins keeps another from working.
            spins: if workers <= cores { SPINS } else { 0 },
            sleepers: AtomicUsize::new(0),
            parked: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Waits until all workers are here. Everything a worker wrote before is visible to all behind.
    pub fn wait(&self) -> Result<(), Broken> {
        if self.workers == 1 {
            return self.state();
        }
        let generation = self.generation.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.workers {
            self.arrived.store(0, Ordering::Relaxed);
            // Sequentially consistent, here and where a sleeper announces itself: either we see the sleeper, or it sees
            // the new generation before it parks.
            self.generation.store(generation + 1, Ordering::SeqCst);
            if self.sleepers.load(Ordering::SeqCst) > 0 {
                self.wake_all();
            }
            return self.state();
        }
        for _ in 0..self.spins {
            if self.passed(generation) {
                return self.state();
            }
            std::hint::spin_loop();
        }
        let mut guard = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while !self.passed(generation) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        self.state()
    }

    /// Wakes all who are parked. Taking the lock waits for those who have checked and not yet parked.
    fn wake_all(&self) {
        drop(self.parked.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }

    fn passed(&self, generation: u64) -> bool {
        self.generation.load(Ordering::SeqCst) != generation || self.broken.load(Ordering::Acquire)
    }

    fn state(&self) -> Result<(), Broken> {
        if self.broken.load(Ordering::Acquire) { Err(Broken) } else { Ok(()) }
    }

    /// Frees all who wait, now and later.
    pub fn break_up(&self) {
        self.broken.store(true, Ordering::Release);
        self.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_before_all_have_come() {
        for workers in [1, 2, 5] {
            let (barrier, count) = (Barrier::new(workers), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(|| {
                        for round in 0..2000 {
                            count.fetch_add(1, Ordering::SeqCst);
                            barrier.wait().unwrap();
                            assert!(count.load(Ordering::SeqCst) >= workers * (round + 1));
                        }
                    });
                }
            });
            assert_eq!(count.into_inner(), 2000 * workers);
        }
    }

    #[test]
    fn a_broken_barrier_frees_those_who_wait() {
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| barrier.wait());
            std::thread::sleep(std::time::Duration::from_millis(20));
            barrier.break_up();
            assert_eq!(waiting.join().unwrap(), Err(Broken));
        });
    }
}
