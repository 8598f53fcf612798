//! One measurement for each vector instruction set of this CPU.

use lapicque_models::vector::{self, Level};

/// Calls `f` once for every supported instruction set, from narrow to wide vectors. Afterwards the widest stays in use.
pub fn at_each_level(mut f: impl FnMut(Level)) {
    for level in Level::ALL.into_iter().filter(|&level| vector::supported(level)) {
        assert!(vector::force(level));
        f(level);
    }
}
