//! The body of a scrape: generated family by family, in bounded chunks, compressed as it flows.
//!
//! Belongs here: the snapshot, the order, the chunks and the content coding. A scrape of any size
//! holds one chunk and the compressor; nothing of it is kept afterwards. The chunk is one buffer that
//! comes back once it is sent: fresh memory for each costs more than the text that is put into it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use exposition::{Coding, Compressor, Encoder, Format, Labels};
use http_body::{Body, Frame};
use prometheus::proto::MetricFamily;
use tokio::time::Instant;

use super::exporter::ExporterMetrics;
use super::proto;
use super::targets::{Brief, FAMILIES, View};
use crate::board::{Board, LogState, Reference, Slot, TargetState};

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

/// One exposition as an HTTP body.
pub struct Scrape {
    source: Source,
    out: Encoder,
    compressor: Option<Compressor>,
    spare: Arc<Spare>,
    done: bool,
}

impl Scrape {
    /// Takes a snapshot of `board`; everything this body shows of a target is of one state.
    ///
    /// # Errors
    /// The compressor could not be made.
    pub fn new(
        board: &Board,
        exporter: &ExporterMetrics,
        format: Format,
        coding: Coding,
    ) -> io::Result<Self> {
        let source = Source::new(board, exporter.gather());
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

/// One target at the moment of the scrape.
struct Row {
    state: Arc<TargetState>,
    log: Option<Arc<LogState>>,
    reference: Option<Arc<Reference>>,
    brief: Brief,
}

impl Row {
    fn new(slot: &Arc<Slot>) -> Self {
        let state = slot.state();
        Self { brief: Brief::new(&slot.info, &state), state, log: slot.log(), reference: slot.reference() }
    }
}

/// What is written, and how far it got.
struct Source {
    own: Vec<MetricFamily>,
    slots: Arc<Vec<Arc<Slot>>>,
    rows: Vec<Row>,
    /// Values of the families with at most one sample a target, family by family.
    cells: Vec<u64>,
    labels: Labels,
    now: Instant,
    family: usize,
    /// How many of [`Self::cells`] are written.
    written: usize,
    target: usize,
}

impl Source {
    fn new(board: &Board, own: Vec<MetricFamily>) -> Self {
        let slots = board.slots();
        let labels = Labels::new(slots.iter().map(|slot| &*slot.info.name));
        let rows: Vec<_> = slots.iter().map(Row::new).collect();
        let (cells, now, family, written, target) = (Vec::new(), Instant::now(), 0, 0, 0);
        let mut source = Self { own, slots, rows, cells, labels, now, family, written, target };
        source.cells = source.cells();
        source
    }

    fn cells(&self) -> Vec<u64> {
        let singles: Vec<_> = FAMILIES.iter().filter(|family| family.is_single()).collect();
        let targets = self.rows.len();
        let mut cells = vec![0; singles.len() * targets];
        for target in 0..targets {
            let view = self.view(target);
            for (column, family) in singles.iter().enumerate() {
                cells[column * targets + target] = family.cell(&view);
            }
        }
        cells
    }

    fn view(&self, target: usize) -> View<'_> {
        let row = &self.rows[target];
        View {
            info: &self.slots[target].info,
            state: &row.state,
            label: self.labels.get(target),
            brief: &row.brief,
            now: self.now,
            log: row.log.as_deref(),
            reference: row.reference.as_deref(),
        }
    }

    /// How large a chunk may become.
    fn room(&self) -> usize {
        (OWN + self.rows.len() * PER_TARGET).min(CHUNK) + SLACK
    }

    /// Writes until a chunk is full; true at the end of the exposition.
    fn fill(&mut self, out: &mut Encoder) -> bool {
        for family in std::mem::take(&mut self.own) {
            proto::write_family(out, &family);
        }
        while let Some(family) = FAMILIES.get(self.family) {
            if self.target == 0 {
                family.begin(out);
            }
            let left = self.rows.len() - self.target;
            if family.is_single() {
                let cells = &self.cells[self.written..][..left];
                let done = out.column(&self.labels, self.target, cells, family.is_float(), CHUNK);
                self.written += done;
                self.target += done;
            }
            while self.target < self.rows.len() && out.len() < CHUNK {
                family.write(out, &self.view(self.target));
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
