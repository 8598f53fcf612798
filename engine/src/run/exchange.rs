//! How the spikes of all tiles reach every worker: tiles send messages, workers receive them and merge them into their
//! histories.
//!
//! A tile sends one message for each epoch. For each step, the message contains two lists, one after the other. The
//! first has, for each population, the number of neurons that spiked in it and in all populations before it. The second
//! has the neurons that spiked, population after population, by their index in the population.

use super::mailbox::{Disconnected, Mailboxes};
use crate::synapses::History;
use std::ops::{Range, RangeInclusive};

/// Messages of all tiles, by tile.
type Inbox = Vec<Vec<u32>>;

/// One worker's side of the exchange. The buffers are reused from call to call.
pub struct Exchange {
    /// Numbers of the worker's own tiles.
    own: Range<usize>,
    /// Messages of the last even and of the last odd epoch.
    inboxes: [Inbox; 2],
    scratch: Scratch,
}

/// Buffers of [`merge`].
#[derive(Default)]
struct Scratch {
    /// Where the next step begins in the message of each tile.
    positions: Vec<usize>,
    /// Tiles that have spikes in this step, each with the position at which the step begins in its message.
    spiking: Vec<(usize, usize)>,
}

impl Exchange {
    /// The exchange of the worker that owns the tiles numbered `own`, of `all` tiles.
    pub fn new(own: Range<usize>, all: usize) -> Exchange {
        let inbox = || vec![Vec::new(); all];
        Exchange { own, inboxes: [inbox(), inbox()], scratch: Scratch::default() }
    }

    /// Numbers of the worker's tiles.
    pub fn own(&self) -> Range<usize> {
        self.own.clone()
    }

    /// The message of one of the worker's tiles in an epoch, to be written.
    pub fn message(&mut self, tile: usize, epoch: u64) -> &mut Vec<u32> {
        &mut self.inboxes[epoch as usize % 2][tile]
    }

    /// Sends the message of one of the worker's tiles in an epoch. Does nothing if the worker has all tiles.
    pub fn send(&self, mailboxes: &Mailboxes, tile: usize, epoch: u64) {
        if self.own.len() < self.inboxes[0].len() {
            mailboxes.send(tile, epoch, &self.inboxes[epoch as usize % 2][tile]);
        }
    }

    /// Waits for the messages of all other workers' tiles in an epoch.
    fn receive_all(&mut self, mailboxes: &Mailboxes, epoch: u64) -> Result<(), Disconnected> {
        let own = &self.own;
        let inbox = &mut self.inboxes[epoch as usize % 2];
        let others = |(tile, _): &(usize, &mut Vec<u32>)| !own.contains(tile);
        // The message two epochs ago, which is still in the inbox, is about as long as the one to be received.
        inbox.iter_mut().enumerate().filter(others).for_each(|(i, last)| mailboxes.request(i, epoch, last.len()));
        inbox.iter_mut().enumerate().filter(others).try_for_each(|(i, spikes)| mailboxes.receive(i, epoch, spikes))
    }

    /// Waits for the spikes of all other workers' tiles in an epoch whose steps end at `ticks`. Then puts the spikes of
    /// all tiles into the history.
    pub fn receive(
        &mut self,
        mailboxes: &Mailboxes,
        epoch: u64,
        ticks: RangeInclusive<u64>,
        populations: usize,
        history: &mut History,
    ) -> Result<(), Disconnected> {
        self.receive_all(mailboxes, epoch)?;
        merge(&self.inboxes[epoch as usize % 2], &mut self.scratch, ticks, populations, history);
        Ok(())
    }

    /// Waits until all other workers have reached an epoch that is not run: sends and receives empty messages of this
    /// epoch.
    pub fn wait_for_all(&mut self, mailboxes: &Mailboxes, epoch: u64) -> Result<(), Disconnected> {
        self.inboxes[epoch as usize % 2].iter_mut().for_each(Vec::clear);
        self.own.clone().for_each(|tile| self.send(mailboxes, tile, epoch));
        self.receive_all(mailboxes, epoch)
    }
}

/// Puts the spikes of all tiles into the history, in the order of (step, population, neuron).
fn merge(
    inbox: &[Vec<u32>],
    Scratch { positions, spiking }: &mut Scratch,
    ticks: RangeInclusive<u64>,
    populations: usize,
    history: &mut History,
) {
    positions.clear();
    positions.resize(inbox.len(), 0);
    for t in ticks {
        let all = history.at_mut(t);
        all.clear();
        // Most tiles have no spike in a step. These tiles are skipped here. Most populations of the other tiles have no
        // spike either. These populations are skipped below.
        spiking.clear();
        for (i, (spikes, position)) in inbox.iter().zip(&mut *positions).enumerate() {
            let end = spikes[*position..*position + populations].last().map_or(0, |&end| end as usize);
            if end > 0 {
                spiking.push((i, *position));
            }
            *position += populations + end;
        }
        for p in 0..populations {
            for &(i, position) in &*spiking {
                let (ends, neurons) = inbox[i][position..].split_at(populations);
                let start = if p == 0 { 0 } else { ends[p - 1] };
                if start < ends[p] {
                    all.neurons.extend_from_slice(&neurons[start as usize..ends[p] as usize]);
                }
            }
            all.ends.push(all.neurons.len() as u32);
        }
    }
}
