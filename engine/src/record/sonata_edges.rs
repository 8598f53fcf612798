//! The realised network as SONATA edges.
//!
//! One edge population per pair of connected populations and receptor, named `SOURCE_to_TARGET_RECEPTOR`, with
//! `source_node_id`, `target_node_id` (u64), `edge_type_id`, `edge_group_id`, `edge_group_index`, and in group `0` the
//! attributes `syn_weight` (the receptor's unit) and `delay` (ms). Node ids are zero-based in their population.

use super::error::RecordError;
use super::format::FORMAT;
use super::growing_dataset::{GrowingDataset, Layout};
use super::hdf;
use super::publish::Output;
use crate::plan::Plan;
use crate::run::{Simulation, Synapse};
use hdf5::File;
use std::collections::BTreeMap;
use std::path::Path;

struct Edges {
    path: String,
    sources: GrowingDataset<u64>,
    targets: GrowingDataset<u64>,
    weights: GrowingDataset<f64>,
    delays: GrowingDataset<f64>,
}

impl Edges {
    fn create(file: &File, plan: &Plan, synapse: &Synapse) -> hdf5::Result<Edges> {
        let (source, target) = (&plan.populations[synapse.source.0], &plan.populations[synapse.target.0]);
        let receptor = &target.receptors[synapse.receptor];
        let path = format!("edges/{}_to_{}_{}", source.name, target.name, receptor.name);
        let group = file.create_group(&path)?;
        hdf::put_text(&group, "receptor", &receptor.name)?;
        group.create_group("0")?;
        let layout = Layout { width: None, expected_rows: None, compress: false };
        let edges = Edges {
            sources: GrowingDataset::create(file, format!("{path}/source_node_id"), layout)?,
            targets: GrowingDataset::create(file, format!("{path}/target_node_id"), layout)?,
            weights: GrowingDataset::create(file, format!("{path}/0/syn_weight"), layout)?,
            delays: GrowingDataset::create(file, format!("{path}/0/delay"), layout)?,
            path,
        };
        hdf::put_text(edges.sources.dataset()?, "node_population", &source.name)?;
        hdf::put_text(edges.targets.dataset()?, "node_population", &target.name)?;
        Ok(edges)
    }

    fn push(&mut self, synapse: &Synapse) -> hdf5::Result<()> {
        self.sources.pending().push(u64::from(synapse.source.1));
        self.targets.pending().push(u64::from(synapse.target.1));
        self.weights.pending().push(synapse.weight);
        self.delays.pending().push(synapse.delay);
        self.sources.write_if_full()?;
        self.targets.write_if_full()?;
        self.weights.write_if_full()?;
        self.delays.write_if_full()
    }

    fn finish(&mut self, file: &File) -> hdf5::Result<()> {
        self.sources.write()?;
        self.targets.write()?;
        self.weights.write()?;
        self.delays.write()?;
        let rows = self.sources.rows();
        let layout = Layout { width: None, expected_rows: None, compress: false };
        let mut types = GrowingDataset::<u64>::create(file, format!("{}/edge_type_id", self.path), layout)?;
        let mut groups = GrowingDataset::<u32>::create(file, format!("{}/edge_group_id", self.path), layout)?;
        let mut index = GrowingDataset::<u64>::create(file, format!("{}/edge_group_index", self.path), layout)?;
        for row in 0..rows {
            types.pending().push(0);
            groups.pending().push(0);
            index.pending().push(row);
            types.write_if_full()?;
            groups.write_if_full()?;
            index.write_if_full()?;
        }
        types.write()?;
        groups.write()?;
        index.write()
    }
}

/// Writes every synapse of a built network as SONATA edges. What lapicque wrote there before is replaced; anything else
/// only if `force` is set. Returns the number of synapses.
pub fn export_edges(simulation: &Simulation, output: impl AsRef<Path>, force: bool) -> Result<u64, RecordError> {
    let output = Output::claim(output.as_ref(), force)?;
    let failed = |e: hdf5::Error| RecordError::hdf5("write", output.part(), &e);
    let plan = simulation.plan();
    let file = hdf::create(output.part()).map_err(failed)?;
    let mut count = 0;
    let mut write = || -> hdf5::Result<()> {
        hdf::put(&file, "magic", &0x0A7A_u32)?;
        hdf::put_list(&file, "version", &[0_u32, 1])?;
        hdf::put_text(&file, "format", &format!("{FORMAT} sonata-edges"))?;
        file.create_group("edges")?;
        let mut all: BTreeMap<(usize, usize, usize), Edges> = BTreeMap::new();
        let mut failure = None;
        simulation.each_synapse(|synapse| {
            if failure.is_some() {
                return;
            }
            let key = (synapse.source.0, synapse.target.0, synapse.receptor);
            let mut push = || -> hdf5::Result<()> {
                if let std::collections::btree_map::Entry::Vacant(entry) = all.entry(key) {
                    entry.insert(Edges::create(&file, plan, &synapse)?);
                }
                all.get_mut(&key).map_or(Ok(()), |edges| edges.push(&synapse))
            };
            failure = push().err();
            count += 1;
        });
        failure.map_or(Ok(()), Err)?;
        all.values_mut().try_for_each(|edges| edges.finish(&file))
    };
    write().map_err(failed)?;
    file.flush().and_then(|()| file.close()).map_err(failed)?;
    output.publish()?;
    Ok(count)
}
