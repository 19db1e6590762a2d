//! The body of a scrape: generated family by family, in bounded chunks, compressed as it flows.
//!
//! Belongs here: the order, the chunks and the content coding. A scrape of any size
//! holds one chunk and the compressor; nothing but the snapshot is kept afterwards. The chunk is one buffer that
//! comes back once it is sent: fresh memory for each costs more than the text that is put into it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::exposition::{Coding, Compressor, Encoder, Format};
use bytes::Bytes;
use http_body::{Body, Frame};
use prometheus::proto::MetricFamily;

use super::exporter::{ExporterMetrics, write_family};
use super::snapshot::{Kept, Snapshot};
use super::targets::FAMILIES;
use crate::board::Board;

/// A chunk is given away once it has this many bytes: fits a core's second-level cache, and is just
/// more than hyper gathers (408 KiB) before it sends, so that each chunk is sent, and its buffer back,
/// before the next is asked for.
pub const CHUNK: usize = 416 * 1024;
/// Room past [`CHUNK`] for the samples that one target has in one family, so that a chunk does not
/// have to grow.
const SLACK: usize = 8 * 1024;
/// Room for the exporter's own families and all HELP lines.
const OWN: usize = 16 * 1024;
/// Room for each target; a healthy one needs less.
const PER_TARGET: usize = 12 * 1024;

pub struct Scrape {
    source: Source,
    out: Encoder,
    compressor: Option<Compressor>,
    spare: Arc<Spare>,
    done: bool,
}

impl Scrape {
    /// Takes a snapshot of `board`, made from the one that is `kept`; everything this body shows of a target is of one state.
    pub fn new(
        board: &Board,
        exporter: &ExporterMetrics,
        kept: &Kept,
        format: Format,
        coding: Coding,
    ) -> io::Result<Self> {
        let (own, targets) = (exporter.gather(), kept.take(board));
        let source = Source { own, targets, family: 0, written: 0, target: 0 };
        let (out, compressor) = (Encoder::new(format), Compressor::new(coding)?);
        Ok(Self { source, out, compressor, spare: Arc::default(), done: false })
    }

    /// The next chunk; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.done {
            self.out.put(self.spare.take(self.source.room()));
            self.done = self.source.fill(&mut self.out);
            let (buffer, len) = self.out.take();
            let text = Lent { buffer, len, home: Arc::clone(&self.spare) };
            let chunk = match &mut self.compressor {
                None => Bytes::from_owner(text),
                Some(compressor) => compressor.chunk(text.as_ref(), self.done)?.into(),
            };
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}

impl Body for Scrape {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.next().transpose().map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }
}

/// Where the chunk buffer waits while nobody needs it.
#[derive(Default)]
struct Spare(Mutex<Vec<u8>>);

impl Spare {
    fn take(&self, room: usize) -> Vec<u8> {
        let text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if text.is_empty() { vec![0; room] } else { text }
    }
}

/// A chunk whose buffer goes home when it is sent.
struct Lent {
    buffer: Vec<u8>,
    len: usize,
    home: Arc<Spare>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut self.buffer);
    }
}

/// What is written, and how far it got.
struct Source {
    own: Vec<MetricFamily>,
    targets: Arc<Snapshot>,
    family: usize,
    /// How many of the snapshot's cells are written.
    written: usize,
    target: usize,
}

impl Source {
    /// How large a chunk may become.
    fn room(&self) -> usize {
        (OWN + self.targets.len() * PER_TARGET).min(CHUNK) + SLACK
    }

    /// Writes until a chunk is full; true at the end of the exposition.
    fn fill(&mut self, out: &mut Encoder) -> bool {
        for family in std::mem::take(&mut self.own) {
            write_family(out, &family);
        }
        while let Some(family) = FAMILIES.get(self.family) {
            if self.target == 0 {
                family.begin(out);
            }
            let left = self.targets.len() - self.target;
            if family.is_single() {
                let cells = &self.targets.cells(self.written)[..left];
                let done = out.column(self.targets.labels(), self.target, cells, family.is_float(), CHUNK);
                self.written += done;
                self.target += done;
            }
            while self.target < self.targets.len() && out.len() < CHUNK {
                family.write(out, &self.targets.view(self.target));
                self.target += 1;
            }
            if out.len() >= CHUNK {
                return false;
            }
            (self.family, self.target) = (self.family + 1, 0);
        }
        out.end();
        true
    }
}
