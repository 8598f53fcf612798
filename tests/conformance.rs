//! Tests that every model of the standard list must pass. Its page is complete. Values out of range are refused with
//! the name of the field. Its state stays finite under random drive. Spikes and state are the same bits for every block
//! size, fused and staged, and for every vector instruction set.

use crate::common::ForcedLevels;
use lapicque_models::columns::{BLOCK, BlockValues, CHUNKS, ChunkValues, LANES, chunks_for};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::{Purpose, Stream};
use lapicque_models::page::{DefaultValue, Page, Range, Role};
use lapicque_models::parameters::{ParameterColumn, ParameterTable, Parameters};
use lapicque_models::population::assemble::NeuronRecipe;
use lapicque_models::population::{BlockInput, Drive, LONGEST_REFRACTORY, Neurons, ReceptorSums};
use lapicque_models::vector::{self, Level};

/// The pages of all models with this role.
fn pages(role: Role) -> Vec<&'static Page> {
    Models::standard().pages().into_iter().filter(|p| p.role == role).collect()
}

/// One value for each field of a page, chosen so that the model works.
fn plausible(page: &Page) -> Vec<f64> {
    let value = |field: &lapicque_models::page::Field| match (field.default, field.name) {
        (_, "E_L") => -1.5,
        (DefaultValue::Value(value), _) => value,
        (_, "tau_m") => 10.0,
        (DefaultValue::Absent, _) => f64::NAN,
        (_, "v_reset") => -5.0,
        (_, "v_peak") => 20.0,
        (_, "v_threshold" | "v_T") => 10.0,
        (_, "rate") => 1000.0,
        _ => 2.0,
    };
    page.fields.iter().map(value).collect()
}

/// The plausible values as a parameter table. With `Some(n)` each of n neurons has its own value of every parameter.
fn table(page: &'static Page, neurons: Option<usize>) -> ParameterTable {
    let column = |value: f64| neurons.map_or(ParameterColumn::Same(value), |n| ParameterColumn::Each(vec![value; n]));
    ParameterTable::new(page, plausible(page).into_iter().map(column).collect())
}

#[test]
fn pages_are_complete_and_names_are_unique() {
    let all = Models::standard().pages();
    for page in &all {
        assert!(page.summary.len() > 10 && page.text.len() > 20, "{}: summary and text", page.name);
        assert_eq!(all.iter().filter(|p| p.name == page.name && p.role == page.role).count(), 1, "{}", page.name);
        for field in page.fields {
            assert!(!field.meaning.is_empty() && !field.symbol.is_empty() && !field.dimension.unit().is_empty());
            assert_eq!(page.fields.iter().filter(|f| f.name == field.name).count(), 1, "{}.{}", page.name, field.name);
            if let DefaultValue::Value(value) = field.default {
                assert!(field.range.contains(value), "{}.{}: its default is out of range", page.name, field.name);
            }
        }
        if page.role == Role::Membrane {
            assert_eq!(page.variables[0].name, "v", "{}: the potential comes first", page.name);
        }
    }
}

#[test]
fn ranges_are_enforced_with_the_name_of_the_field() {
    for page in Models::standard().pages() {
        for (index, field) in page.fields.iter().enumerate() {
            let bad: &[f64] = match field.range {
                Range::Finite => &[f64::INFINITY, f64::NEG_INFINITY],
                Range::Positive => &[0.0, -1.0, f64::INFINITY],
                Range::NonNegative => &[-1e-9, f64::INFINITY],
            };
            for &value in bad {
                let mut values = plausible(page);
                values[index] = value;
                let error = Parameters::new(page, &values).expect_err("out of range");
                assert_eq!(error.field, field.name);
                assert!(error.message.contains(field.range.words()), "{}", error.message);
            }
        }
    }
}

/// Every membrane with up to two receptors, and whether each neuron has its own parameters.
fn combinations() -> Vec<(&'static Page, Vec<&'static Page>, bool)> {
    let receptors = pages(Role::Receptor);
    let mut all = Vec::new();
    for membrane in pages(Role::Membrane) {
        for per_neuron in [false, true] {
            all.push((membrane, Vec::new(), per_neuron));
            for &a in &receptors {
                all.push((membrane, vec![a], per_neuron));
                all.extend(receptors.iter().map(|&b| (membrane, vec![a, b], per_neuron)));
            }
        }
    }
    all
}

const NEURONS: usize = 300;
const BLOCKS: usize = NEURONS.div_ceil(BLOCK);

/// A population of 300 neurons.
fn build(membrane: &'static Page, receptors: &[&'static Page], per_neuron: bool, fuse: bool) -> Box<dyn Neurons> {
    let models = Models::standard();
    let neurons = per_neuron.then_some(NEURONS);
    let tables: Vec<_> = receptors.iter().map(|&r| models.receptor(r).unwrap().with(table(r, neurons))).collect();
    let neuron = table(membrane, neurons);
    let recipe = NeuronRecipe { dt: 0.1, len: NEURONS, membrane: &neuron, receptors: &tables, fuse };
    (models.membrane(membrane).unwrap().build)(&recipe).unwrap()
}

/// Runs 200 steps with random drive, events and jumps. A call updates `chunks` chunks. In every fifth step all neurons
/// have the same drive: with `one_number` it is passed as one number for all neurons, otherwise as one number for each
/// neuron. Returns all spikes as (step, neuron), and the bits of the final state.
fn simulate(
    neurons: &mut dyn Neurons,
    membrane: &Page,
    receptors: &[&'static Page],
    chunks: usize,
    one_number: bool,
) -> (Vec<(u64, u32)>, Vec<u64>) {
    let total = chunks_for(NEURONS);
    let (mut spikes, mut fired) = (Vec::new(), Vec::new());
    for step in 0..200 {
        let mut stream = Stream::new(step, Purpose::Noise, [0, 0]);
        let mut random_chunks = |scale: f64| -> Vec<ChunkValues> {
            (0..total).map(|_| std::array::from_fn(|_| scale * (stream.uniform() - 0.45))).collect()
        };
        let (drives, jump) = (random_chunks(4.0), random_chunks(2.0));
        let events: Vec<Vec<ChunkValues>> = receptors.iter().map(|_| random_chunks(3.0)).collect();
        for first in (0..total).step_by(chunks) {
            let block = |all: &[ChunkValues]| -> BlockValues {
                BlockValues(std::array::from_fn(|b| all.get(first + b).copied().unwrap_or([0.0; LANES])))
            };
            let events: Vec<_> = events.iter().map(|e| block(e)).collect();
            let same = (step % 5 == 0).then_some(drives[0][0]);
            let drives = same.map_or_else(|| block(&drives), |drive| BlockValues([[drive; LANES]; CHUNKS]));
            let drive = same.filter(|_| one_number).map_or(Drive::Each(&drives), Drive::Same);
            let jump = block(&jump);
            let chunks = first..(first + chunks).min(total);
            neurons.step(
                BlockInput { chunks, drive, events: &events, jump: (step % 3 == 0).then_some(&jump) },
                &mut fired,
            );
        }
        neurons.end_step();
        assert!(fired.windows(2).all(|w| w[0] < w[1]), "{}: fired indices ascend", membrane.name);
        assert!(fired.iter().all(|&n| (n as usize) < NEURONS));
        spikes.extend(fired.drain(..).map(|n| (step, n)));
    }
    let mut state = Vec::new();
    for neuron in 0..NEURONS {
        state.extend((0..membrane.variables.len()).map(|v| neurons.get(None, v, neuron)));
        for (r, page) in receptors.iter().enumerate() {
            state.extend((0..page.variables.len()).map(|v| neurons.get(Some(r), v, neuron)));
        }
    }
    assert!(state.iter().all(|x| x.is_finite()), "{}: finite under random drive", membrane.name);
    (spikes, state.into_iter().map(f64::to_bits).collect())
}

#[test]
fn block_size_fusing_and_parameters_per_neuron_change_no_bit() {
    let mut fired = 0;
    for (membrane, receptors, per_neuron) in combinations() {
        let names: Vec<_> = receptors.iter().map(|r| r.name).collect();
        let blocks = simulate(&mut *build(membrane, &receptors, false, true), membrane, &receptors, CHUNKS, true);
        let pairs = simulate(&mut *build(membrane, &receptors, per_neuron, true), membrane, &receptors, 2, false);
        let staged = simulate(&mut *build(membrane, &receptors, per_neuron, false), membrane, &receptors, CHUNKS, true);
        assert_eq!(blocks, pairs, "{} {names:?}: blocks of 16 chunks, and pairs of chunks", membrane.name);
        assert_eq!(blocks, staged, "{} {names:?}: fused and staged", membrane.name);
        fired += blocks.0.len();
    }
    assert!(fired > 1000, "the drive is too weak: only {fired} spikes");
}

#[test]
fn every_vector_instruction_set_gives_the_bits_of_the_portable_kernels() {
    let _levels = ForcedLevels::begin();
    for (membrane, receptors, per_neuron) in combinations() {
        let at = |level: Level| {
            vector::force(level);
            simulate(&mut *build(membrane, &receptors, per_neuron, true), membrane, &receptors, CHUNKS, true)
        };
        let portable = at(Level::Portable);
        for level in Level::ALL {
            assert_eq!(portable, at(level), "{} at {}", membrane.name, level.name());
        }
    }
}

/// Integer input sums give the same bits as the same sums passed as events (floating-point weights), for every vector
/// instruction set. The step sets the integer sums to zero.
#[test]
fn integer_input_sums_act_like_the_same_events() {
    const QUANTA: [f64; 2] = [1.0 / 128.0, 1.0 / 256.0];
    let _levels = ForcedLevels::begin();
    let (mut compared, mut fired) = (0, 0);
    for (membrane, receptors, _) in combinations() {
        let run = |as_sums: bool| {
            let mut neurons = build(membrane, &receptors, false, true);
            let (mut spikes, total) = (Vec::new(), chunks_for(NEURONS));
            for step in 0..200 {
                let mut stream = Stream::new(step, Purpose::Weight, [1, 0]);
                let drive = BlockValues([[4.0 * stream.uniform(); LANES]; CHUNKS]);
                let drive = if step % 2 == 0 { Drive::Same(2.0) } else { Drive::Each(&drive) };
                let mut draw = || std::array::from_fn(|_| stream.below(400) as i32 - 180);
                let mut all_sums = vec![[[[0; LANES]; CHUNKS]; BLOCKS]; receptors.len()];
                all_sums.iter_mut().flatten().flatten().for_each(|chunk| *chunk = draw());
                // If all neurons have the same drive, one call updates all blocks.
                let blocks = if as_sums && step % 2 == 0 { BLOCKS } else { 1 };
                for block in (0..BLOCKS).step_by(blocks) {
                    let chunks = block * CHUNKS..((block + blocks) * CHUNKS).min(total);
                    if as_sums {
                        let sums = all_sums.iter_mut().map(|sums| &mut sums[block..block + blocks]);
                        let with_quantum = sums.zip(QUANTA).map(|(sums, quantum)| ReceptorSums { sums, quantum });
                        neurons.step_from_sums(chunks, drive, &mut with_quantum.collect::<Vec<_>>(), &mut spikes);
                    } else {
                        let sums = all_sums.iter().map(|sums| sums[block]);
                        let events = sums.zip(QUANTA).map(|(sums, quantum)| {
                            BlockValues(sums.map(|chunk| chunk.map(|sum| f64::from(sum) * quantum)))
                        });
                        neurons.step(
                            BlockInput { chunks, drive, events: &events.collect::<Vec<_>>(), jump: None },
                            &mut spikes,
                        );
                    }
                }
                let remaining = all_sums.iter().flat_map(|sums| &sums.as_flattened()[..total]);
                assert!(!as_sums || remaining.flatten().all(|&sum| sum == 0), "the step left a sum that is not zero");
                neurons.end_step();
            }
            let state = |r: usize| (0..NEURONS).map(|n| neurons.get(Some(r), 0, n).to_bits()).collect::<Vec<_>>();
            let v: Vec<_> = (0..NEURONS).map(|n| neurons.get(None, 0, n).to_bits()).collect();
            (
                spikes,
                v,
                (0..receptors.len()).filter(|&r| !receptors[r].variables.is_empty()).map(state).collect::<Vec<_>>(),
            )
        };
        if !build(membrane, &receptors, false, true).takes_sums() {
            continue;
        }
        compared += 1;
        assert!(receptors.len() <= QUANTA.len());
        vector::force(Level::Portable);
        let events = run(false);
        fired += events.0.len();
        for level in Level::ALL {
            vector::force(level);
            assert_eq!(events, run(true), "{} at {}", membrane.name, level.name());
        }
    }
    assert!(compared >= 3 && fired > 1000, "{compared} combinations take sums; {fired} spikes");
}

/// A very strong drive makes a neuron spike in every step in which it is not refractory. The interval between two
/// spikes is then the refractory time plus one step.
#[test]
fn refractory_times_have_the_right_length() {
    let models = Models::standard();
    for membrane in pages(Role::Membrane).into_iter().filter(|p| p.fields.iter().any(|f| f.name == "t_ref")) {
        for per_neuron in [false, true] {
            for steps in [0, 1, 2, 62, 63, 64, 65, 130, LONGEST_REFRACTORY] {
                let mut values = plausible(membrane);
                let at = |name: &str| membrane.fields.iter().position(|f| f.name == name).expect("a field of the page");
                values[at("t_ref")] = 0.1 * f64::from(steps);
                let column = |value: f64| {
                    if per_neuron { ParameterColumn::Each(vec![value; LANES]) } else { ParameterColumn::Same(value) }
                };
                let neuron = ParameterTable::new(membrane, values.into_iter().map(column).collect());
                let recipe = NeuronRecipe { dt: 0.1, len: LANES, membrane: &neuron, receptors: &[], fuse: true };
                let mut neurons = (models.membrane(membrane).unwrap().build)(&recipe).unwrap();
                let interval = usize::from(steps) + 1;
                for step in 0..3 * interval + 1 {
                    let mut spikes = Vec::new();
                    neurons.step(
                        BlockInput { chunks: 0..2, drive: Drive::Same(1000.0), events: &[], jump: None },
                        &mut spikes,
                    );
                    neurons.end_step();
                    let fired = if step % interval == 0 { LANES } else { 0 };
                    assert_eq!(spikes.len(), fired, "{}, {steps} steps: step {step}", membrane.name);
                    assert_eq!(usize::from(neurons.refractory_left(1)), usize::from(steps) - step % interval);
                }
            }
        }
    }
}

#[test]
fn receptor_variables_without_events_become_zero_and_never_subnormal() {
    for (membrane, receptors, _) in combinations() {
        let mut neurons = build(membrane, &receptors, false, true);
        let zero = BlockValues::ZERO;
        let mut events = vec![zero; receptors.len()];
        events.iter_mut().for_each(|e| *e = BlockValues([[0.5; LANES]; CHUNKS]));
        let mut spikes = Vec::new();
        for step in 0..20_000 {
            neurons
                .step(BlockInput { chunks: 0..2, drive: Drive::Each(&zero), events: &events, jump: None }, &mut spikes);
            neurons.end_step();
            let subnormal =
                |r: usize| (0..receptors[r].variables.len()).any(|v| neurons.get(Some(r), v, 0).is_subnormal());
            assert!(!(0..receptors.len()).any(subnormal), "step {step}");
            if step == 0 {
                events.iter_mut().for_each(|e| *e = zero);
            }
        }
        for (r, page) in receptors.iter().enumerate() {
            for v in 0..page.variables.len() {
                assert_eq!(neurons.get(Some(r), v, 0), 0.0, "{} of {}", page.variables[v].name, page.name);
            }
        }
        assert!(!neurons.get(None, 0, 0).is_subnormal(), "{}", membrane.name);
    }
}

/// Events added to a receptor with `arrive` before a step give the same bits as events passed to the step, fused or
/// staged. Events that make V jump are always passed to the step.
#[test]
fn events_added_before_a_step_act_like_events_passed_to_it() {
    let models = Models::standard();
    let (mut arrived, mut fired) = (0, 0);
    for (membrane, receptors, per_neuron) in combinations() {
        let jumps: Vec<bool> = receptors.iter().map(|page| models.receptor(page).is_some_and(|r| r.jumps)).collect();
        for fuse in [true, false] {
            let mut run = |arrive_before: bool| {
                let mut neurons = build(membrane, &receptors, per_neuron, fuse);
                let (mut spikes, total) = (Vec::new(), chunks_for(NEURONS));
                for step in 0..100 {
                    let mut stream = Stream::new(step, Purpose::Weight, [2, 0]);
                    for first in (0..total).step_by(CHUNKS) {
                        let chunks = first..(first + CHUNKS).min(total);
                        let mut draw =
                            || BlockValues(std::array::from_fn(|_| std::array::from_fn(|_| 3.0 * stream.uniform())));
                        let mut events: Vec<BlockValues> = receptors.iter().map(|_| draw()).collect();
                        for (r, events) in events.iter_mut().enumerate().filter(|(r, _)| arrive_before && !jumps[*r]) {
                            neurons.arrive(r, chunks.clone(), events);
                            *events = BlockValues::ZERO;
                            arrived += 1;
                        }
                        let block = BlockInput { chunks, drive: Drive::Same(1.0), events: &events, jump: None };
                        neurons.step(block, &mut spikes);
                    }
                    neurons.end_step();
                }
                let state = |r: usize| (0..NEURONS).map(|n| neurons.get(Some(r), 0, n).to_bits()).collect::<Vec<_>>();
                let with_state = (0..receptors.len()).filter(|&r| !receptors[r].variables.is_empty());
                (spikes, with_state.map(state).collect::<Vec<_>>())
            };
            let passed = run(false);
            fired += passed.0.len();
            assert_eq!(passed, run(true), "{}, fused: {fuse}", membrane.name);
        }
    }
    assert!(arrived > 1000 && fired > 1000, "{arrived} arrivals, {fired} spikes");
}

#[test]
#[should_panic(expected = "staged receptors take values")]
fn staged_receptors_do_not_take_sums() {
    let models = Models::standard();
    let page = |name: &str| models.pages().into_iter().find(|page| page.name == name).expect("a model of the list");
    let mut neurons = build(page("lif"), &[page("alpha")], false, true);
    assert!(!neurons.takes_sums());
    let mut sums = [[[0; LANES]; CHUNKS]];
    neurons.step_from_sums(
        0..1,
        Drive::Same(0.0),
        &mut [ReceptorSums { sums: &mut sums, quantum: 1.0 }],
        &mut Vec::new(),
    );
}
