//! One measurement for each set of vector instructions that this CPU has.

use lapicque_models::vector::{self, Level};

/// Calls `f` with every supported level in force, narrow to wide, and leaves the widest in force.
pub fn at_each_level(mut f: impl FnMut(Level)) {
    for level in Level::ALL.into_iter().filter(|&level| vector::supported(level)) {
        assert!(vector::force(level));
        f(level);
    }
}
