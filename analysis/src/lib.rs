//! Analysis for Lapicque: what can be done with a finished recording, and theory to hold it against. Needs no engine.
//!
//! [`recording`] reads the files that `lapicque run` writes, describes them and finds the first difference between two.
//! [`theory`] has closed forms and mean-field theory for single neurons and networks. Functions take data or a file and
//! return data; words and tables are the command line's business.
//!
//! Units: ms, mV, pA, pF, Hz.

pub mod recording;
pub mod theory;
