//! The instructions that every CPU of the target has.

use super::instructions::{ENTRIES, Instructions};

/// The base instruction set of the target.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Instructions for Portable {
    #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
    #[inline(always)]
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
        indices.map(|index| table[index as usize % ENTRIES])
    }
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[inline(always)]
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
        use std::arch::aarch64::*;
        // SAFETY: NEON is part of the base instruction set. Arrays and vector registers have the same number of bytes
        // (5).
        unsafe {
            let table = std::mem::transmute::<[i16; 16], uint8x16x2_t>(*table);
            let entries = std::mem::transmute::<[i16; 32], [uint16x8_t; 4]>(*indices).map(|index| {
                // Positions of the two bytes of each entry in the table: 2·entry and 2·entry + 1.
                let entry = vandq_u16(index, vdupq_n_u16(ENTRIES as u16 - 1));
                let bytes = vmlaq_n_u16(vdupq_n_u16(0x0100), entry, 0x0202);
                vqtbl2q_u8(table, vreinterpretq_u8_u16(bytes))
            });
            std::mem::transmute::<[uint8x16_t; 4], [i16; 32]>(entries)
        }
    }
}
