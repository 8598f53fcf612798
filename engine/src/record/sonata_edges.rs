//! Writes the synapses of a built network as SONATA edges.
//!
//! There is one edge population for each source population, target population and receptor that are connected. Its name
//! is `SOURCE_to_TARGET_RECEPTOR`. It has the datasets `source_node_id`, `target_node_id` (u64), `edge_type_id`,
//! `edge_group_id`, `edge_group_index`, and in its group `0` the datasets `syn_weight` (in the unit of the receptor)
//! and `delay` (in ms). Node ids count from 0 in their population.

use super::error::RecordError;
use super::format::FORMAT;
use super::growing_dataset::{GrowingDataset, Layout};
use super::hdf;
use super::publish::OutputFiles;
use crate::plan::Plan;
use crate::run::{Simulation, Synapse};
use hdf5::File;
use std::collections::BTreeMap;
use std::path::Path;

/// The synapses from one source population onto one receptor of a target population.
struct EdgePopulation {
    path: String,
    sources: GrowingDataset<u64>,
    targets: GrowingDataset<u64>,
    weights: GrowingDataset<f64>,
    delays: GrowingDataset<f64>,
}

impl EdgePopulation {
    /// Creates the edge population of `synapse` without edges.
    fn create(file: &File, plan: &Plan, synapse: &Synapse) -> hdf5::Result<EdgePopulation> {
        let (source, target) = (&plan.populations[synapse.source.0], &plan.populations[synapse.target.0]);
        let receptor = &target.receptors[synapse.receptor];
        let path = format!("edges/{}_to_{}_{}", source.name, target.name, receptor.name);
        let group = file.create_group(&path)?;
        hdf::set_text_attribute(&group, "receptor", &receptor.name)?;
        group.create_group("0")?;
        let layout = Layout { width: None, expected_rows: None, compress: false };
        let edges = EdgePopulation {
            sources: GrowingDataset::create(file, format!("{path}/source_node_id"), layout)?,
            targets: GrowingDataset::create(file, format!("{path}/target_node_id"), layout)?,
            weights: GrowingDataset::create(file, format!("{path}/0/syn_weight"), layout)?,
            delays: GrowingDataset::create(file, format!("{path}/0/delay"), layout)?,
            path,
        };
        hdf::set_text_attribute(edges.sources.dataset()?, "node_population", &source.name)?;
        hdf::set_text_attribute(edges.targets.dataset()?, "node_population", &target.name)?;
        Ok(edges)
    }

    fn push(&mut self, synapse: &Synapse) -> hdf5::Result<()> {
        self.sources.buffer().push(u64::from(synapse.source.1));
        self.targets.buffer().push(u64::from(synapse.target.1));
        self.weights.buffer().push(synapse.weight);
        self.delays.buffer().push(synapse.delay);
        self.sources.write_if_full()?;
        self.targets.write_if_full()?;
        self.weights.write_if_full()?;
        self.delays.write_if_full()
    }

    /// Writes the buffered edges and the other datasets of SONATA: `edge_type_id` and `edge_group_id`, which are 0 for
    /// all edges, and `edge_group_index`, which numbers the edges.
    fn finish(&mut self, file: &File) -> hdf5::Result<()> {
        self.sources.write()?;
        self.targets.write()?;
        self.weights.write()?;
        self.delays.write()?;
        let rows = self.sources.rows();
        let layout = Layout { width: None, expected_rows: None, compress: false };
        let mut type_ids = GrowingDataset::<u64>::create(file, format!("{}/edge_type_id", self.path), layout)?;
        let mut group_ids = GrowingDataset::<u32>::create(file, format!("{}/edge_group_id", self.path), layout)?;
        let mut group_indices = GrowingDataset::<u64>::create(file, format!("{}/edge_group_index", self.path), layout)?;
        for row in 0..rows {
            type_ids.buffer().push(0);
            group_ids.buffer().push(0);
            group_indices.buffer().push(row);
            type_ids.write_if_full()?;
            group_ids.write_if_full()?;
            group_indices.write_if_full()?;
        }
        type_ids.write()?;
        group_ids.write()?;
        group_indices.write()
    }
}

/// Writes every synapse of a built network as SONATA edges and returns the number of synapses. A file that lapicque
/// wrote there before is replaced.
///
/// Refused: a directory or device; an output that another run is writing; unless `force` is set, an existing file that
/// lapicque did not write.
pub fn export_edges(simulation: &Simulation, output: impl AsRef<Path>, force: bool) -> Result<u64, RecordError> {
    let output = OutputFiles::lock(output.as_ref(), force)?;
    let failed = |e: hdf5::Error| RecordError::hdf5("write", output.working_file(), &e);
    let plan = simulation.plan();
    let file = hdf::create(output.working_file()).map_err(failed)?;
    let mut count = 0;
    let mut write = || -> hdf5::Result<()> {
        hdf::set_attribute(&file, "magic", &0x0A7A_u32)?;
        hdf::set_list_attribute(&file, "version", &[0_u32, 1])?;
        hdf::set_text_attribute(&file, "format", &format!("{FORMAT} sonata-edges"))?;
        file.create_group("edges")?;
        let mut edge_populations: BTreeMap<(usize, usize, usize), EdgePopulation> = BTreeMap::new();
        let mut failure = None;
        simulation.each_synapse(|synapse| {
            if failure.is_some() {
                return;
            }
            let key = (synapse.source.0, synapse.target.0, synapse.receptor);
            let mut push = || -> hdf5::Result<()> {
                if let std::collections::btree_map::Entry::Vacant(entry) = edge_populations.entry(key) {
                    entry.insert(EdgePopulation::create(&file, plan, &synapse)?);
                }
                edge_populations.get_mut(&key).map_or(Ok(()), |edges| edges.push(&synapse))
            };
            failure = push().err();
            count += 1;
        });
        failure.map_or(Ok(()), Err)?;
        edge_populations.values_mut().try_for_each(|edges| edges.finish(&file))
    };
    write().map_err(failed)?;
    file.flush().and_then(|()| file.close()).map_err(failed)?;
    output.publish()?;
    Ok(count)
}
