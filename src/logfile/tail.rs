//! One file, followed: through rotation, truncation, absence and lost permissions.
//!
//! The open file is read to its end before its successor is. What stood in a file when it was first seen does
//! not count; a file that comes into being, or takes another's place, counts from its beginning.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::classify::classify;
use super::open;
use super::record::Records;
use crate::domain::LogEvent;
use crate::domain::target::{LogFile, LogFormat};

/// Read from one file in one poll: a burst waits for the next polls, and holds nobody else up.
const READ_LIMIT: usize = 4 << 20;
const CHUNK: usize = 64 << 10;
/// Beginning of a file by which it is known: holds the time of the first line.
const HEAD: usize = 64;
/// Polls for which a writer may go on with the file that was renamed, as Apache's children do.
const LINGER: u32 = 10;
/// Polls after which a file that is gone is let go, so that its space on the disk becomes free.
const LET_GO: u32 = 60;
/// Polls without news after which a record whose end is not marked is taken for whole.
const QUIET: u32 = 2;

/// One file.
pub(super) struct Tail {
    path: PathBuf,
    format: LogFormat,
    open: Option<Open>,
    /// Whether the next file opened counts from its beginning.
    from_start: bool,
    /// How far the file was read that was let go; it may come back.
    left: Option<Place>,
    records: Records,
    quiet: u32,
    /// Polls for which the open file was no longer the one at `path`.
    displaced: u32,
}

struct Open {
    file: File,
    place: Place,
}

/// How far which file was read.
struct Place {
    /// Device and inode.
    id: (u64, u64),
    offset: u64,
    /// How it begins, up to [`HEAD`] bytes: an inode may come back as another file.
    head: Vec<u8>,
}

impl Tail {
    pub fn new(file: &LogFile) -> Self {
        Self {
            path: file.path.clone(),
            format: file.format,
            open: None,
            from_start: false,
            left: None,
            records: Records::new(file.format),
            quiet: 0,
            displaced: 0,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the events of what is new to `count`. The error says what keeps the file from being followed.
    pub fn poll(&mut self, count: &mut dyn FnMut(LogEvent)) -> Result<(), String> {
        let mut limit = READ_LIMIT;
        let result = self.advance(&mut limit, count);
        self.quiet = if limit == READ_LIMIT { self.quiet.saturating_add(1) } else { 0 };
        if self.quiet == QUIET {
            self.records.flush(&mut counter(self.format, count));
        }
        result
    }

    fn advance(&mut self, limit: &mut usize, count: &mut dyn FnMut(LogEvent)) -> Result<(), String> {
        let meta = self.path.metadata();
        let Some(open) = &mut self.open else { return self.begin(meta, limit, count) };
        if meta.as_ref().is_ok_and(|meta| id(meta) == open.place.id) {
            self.displaced = 0;
            if open.start_anew_if_rewritten()? {
                self.records.flush(&mut counter(self.format, count));
                self.records.begin(false);
            }
            return self.read(limit, count);
        }
        let before = *limit;
        self.read(limit, count)?;
        self.displaced += 1;
        let patience = if meta.is_ok() { LINGER } else { LET_GO };
        // A new file is turned to as soon as the old one is quiet; without one, the old one may yet come back.
        let is_quiet = meta.is_ok() && *limit == before;
        if is_quiet || (self.displaced > patience && *limit > 0) {
            self.records.finish(&mut counter(self.format, count));
            self.left = self.open.take().and_then(Open::let_go);
            self.from_start = true;
            return self.begin(meta, limit, count);
        }
        meta.map(|_| ()).map_err(|e| open::problem(&e))
    }

    /// Opens what is at `path` now.
    fn begin(
        &mut self,
        meta: io::Result<Metadata>,
        limit: &mut usize,
        count: &mut dyn FnMut(LogEvent),
    ) -> Result<(), String> {
        if let Err(error) = meta {
            self.from_start |= error.kind() == ErrorKind::NotFound;
            return Err(open::problem(&error));
        }
        let (file, meta) = open::open(&self.path)?;
        let mut place = Place { id: id(&meta), offset: 0, head: Vec::new() };
        if let Some(left) = self.left.take_if(|left| left.id == place.id) {
            place = left;
        } else if !self.from_start {
            place.offset = meta.len();
        }
        let mut open = Open { file, place };
        open.start_anew_if_rewritten()?;
        self.records.begin(open.is_within_a_line().map_err(|e| open::problem(&e))?);
        (self.open, self.left, self.displaced) = (Some(open), None, 0);
        self.read(limit, count)
    }

    /// Reads on, to the end of the file or of the limit.
    fn read(&mut self, limit: &mut usize, count: &mut dyn FnMut(LogEvent)) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut buffer = Vec::new();
        while *limit > 0 {
            // A look is cheaper than the buffer.
            if buffer.is_empty() && open.len().is_ok_and(|len| len <= open.place.offset) {
                break;
            }
            buffer.resize(CHUNK.min(*limit), 0);
            match open.file.read_at(&mut buffer, open.place.offset) {
                Ok(0) => break,
                Ok(read) => {
                    open.place.offset += read as u64;
                    *limit -= read;
                    self.records.feed(&buffer[..read], &mut counter(self.format, count));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(open::problem(&error)),
            }
        }
        open.remember_head().map_err(|e| open::problem(&e))
    }
}

impl Open {
    /// Where to go on if the file comes back; a deleted one cannot.
    fn let_go(self) -> Option<Place> {
        self.file.metadata().is_ok_and(|meta| meta.nlink() > 0).then_some(self.place)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Goes back to the beginning of a file that was cut, or cut and filled again.
    fn start_anew_if_rewritten(&mut self) -> Result<bool, String> {
        let rewritten = self.was_rewritten().map_err(|e| open::problem(&e))?;
        if rewritten {
            (self.place.offset, self.place.head) = (0, Vec::new());
        }
        Ok(rewritten)
    }

    /// Its length or its beginning tells.
    fn was_rewritten(&self) -> io::Result<bool> {
        let (len, place) = (self.len()?, &self.place);
        if len <= place.offset {
            return Ok(len < place.offset);
        }
        let mut head = [0; HEAD];
        let read = self.file.read_at(&mut head[..place.head.len()], 0)?;
        Ok(head[..read] != place.head)
    }

    fn remember_head(&mut self) -> io::Result<()> {
        let Place { offset, head, .. } = &mut self.place;
        let known = head.len();
        let wanted = usize::try_from(*offset).map_or(HEAD, |offset| offset.min(HEAD));
        if known < wanted {
            head.resize(wanted, 0);
            let read = self.file.read_at(&mut head[known..], known as u64)?;
            head.truncate(known + read);
        }
        Ok(())
    }

    fn is_within_a_line(&self) -> io::Result<bool> {
        let Some(last) = self.place.offset.checked_sub(1) else { return Ok(false) };
        let mut byte = [0];
        Ok(self.file.read_at(&mut byte, last)? == 1 && byte != *b"\n")
    }
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn counter(format: LogFormat, count: &mut dyn FnMut(LogEvent)) -> impl FnMut(&str) {
    move |record| {
        if let Some(event) = classify(format, record) {
            count(event);
        }
    }
}
