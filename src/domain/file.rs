//! Reading the files that a configuration names, without being held up by what only looks like one.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The content of a regular file (behind links, too) of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Before it is opened: the opening of a pipe waits for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {} KiB", limit / 1024)));
    }
    Ok(bytes)
}

/// The largest PEM file read: all authorities of a system are a quarter of a MiB.
pub const LARGEST_PEM: u64 = 4 * 1024 * 1024;
