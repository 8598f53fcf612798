//! Every level gives the same results as the portable level.

use super::*;
use crate::numerics::random::{Purpose, Stream};

struct Sum<'a>(&'a [f64]);
impl Kernel for Sum<'_> {
    type Output = f64;
    #[inline(always)]
    fn run(self, _: impl Instructions) -> f64 {
        self.0.iter().map(|x| x * 1.1 + 0.3).sum()
    }
}

#[test]
fn every_level_gives_the_same_bits() {
    let x: Vec<f64> = (0..1000).map(|i| (i as f64).sin()).collect();
    let portable = dispatch_at(Level::Portable, Sum(&x));
    for level in Level::ALL {
        assert_eq!(dispatch_at(level, Sum(&x)).to_bits(), portable.to_bits(), "{}", level.name());
    }
}

struct LookUp<'a>(&'a [i16; ENTRIES], &'a [i16; 32]);
impl Kernel for LookUp<'_> {
    type Output = [i16; 32];
    #[inline(always)]
    fn run(self, with: impl Instructions) -> [i16; 32] {
        with.look_up(self.0, self.1)
    }
}

#[test]
fn every_level_looks_up_the_same_entries() {
    let table = std::array::from_fn(|i| (40_503 * (i + 1)) as i16);
    for start in (0..1 << 16).step_by(32) {
        let indices = std::array::from_fn(|i| (start + i) as i16);
        for level in Level::ALL {
            let entries = dispatch_at(level, LookUp(&table, &indices));
            assert_eq!(entries, indices.map(|index| table[(index & 15) as usize]), "{}", level.name());
        }
    }
}

struct Multiples<'a>(i32, &'a [u32; 16]);
impl Kernel for Multiples<'_> {
    type Output = [[i32; 16]; 2];
    #[inline(always)]
    fn run(self, with: impl Instructions) -> [[i32; 16]; 2] {
        with.multiples(self.0, self.1)
    }
}

#[test]
fn every_level_multiplies_the_low_four_bits_of_each_half() {
    for (weight, spread) in [(1, 0x1234_5677), (-3, 0x9E37_79B9), (i32::MAX, 0x0101_0101), (i32::MIN, 0x7654_3211)] {
        // Numbers whose other bits are set too.
        let numbers: [u32; 16] = std::array::from_fn(|i| (i as u32 + 1).wrapping_mul(spread));
        let low = numbers.map(|n| (n % 16) as i32).map(|n| weight.wrapping_mul(n));
        let high = numbers.map(|n| (n / 65_536 % 16) as i32).map(|n| weight.wrapping_mul(n));
        for level in Level::ALL {
            assert_eq!(dispatch_at(level, Multiples(weight, &numbers)), [low, high], "{}", level.name());
        }
    }
}

/// Adds lines, each given with its `gap_bits`, to the sums of one step, or of the steps of a band. `band` has the
/// starts of the steps and the band bits.
struct AddLines<'a> {
    sums: &'a mut [i32; 1 << 16],
    lines: &'a [([u32; 16], u32)],
    band: Option<(&'a [u32; BAND_STEPS], u32)>,
}
impl Kernel for AddLines<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        for (line, gap_bits) in self.lines {
            match self.band {
                None => with.add_line(self.sums, line, *gap_bits),
                Some((starts, band_bits)) => with.add_line_in_band(self.sums, starts, line, *gap_bits, band_bits),
            }
        }
    }
}

/// Adds lines by gather and scatter, also on a CPU for which `has_fast_scatter` is false.
#[cfg(target_arch = "x86_64")]
fn add_by_scatter(sums: &mut [i32; 1 << 16], lines: &[([u32; 16], u32)], starts: &[u32; BAND_STEPS], band_bits: u32) {
    let mut refused = 0;
    for (line, gap_bits) in lines {
        // SAFETY: the caller has checked that the CPU has AVX-512 (5).
        if !unsafe { x86::add_by_scatter_avx512(sums, starts, line, *gap_bits, band_bits) } {
            add_words_in_band(sums, starts, line, *gap_bits, band_bits, |sum, weight| *sum = sum.wrapping_add(weight));
            refused += 1;
        }
    }
    assert!((10..lines.len() - 10).contains(&refused), "{refused} lines have two words for the same sum");
}

/// Random lines, each with its `gap_bits`. Adds the weights of all lines to `sums`.
fn random_lines(
    stream: &mut Stream,
    sums: &mut [i32; 1 << 16],
    starts: &[u32; BAND_STEPS],
    band_bits: u32,
) -> Vec<([u32; 16], u32)> {
    let slots = 0x1_0000 >> band_bits;
    let mut line = |i: u32| {
        let gap_bits = 2 + i % (15 - band_bits);
        // Distances are below this bound, so distances of 0 are rare in some lines and frequent in others.
        let gap_bound = [slots / 8, 200, 10][i as usize % 3].min(1 << gap_bits);
        let mut slot = stream.below(u64::from(slots)) as u32;
        // The high half of the first word is ignored.
        let mut line = [slot | (stream.bits() as u32) << 16; 16];
        for word in &mut line[1..] {
            let [gap, delay] = [gap_bound, 1 << band_bits].map(|n| stream.below(u64::from(n)) as u32);
            slot += gap;
            // Some words have the weight 0.
            let adds = slot < slots && stream.below(8) > 0;
            let weight = if adds { stream.bits() as i32 >> (gap_bits + band_bits) } else { 0 };
            *word = gap | delay << gap_bits | (weight << (gap_bits + band_bits)) as u32;
            if adds {
                let sum = &mut sums[(starts[delay as usize] + slot) as usize];
                *sum = sum.wrapping_add(weight);
            }
        }
        (line, gap_bits)
    };
    (0..2000).map(&mut line).collect()
}

#[test]
fn every_level_adds_lines_to_the_same_sums() {
    let initial: Box<[i32; 1 << 16]> = Box::new(std::array::from_fn(|i| (i as i32).wrapping_mul(-1_640_531_527)));
    let mut stream = Stream::new(1, Purpose::Partner, [0, 0]);
    for band_bits in [0, 1, 2, 4, 5, 6] {
        // The starts of delays 2i and 2i + 1 are exchanged. No word has a delay outside of the band.
        let start = |i: usize| if i < 1 << band_bits { (0x1_0000 >> band_bits) * (i as u32 ^ 1) } else { u32::MAX };
        let starts = if band_bits == 0 { [0; BAND_STEPS] } else { std::array::from_fn(start) };
        let mut expected = initial.clone();
        let lines = random_lines(&mut stream, &mut expected, &starts, band_bits);
        for level in Level::ALL {
            let mut sums = initial.clone();
            dispatch_at(level, AddLines { sums: &mut sums, lines: &lines, band: Some((&starts, band_bits)) });
            assert!(sums == expected, "{}, {band_bits} band bits", level.name());
            if band_bits == 0 {
                let mut sums = initial.clone();
                dispatch_at(level, AddLines { sums: &mut sums, lines: &lines, band: None });
                assert!(sums == expected, "{}", level.name());
            }
        }
        #[cfg(target_arch = "x86_64")]
        if supported(Level::Avx512) {
            let mut sums = initial.clone();
            add_by_scatter(&mut sums, &lines, &starts, band_bits);
            assert!(sums == expected, "by scatter, {band_bits} band bits");
        }
    }
}

#[test]
fn an_unsupported_level_is_refused() {
    for level in Level::ALL {
        if !supported(level) {
            assert!(!force(level));
        }
    }
    assert!(supported(super::level()));
}

#[test]
fn huge_pages_and_prefetch_change_no_contents() {
    let mut v = vec![7u16; 8 << 20];
    advise_huge_pages(&mut v);
    prefetch(&v, usize::MAX);
    assert!(v.iter().all(|&x| x == 7));
}
