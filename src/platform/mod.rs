//! What differs between PBXes: paths, requests, and the rules from an answer to a reason.
//!
//! Belongs here: pure functions from plain values to plain values. Does not belong here: I/O, time,
//! retries.

pub mod freepbx;
