//! What the PBX's own logs told: written by `logfile` alone, whole, read by `metrics` and `web`.

use crate::domain::LogEvent;

#[derive(Clone, Debug, PartialEq)]
pub struct LogState {
    /// What was counted, by `LogEvent::index`.
    pub events: [Counted; LogEvent::COUNT],
    /// What keeps each file from being followed, in the order of `TargetInfo::log`.
    pub problems: Vec<Option<FileProblem>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    pub count: u64,
    /// Unix seconds at which the newest was seen.
    pub newest: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FileProblem {
    /// For people: a fragment that fits after the path.
    pub text: String,
    pub since: f64,
}

impl LogState {
    /// Zeros, for `files` logs.
    pub fn new(files: usize) -> Self {
        Self { events: [Counted::default(); LogEvent::COUNT], problems: vec![None; files] }
    }

    /// Adds what was seen, by `LogEvent::index`, at `now` in Unix seconds.
    pub fn add(&mut self, seen: [u64; LogEvent::COUNT], now: f64) {
        for (counted, seen) in self.events.iter_mut().zip(seen).filter(|(_, seen)| *seen > 0) {
            counted.count += seen;
            counted.newest = Some(now);
        }
    }
}
