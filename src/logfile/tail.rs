//! One file, followed: through rotation, truncation, absence and lost permissions.
//!
//! The open file is read to its end before its successor is, and for a while beside it: its writer may not have
//! turned to the new one yet. What stood in a file when it was first seen does
//! not count; a file that comes into being, or takes another's place, counts from its beginning.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::classify::classify;
use super::open;
use super::record::Records;
use crate::domain::LogEvent;
use crate::domain::target::LogFile;

/// Read from one file in one poll: a burst waits for the next polls, and holds nobody else up.
const READ_LIMIT: usize = 4 << 20;
const CHUNK: usize = 64 << 10;
/// Beginning of a file by which it is known: holds the time of the first line.
const HEAD: usize = 64;
/// Polls for which a file that is no longer in its place is kept open: its writer may go on with it, as Apache's
/// children do after a graceful reload. Then it is let go, so that its space on the disk becomes free.
const LINGER: u32 = 60;
/// Lines that have come before it is said that none fits: a few may belong to a record that began before.
const MANY: u32 = 10;
/// Polls without news after which a record whose end is not marked is taken for whole.
const QUIET: u32 = 2;

pub(super) struct Tail {
    file: LogFile,
    open: Option<Open>,
    /// The one that was in its place before, for [`LINGER`] polls.
    old: Option<Open>,
    /// Whether the next file opened counts from its beginning.
    from_start: bool,
    /// How far the file was read that was let go; it may come back.
    left: Option<Place>,
}

struct Open {
    file: File,
    place: Place,
    records: Records,
    quiet: u32,
    /// Polls for which it was no longer the one at the path.
    displaced: u32,
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
        Self { file: file.clone(), open: None, old: None, from_start: false, left: None }
    }

    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Gives the events of what is new to `count`. The error says what keeps the file from being followed.
    pub fn poll(&mut self, count: &mut dyn FnMut(LogEvent)) -> Result<(), String> {
        let file = self.file.clone();
        let (mut limit, record) = (READ_LIMIT, &mut counter(&file, count));
        self.read_old(&mut limit, record);
        self.advance(&mut limit, record)?;
        let records = self.open.as_ref().map(|open| &open.records);
        records.and_then(|records| records.misfit(MANY)).map_or(Ok(()), Err)
    }

    fn read_old(&mut self, limit: &mut usize, record: &mut dyn FnMut(&str)) {
        let Some(old) = &mut self.old else { return };
        old.displaced += 1;
        let failed = old.read(limit, record).is_err();
        if failed || (old.displaced > LINGER && *limit > 0) {
            self.left = self.old.take().and_then(|old| old.let_go(record));
        }
    }

    fn advance(&mut self, limit: &mut usize, record: &mut dyn FnMut(&str)) -> Result<(), String> {
        let meta = self.file.path.metadata();
        let is_there = |open: &Open| meta.as_ref().is_ok_and(|meta| id(meta) == open.place.id);
        if self.old.as_ref().is_some_and(is_there) {
            std::mem::swap(&mut self.open, &mut self.old);
        }
        let Some(open) = &mut self.open else { return self.begin(meta, limit, record) };
        if is_there(open) {
            open.displaced = 0;
            if open.start_anew_if_rewritten()? {
                open.records.flush(record);
                open.records.begin(false);
            }
            return open.read(limit, record);
        }
        open.read(limit, record)?;
        open.displaced += 1;
        // It is read to its end before its successor is.
        if meta.is_ok() && *limit > 0 {
            open.displaced = 0;
            let older = std::mem::replace(&mut self.old, self.open.take());
            older.and_then(|older| older.let_go(record));
            self.from_start = true;
            return self.begin(meta, limit, record);
        }
        if open.displaced > LINGER && *limit > 0 {
            self.left = self.open.take().and_then(|open| open.let_go(record));
            self.from_start = true;
        }
        meta.map(|_| ()).map_err(|e| open::problem(&e))
    }

    /// Opens what is at `path` now.
    fn begin(
        &mut self,
        meta: io::Result<Metadata>,
        limit: &mut usize,
        record: &mut dyn FnMut(&str),
    ) -> Result<(), String> {
        if let Err(error) = meta {
            self.from_start |= error.kind() == ErrorKind::NotFound;
            return Err(open::problem(&error));
        }
        let (file, meta) = open::open(&self.file.path)?;
        let mut place = Place { id: id(&meta), offset: 0, head: Vec::new() };
        if let Some(left) = self.left.take_if(|left| left.id == place.id) {
            place = left;
        } else if !self.from_start {
            place.offset = meta.len();
        }
        let mut open = Open { file, place, records: Records::new(self.file.format), quiet: 0, displaced: 0 };
        open.start_anew_if_rewritten()?;
        open.records.begin(open.is_within_a_line().map_err(|e| open::problem(&e))?);
        self.left = None;
        self.open.insert(open).read(limit, record)
    }
}

impl Open {
    /// Reads on, to the end of the file or of the limit. At most once a poll.
    fn read(&mut self, limit: &mut usize, record: &mut dyn FnMut(&str)) -> Result<(), String> {
        let (before, mut buffer) = (self.place.offset, Vec::new());
        while *limit > 0 {
            // A look is cheaper than the buffer.
            if buffer.is_empty() && self.len().is_ok_and(|len| len <= self.place.offset) {
                break;
            }
            buffer.resize(CHUNK.min(*limit), 0);
            match self.file.read_at(&mut buffer, self.place.offset) {
                Ok(0) => break,
                Ok(read) => {
                    self.place.offset += read as u64;
                    *limit -= read;
                    self.records.feed(&buffer[..read], record);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(open::problem(&error)),
            }
        }
        self.quiet = if self.place.offset == before { self.quiet.saturating_add(1) } else { 0 };
        if self.quiet == QUIET {
            self.records.flush(record);
        }
        self.remember_head().map_err(|e| open::problem(&e))
    }

    /// What was not ended counts as it is. Gives where to go on if the file comes back; a deleted one cannot.
    fn let_go(mut self, record: &mut dyn FnMut(&str)) -> Option<Place> {
        self.records.finish(record);
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

    /// Its length or its beginning shows it.
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

fn counter(file: &LogFile, count: &mut dyn FnMut(LogEvent)) -> impl FnMut(&str) {
    move |record| {
        if let Some(event) = classify(file, record) {
            count(event);
        }
    }
}
