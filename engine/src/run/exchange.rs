//! How the spikes of all tiles reach every worker: sent as messages, received, merged into the worker's history.
//!
//! The message of a tile about one epoch holds, for each step, the end of each population's neurons and then the neurons
//! that spiked.

use super::mailbox::{Disconnected, Mailboxes};
use crate::synapses::History;
use std::ops::{Range, RangeInclusive};

/// Messages of all tiles, by tile.
type Inbox = Vec<Vec<u32>>;

/// One worker's side of the exchange. Buffers stay from call to call.
pub struct Exchange {
    /// Number of the worker's tiles.
    own: Range<usize>,
    /// Messages about epochs of even and of odd number.
    inboxes: [Inbox; 2],
    scratch: Scratch,
}

/// What [`merge`] needs.
#[derive(Default)]
struct Scratch {
    /// Where the next step begins in each tile's message.
    places: Vec<usize>,
    /// Tiles that have spikes in this step, and where it begins in their messages.
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

    /// The message of one of the worker's tiles about an epoch, while it is written.
    pub fn message(&mut self, tile: usize, epoch: u64) -> &mut Vec<u32> {
        &mut self.inboxes[epoch as usize % 2][tile]
    }

    /// Sends the message of one of the worker's tiles about an epoch.
    pub fn send(&self, mailboxes: &Mailboxes, tile: usize, epoch: u64) {
        if self.own.len() < self.inboxes[0].len() {
            mailboxes.send(tile, epoch, &self.inboxes[epoch as usize % 2][tile]);
        }
    }

    /// Waits for the messages of all other tiles about an epoch.
    fn receive_all(&mut self, mailboxes: &Mailboxes, epoch: u64) -> Result<(), Disconnected> {
        let own = &self.own;
        let inbox = &mut self.inboxes[epoch as usize % 2];
        let others = |(tile, _): &(usize, &mut Vec<u32>)| !own.contains(tile);
        // The message before the last one tells about how long the next will be.
        inbox.iter_mut().enumerate().filter(others).for_each(|(i, last)| mailboxes.request(i, epoch, last.len()));
        inbox.iter_mut().enumerate().filter(others).try_for_each(|(i, spikes)| mailboxes.receive(i, epoch, spikes))
    }

    /// Waits for the spikes of all other tiles in an epoch whose steps end at `ticks`, and puts those of all tiles into the
    /// history.
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

    /// Waits until all other workers have come to an epoch that is not run, by empty messages about it.
    pub fn wait_for_all(&mut self, mailboxes: &Mailboxes, epoch: u64) -> Result<(), Disconnected> {
        self.inboxes[epoch as usize % 2].iter_mut().for_each(Vec::clear);
        self.own.clone().for_each(|tile| self.send(mailboxes, tile, epoch));
        self.receive_all(mailboxes, epoch)
    }
}

/// Puts the spikes of all tiles into the history, in the order of (step, population, neuron).
fn merge(
    inbox: &[Vec<u32>],
    Scratch { places, spiking }: &mut Scratch,
    ticks: RangeInclusive<u64>,
    populations: usize,
    history: &mut History,
) {
    places.clear();
    places.resize(inbox.len(), 0);
    for t in ticks {
        let all = history.at_mut(t);
        all.clear();
        // In most steps most tiles have no spike, and in the others most populations have none. They are skipped early.
        spiking.clear();
        for (i, (spikes, place)) in inbox.iter().zip(&mut *places).enumerate() {
            let end = spikes[*place..*place + populations].last().map_or(0, |&end| end as usize);
            if end > 0 {
                spiking.push((i, *place));
            }
            *place += populations + end;
        }
        for p in 0..populations {
            for &(i, place) in &*spiking {
                let (ends, neurons) = inbox[i][place..].split_at(populations);
                let start = if p == 0 { 0 } else { ends[p - 1] };
                if start < ends[p] {
                    all.neurons.extend_from_slice(&neurons[start as usize..ends[p] as usize]);
                }
            }
            all.ends.push(all.neurons.len() as u32);
        }
    }
}
