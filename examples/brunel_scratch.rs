//! scratch
use lapicque_engine::{
    network::Network,
    plan::{Rule, Value},
};
use std::time::Instant;
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads: usize = std::env::args().nth(1).map_or(2, |s| s.parse().unwrap());
    let mut net = Network::new(0.1, 1);
    let c = |x: f64| Value::Constant(x);
    for (n, size) in [("E", 10000), ("I", 2500)] {
        net.population(
            n,
            size,
            "lif",
            &[("tau_m", c(20.0)), ("v_threshold", c(20.0)), ("v_reset", c(10.0)), ("t_ref", c(2.0))],
        )?;
        net.receptor(n, "syn", "delta", &[])?;
        net.input("ext", n, Some("syn"), "poisson", &[("rate", c(20000.0)), ("weight", c(0.1))])?;
    }
    for n in ["E", "I"] {
        net.project("E", n, "syn", Rule::FixedInDegree(1000), 0.1, 1.5)?;
        net.project("I", n, "syn", Rule::FixedInDegree(250), -0.5, 1.5)?;
    }
    let t = Instant::now();
    let mut sim = net.build(threads)?;
    println!(
        "build {:?} synapses {} bytes {:?} rounding {:e}",
        t.elapsed(),
        sim.synapses(),
        sim.bytes(),
        sim.weight_rounding()
    );
    sim.run_for(500.0)?;
    for _ in 0..3 {
        let t = Instant::now();
        let b = sim.run_for(1000.0)?;
        let w = t.elapsed().as_secs_f64();
        println!(
            "rtf {w:.3} E {:.3} Hz I {:.3} Hz, {:.3e} events",
            b.spikes[0].ticks.len() as f64 / 10000.0,
            b.spikes[1].ticks.len() as f64 / 2500.0,
            sim.synaptic_events() as f64
        );
    }
    Ok(())
}
