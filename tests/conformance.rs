//! Every model of the list, whatever it is: its page is complete, its ranges are enforced by name, its kernels stay
//! finite under random drive, and neither the cut into blocks, nor fusing, nor the vector set changes a bit.

use lapicque_models::columns::{BLOCK, BlockValues, CHUNKS, ChunkValues, LANES, chunks_for};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::{Purpose, Stream};
use lapicque_models::page::{DefaultValue, Page, Range, Role};
use lapicque_models::parameters::{ParameterColumn, ParameterTable, Parameters};
use lapicque_models::population::assemble::NeuronRecipe;
use lapicque_models::population::{BlockInput, Drive, LONGEST_REFRACTORY, Neurons, ReceptorSums};
use lapicque_models::vector::{self, Level};

fn pages(role: Role) -> Vec<&'static Page> {
    Models::standard().pages().into_iter().filter(|p| p.role == role).collect()
}

/// BlockValues with which a model works: a plausible number for every required field.
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

fn table(page: &'static Page, each: Option<usize>) -> ParameterTable {
    let column = |value: f64| each.map_or(ParameterColumn::Same(value), |n| ParameterColumn::Each(vec![value; n]));
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

/// Membrane, receptors, whether parameters are per neuron.
fn combinations() -> Vec<(&'static Page, Vec<&'static Page>, bool)> {
    let receptors = pages(Role::Receptor);
    let mut all = Vec::new();
    for membrane in pages(Role::Membrane) {
        for each in [false, true] {
            all.push((membrane, Vec::new(), each));
            for &a in &receptors {
                all.push((membrane, vec![a], each));
                all.extend(receptors.iter().map(|&b| (membrane, vec![a, b], each)));
            }
        }
    }
    all
}

const NEURONS: usize = 300;
const BLOCKS: usize = NEURONS.div_ceil(BLOCK);

fn build(membrane: &'static Page, receptors: &[&'static Page], each: bool, fuse: bool) -> Box<dyn Neurons> {
    let models = Models::standard();
    let each = each.then_some(NEURONS);
    let tables: Vec<_> = receptors.iter().map(|&r| models.receptor(r).unwrap().with(table(r, each))).collect();
    let neuron = table(membrane, each);
    let recipe = NeuronRecipe { dt: 0.1, len: NEURONS, membrane: &neuron, receptors: &tables, fuse };
    (models.membrane(membrane).unwrap().build)(&recipe).unwrap()
}

/// Steps under random drive and events, `chunks` chunks at a time. A drive that is the same for all neurons is given as
/// one number or as one for each. Returns all spikes and the final state as bits.
fn drive(
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
        let mut lanes = |sd: f64| -> Vec<ChunkValues> {
            (0..total).map(|_| std::array::from_fn(|_| sd * (stream.uniform() - 0.45))).collect()
        };
        let (held, jump) = (lanes(4.0), lanes(2.0));
        let events: Vec<Vec<ChunkValues>> = receptors.iter().map(|_| lanes(3.0)).collect();
        for first in (0..total).step_by(chunks) {
            let part = |all: &[ChunkValues]| -> BlockValues {
                BlockValues(std::array::from_fn(|b| all.get(first + b).copied().unwrap_or([0.0; LANES])))
            };
            let events: Vec<_> = events.iter().map(|e| part(e)).collect();
            let same = (step % 5 == 0).then_some(held[0][0]);
            let held = same.map_or_else(|| part(&held), |drive| BlockValues([[drive; LANES]; CHUNKS]));
            let drive = same.filter(|_| one_number).map_or(Drive::Each(&held), Drive::Same);
            let jump = part(&jump);
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
fn neither_blocks_nor_fusing_nor_tables_per_neuron_change_a_bit() {
    let mut fired = 0;
    for (membrane, receptors, each) in combinations() {
        let names: Vec<_> = receptors.iter().map(|r| r.name).collect();
        let whole = drive(&mut *build(membrane, &receptors, false, true), membrane, &receptors, CHUNKS, true);
        let cut = drive(&mut *build(membrane, &receptors, each, true), membrane, &receptors, 2, false);
        let staged = drive(&mut *build(membrane, &receptors, each, false), membrane, &receptors, CHUNKS, true);
        assert_eq!(whole, cut, "{} {names:?}: blocks", membrane.name);
        assert_eq!(whole, staged, "{} {names:?}: fused and staged", membrane.name);
        fired += whole.0.len();
    }
    assert!(fired > 1000, "the test drives hard enough to cause spikes: {fired}");
}

#[test]
fn every_vector_set_gives_the_bits_of_the_portable_kernels() {
    // Other tests may force another set meanwhile: they too expect the same bits from every set.
    let usual = vector::level();
    for (membrane, receptors, each) in combinations() {
        let at = |level: Level| {
            vector::force(level);
            drive(&mut *build(membrane, &receptors, each, true), membrane, &receptors, CHUNKS, true)
        };
        let portable = at(Level::Portable);
        for level in Level::ALL {
            assert_eq!(portable, at(level), "{} at {}", membrane.name, level.name());
        }
    }
    vector::force(usual);
}

/// Sums taken as they are do what the same sums do as events, at every vector set, and are zero behind.
#[test]
fn sums_are_taken_as_the_events_that_they_are() {
    const QUANTA: [f64; 2] = [1.0 / 128.0, 1.0 / 256.0];
    let usual = vector::level();
    let (mut taking, mut fired) = (0, 0);
    for (membrane, receptors, _) in combinations() {
        let run = |as_sums: bool| {
            let mut neurons = build(membrane, &receptors, false, true);
            let (mut spikes, total) = (Vec::new(), chunks_for(NEURONS));
            for step in 0..200 {
                let mut stream = Stream::new(step, Purpose::Weight, [1, 0]);
                let drive = BlockValues([[4.0 * stream.uniform(); LANES]; CHUNKS]);
                let drive = if step % 2 == 0 { Drive::Same(2.0) } else { Drive::Each(&drive) };
                let mut draw = || std::array::from_fn(|_| stream.below(400) as i32 - 180);
                let mut drawn = vec![[[[0; LANES]; CHUNKS]; BLOCKS]; receptors.len()];
                drawn.iter_mut().flatten().flatten().for_each(|chunk| *chunk = draw());
                // All sums at once where the drive is the same for all.
                let at_once = if as_sums && step % 2 == 0 { BLOCKS } else { 1 };
                for block in (0..BLOCKS).step_by(at_once) {
                    let chunks = block * CHUNKS..((block + at_once) * CHUNKS).min(total);
                    if as_sums {
                        let sums = drawn.iter_mut().map(|sums| &mut sums[block..block + at_once]);
                        let with_unit = sums.zip(QUANTA).map(|(sums, quantum)| ReceptorSums { sums, quantum });
                        neurons.step_from_sums(chunks, drive, &mut with_unit.collect::<Vec<_>>(), &mut spikes);
                    } else {
                        let sums = drawn.iter().map(|sums| sums[block]);
                        let events = sums.zip(QUANTA).map(|(sums, quantum)| {
                            BlockValues(sums.map(|chunk| chunk.map(|sum| f64::from(sum) * quantum)))
                        });
                        neurons.step(
                            BlockInput { chunks, drive, events: &events.collect::<Vec<_>>(), jump: None },
                            &mut spikes,
                        );
                    }
                }
                let left = drawn.iter().flat_map(|sums| &sums.as_flattened()[..total]);
                assert!(!as_sums || left.flatten().all(|&sum| sum == 0), "taken");
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
        taking += 1;
        assert!(receptors.len() <= QUANTA.len());
        vector::force(Level::Portable);
        let events = run(false);
        fired += events.0.len();
        for level in Level::ALL {
            vector::force(level);
            assert_eq!(events, run(true), "{} at {}", membrane.name, level.name());
        }
    }
    vector::force(usual);
    assert!(taking >= 3 && fired > 1000, "{taking} compositions take sums; {fired} spikes");
}

/// Driven hard, a neuron fires as soon as it is free: once in as many steps as its refractory time has, and one.
#[test]
fn refractory_times_last_as_long_as_they_should() {
    let models = Models::standard();
    for membrane in pages(Role::Membrane).into_iter().filter(|p| p.fields.iter().any(|f| f.name == "t_ref")) {
        for each in [false, true] {
            for steps in [0, 1, 2, 62, 63, 64, 65, 130, LONGEST_REFRACTORY] {
                let mut values = plausible(membrane);
                let at = |name: &str| membrane.fields.iter().position(|f| f.name == name).expect("a field of the page");
                values[at("t_ref")] = 0.1 * f64::from(steps);
                let column = |value: f64| {
                    if each { ParameterColumn::Each(vec![value; LANES]) } else { ParameterColumn::Same(value) }
                };
                let neuron = ParameterTable::new(membrane, values.into_iter().map(column).collect());
                let recipe = NeuronRecipe { dt: 0.1, len: LANES, membrane: &neuron, receptors: &[], fuse: true };
                let mut neurons = (models.membrane(membrane).unwrap().build)(&recipe).unwrap();
                let period = usize::from(steps) + 1;
                for step in 0..3 * period + 1 {
                    let mut spikes = Vec::new();
                    neurons.step(
                        BlockInput { chunks: 0..2, drive: Drive::Same(1000.0), events: &[], jump: None },
                        &mut spikes,
                    );
                    neurons.end_step();
                    let fired = if step % period == 0 { LANES } else { 0 };
                    assert_eq!(spikes.len(), fired, "{}, {steps} steps: step {step}", membrane.name);
                    assert_eq!(usize::from(neurons.refractory_left(1)), usize::from(steps) - step % period);
                }
            }
        }
    }
}

#[test]
fn a_silent_network_holds_no_subnormal_numbers() {
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

/// Events that arrive before a step do what they do when the step begins with them, fused or staged.
#[test]
fn events_may_arrive_before_the_step_that_begins_with_them() {
    let models = Models::standard();
    let (mut arrived, mut fired) = (0, 0);
    for (membrane, receptors, each) in combinations() {
        let jumps: Vec<bool> = receptors.iter().map(|page| models.receptor(page).is_some_and(|r| r.jumps)).collect();
        for fuse in [true, false] {
            let mut run = |before: bool| {
                let mut neurons = build(membrane, &receptors, each, fuse);
                let (mut spikes, total) = (Vec::new(), chunks_for(NEURONS));
                for step in 0..100 {
                    let mut stream = Stream::new(step, Purpose::Weight, [2, 0]);
                    for first in (0..total).step_by(CHUNKS) {
                        let chunks = first..(first + CHUNKS).min(total);
                        let mut draw =
                            || BlockValues(std::array::from_fn(|_| std::array::from_fn(|_| 3.0 * stream.uniform())));
                        let mut events: Vec<BlockValues> = receptors.iter().map(|_| draw()).collect();
                        for (r, events) in events.iter_mut().enumerate().filter(|(r, _)| before && !jumps[*r]) {
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
            let at_once = run(false);
            fired += at_once.0.len();
            assert_eq!(at_once, run(true), "{}, fused: {fuse}", membrane.name);
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
