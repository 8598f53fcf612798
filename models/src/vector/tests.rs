//! Every level gives what the portable code gives.

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
fn every_level_looks_the_same_entries_up() {
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
fn every_level_multiplies_the_low_bits_of_halves() {
    for (weight, spread) in [(1, 0x1234_5677), (-3, 0x9E37_79B9), (i32::MAX, 0x0101_0101), (i32::MIN, 0x7654_3211)] {
        // Whatever is in the other bits.
        let numbers: [u32; 16] = std::array::from_fn(|i| (i as u32 + 1).wrapping_mul(spread));
        let low = numbers.map(|n| (n % 16) as i32).map(|n| weight.wrapping_mul(n));
        let high = numbers.map(|n| (n / 65_536 % 16) as i32).map(|n| weight.wrapping_mul(n));
        for level in Level::ALL {
            assert_eq!(dispatch_at(level, Multiples(weight, &numbers)), [low, high], "{}", level.name());
        }
    }
}

/// Lines with the bits of their distances, added to sums: of one row, or of some that start at `rows`.
struct AddLines<'a> {
    sums: &'a mut [i32; 1 << 16],
    lines: &'a [([u32; 16], u32)],
    rows: Option<(&'a [u32; ROWS], u32)>,
}
impl Kernel for AddLines<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        for (line, gap_bits) in self.lines {
            match self.rows {
                None => with.add_line(self.sums, line, *gap_bits),
                Some((rows, row_bits)) => with.add_line_in_rows(self.sums, rows, line, *gap_bits, row_bits),
            }
        }
    }
}

/// Adds at once, on CPUs too where that is slow.
#[cfg(target_arch = "x86_64")]
fn add_at_once(sums: &mut [i32; 1 << 16], lines: &[([u32; 16], u32)], rows: &[u32; ROWS], row_bits: u32) {
    let mut left = 0;
    for (line, gap_bits) in lines {
        // SAFETY: the caller has asked for AVX-512 (5).
        if !unsafe { x86::add_at_once_avx512(sums, rows, line, *gap_bits, row_bits) } {
            add_words_in_rows(sums, rows, line, *gap_bits, row_bits, |sum, weight| *sum = sum.wrapping_add(weight));
            left += 1;
        }
    }
    assert!((10..lines.len() - 10).contains(&left), "{left} lines have words for one sum");
}

/// Random lines, with the bits of their distances; what they add is added to `sums`.
fn random_lines(
    stream: &mut Stream,
    sums: &mut [i32; 1 << 16],
    rows: &[u32; ROWS],
    row_bits: u32,
) -> Vec<([u32; 16], u32)> {
    let slots = 0x1_0000 >> row_bits;
    let mut line = |i: u32| {
        let gap_bits = 2 + i % (15 - row_bits);
        // Words of some lines move on by nothing now and then, or often. Some add nothing.
        let most = [slots / 8, 200, 10][i as usize % 3].min(1 << gap_bits);
        let mut slot = stream.below(u64::from(slots)) as u32;
        // Only the low half of the first word counts.
        let mut line = [slot | (stream.bits() as u32) << 16; 16];
        for word in &mut line[1..] {
            let [gap, row] = [most, 1 << row_bits].map(|n| stream.below(u64::from(n)) as u32);
            slot += gap;
            let adds = slot < slots && stream.below(8) > 0;
            let weight = if adds { stream.bits() as i32 >> (gap_bits + row_bits) } else { 0 };
            *word = gap | row << gap_bits | (weight << (gap_bits + row_bits)) as u32;
            if adds {
                let sum = &mut sums[(rows[row as usize] + slot) as usize];
                *sum = sum.wrapping_add(weight);
            }
        }
        (line, gap_bits)
    };
    (0..2000).map(&mut line).collect()
}

#[test]
fn every_level_adds_the_same_lines() {
    let start: Box<[i32; 1 << 16]> = Box::new(std::array::from_fn(|i| (i as i32).wrapping_mul(-1_640_531_527)));
    let mut stream = Stream::new(1, Purpose::Partner, [0, 0]);
    for row_bits in [0, 1, 2, 4, 5, 6] {
        // Each two rows the other way round. No word is for those behind.
        let row = |i: usize| if i < 1 << row_bits { (0x1_0000 >> row_bits) * (i as u32 ^ 1) } else { u32::MAX };
        let rows = if row_bits == 0 { [0; ROWS] } else { std::array::from_fn(row) };
        let mut expected = start.clone();
        let lines = random_lines(&mut stream, &mut expected, &rows, row_bits);
        for level in Level::ALL {
            let mut sums = start.clone();
            dispatch_at(level, AddLines { sums: &mut sums, lines: &lines, rows: Some((&rows, row_bits)) });
            assert!(sums == expected, "{}, rows of {row_bits} bits", level.name());
            if row_bits == 0 {
                let mut sums = start.clone();
                dispatch_at(level, AddLines { sums: &mut sums, lines: &lines, rows: None });
                assert!(sums == expected, "{}", level.name());
            }
        }
        #[cfg(target_arch = "x86_64")]
        if supported(Level::Avx512) {
            let mut sums = start.clone();
            add_at_once(&mut sums, &lines, &rows, row_bits);
            assert!(sums == expected, "at once, rows of {row_bits} bits");
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
fn advice_keeps_contents() {
    let mut v = vec![7u16; 8 << 20];
    advise_huge_pages(&mut v);
    prefetch(&v, usize::MAX);
    assert!(v.iter().all(|&x| x == 7));
}
