//! The vector levels that this CPU has.

use lapicque_models::vector::{self, Level};

/// Every supported level, narrow to wide.
pub fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|&level| vector::supported(level))
}

/// Calls `f` with every supported level in force, and leaves the widest in force.
pub fn at_each_level(mut f: impl FnMut(Level)) {
    for level in levels() {
        assert!(vector::force(level));
        f(level);
    }
}
