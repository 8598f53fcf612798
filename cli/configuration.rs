//! The arguments that name a network: its configuration file and the keys to override.

use crate::command_error::CommandError;
use clap::Args;
use lapicque_engine::config::{self, Loaded};
use lapicque_models::list::Models;
use std::path::PathBuf;

/// A configuration file and the keys to override.
#[derive(Args, Clone)]
pub struct Configuration {
    /// The configuration of the network, a TOML file.
    pub config: PathBuf,
    /// Override a key of the configuration, e.g. --set population.I.neuron.v_reset="14 mV"; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Override simulation.seed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Override simulation.duration, e.g. "500 ms".
    #[arg(long, value_name = "D")]
    duration: Option<String>,
}

impl Configuration {
    /// Reads the configuration, applies the overrides and checks everything.
    pub fn load(&self, models: &Models) -> Result<Loaded, CommandError> {
        let mut overrides = self.set.clone();
        overrides.extend(self.seed.map(|seed| format!("simulation.seed={seed}")));
        overrides.extend(self.duration.as_ref().map(|duration| format!("simulation.duration={duration}")));
        let loaded = config::load(&self.config, &overrides, &models.pages())?;
        loaded.check_models(models)?;
        Ok(loaded)
    }
}
