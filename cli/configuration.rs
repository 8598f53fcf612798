//! The arguments that name a network: its file and what is laid over it.

use crate::failure::Failure;
use clap::Args;
use lapicque_engine::config::{self, Loaded};
use lapicque_models::list::Models;
use std::path::PathBuf;

/// A configuration and what is laid over it.
#[derive(Args, Clone)]
pub struct Configuration {
    /// The network, a TOML file.
    pub config: PathBuf,
    /// Set any key, e.g. --set population.I.neuron.v_reset="14 mV"; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Set simulation.seed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Set simulation.duration, e.g. "500 ms".
    #[arg(long, value_name = "D")]
    duration: Option<String>,
}

impl Configuration {
    /// Reads and resolves the configuration.
    pub fn load(&self, models: &Models) -> Result<Loaded, Failure> {
        let mut overrides = self.set.clone();
        overrides.extend(self.seed.map(|seed| format!("simulation.seed={seed}")));
        overrides.extend(self.duration.as_ref().map(|duration| format!("simulation.duration={duration}")));
        let loaded = config::load(&self.config, &overrides, &models.pages())?;
        loaded.check_models(models)?;
        Ok(loaded)
    }
}
