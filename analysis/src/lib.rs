//! Analysis for Lapicque: reads recordings, and computes theoretical results to compare them with. Does not need the
//! engine.
//!
//! [`recording`] reads the files that `lapicque run` writes, lists their contents and finds the first difference
//! between two files. [`theory`] has closed-form solutions and mean-field theory for single neurons and networks.
//! Functions take data or a file and return data; the command line formats the data as text.
//!
//! Units: ms, mV, pA, pF, Hz.

pub mod recording;
pub mod theory;
