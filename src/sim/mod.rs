//! A simulated FreePBX, for the project's tests and for `pbx_exporter demo`.
//!
//! Belongs here: how FreePBX behaves, as literal answers and as a small state machine. Does not belong
//! here: what an answer means; that is `platform`. Its credentials are made up.

pub mod fixtures;
pub mod target;
