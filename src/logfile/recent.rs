//! The newest API-related records of a target's logs, redacted: for `diagnose` alone.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::classify::classify;
use super::record::Records;
use super::{open, redact};
use crate::domain::LogEvent;
use crate::domain::target::LogFile;

/// What is read of the end of each file.
const TAIL: u64 = 256 << 10;

#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    pub path: PathBuf,
    /// What keeps it from being read, as a fragment that fits after the path.
    pub problem: Option<String>,
    /// Oldest first.
    pub records: Vec<RedactedRecord>,
}

/// One record, of which only known words are left; see the module `redact`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactedRecord {
    /// As the log gives it, in whichever zone that is; may be empty.
    pub time: String,
    pub event: LogEvent,
    /// One line; `…` stands for what was left out.
    pub text: String,
}

/// The last `limit` API-related records in the last 256 KiB of each file. Blocks on the file system; sends
/// nothing, changes nothing.
pub fn recent_redacted(files: &[LogFile], limit: usize) -> Vec<Recent> {
    files.iter().map(|file| recent(file, limit)).collect()
}

fn recent(file: &LogFile, limit: usize) -> Recent {
    let mut kept = VecDeque::new();
    let mut keep = |record: &str| {
        if let Some(event) = classify(file, record) {
            kept.push_back((event, record.to_owned()));
            if kept.len() > limit {
                kept.pop_front();
            }
        }
    };
    let problem = tail(file, &mut keep).err();
    let redacted = kept.into_iter().map(|(event, record)| {
        let (time, text) = redact::record(file, &record);
        RedactedRecord { time, event, text }
    });
    Recent { path: file.path.clone(), problem, records: redacted.collect() }
}

fn tail(file: &LogFile, keep: &mut dyn FnMut(&str)) -> Result<(), String> {
    let (open, meta) = open::open(&file.path)?;
    let start = meta.len().saturating_sub(TAIL);
    let mut bytes = vec![0; usize::try_from(meta.len() - start).unwrap_or_default()];
    let read = read_up_to(&open, &mut bytes, start).map_err(|e| open::problem(&e))?;
    let mut records = Records::new(file.format);
    records.begin(start > 0);
    records.feed(&bytes[..read], keep);
    records.finish(keep);
    records.misfit(1).map_or(Ok(()), Err)
}

/// What keeps a file from being followed with profit now: it cannot be read, or none of its last lines fits its format.
pub fn problem(file: &LogFile) -> Option<String> {
    tail(file, &mut |_| {}).err()
}

/// Less than was asked for where the file was cut meanwhile.
fn read_up_to(file: &std::fs::File, bytes: &mut [u8], start: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], start + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
