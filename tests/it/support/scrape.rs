//! Scrapes of a board without a server.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Body;
use pbx_exporter::board::Board;
use pbx_exporter::exposition::{Coding, Format, Version};
use pbx_exporter::metrics::{ExporterMetrics, Kept, Scrape};

pub const OPEN: Format = Format::OpenMetrics(Version::V1_0_0);

/// A scrape that has begun.
pub fn begin(board: &Board, format: Format, coding: Coding) -> Scrape {
    begin_from(&Kept::default(), board, format, coding)
}

/// The same, with what earlier ones have left.
pub fn begin_from(kept: &Kept, board: &Board, format: Format, coding: Coding) -> Scrape {
    Scrape::new(board, &ExporterMetrics::new(), kept, format, coding).unwrap()
}

/// The chunks of a scrape, none of which ever has to be waited for.
pub fn chunks(scrape: Scrape) -> Vec<Bytes> {
    let mut scrape = pin!(scrape);
    let mut context = Context::from_waker(Waker::noop());
    let mut chunks = Vec::new();
    while let Poll::Ready(Some(frame)) = scrape.as_mut().poll_frame(&mut context) {
        chunks.push(frame.unwrap().into_data().unwrap());
    }
    assert!(scrape.is_end_stream());
    chunks
}

/// The rest of a scrape, as text.
pub fn text(scrape: Scrape) -> String {
    String::from_utf8(chunks(scrape).concat()).unwrap()
}

/// The whole exposition, the exporter's own families included.
pub fn whole(board: &Board, format: Format) -> String {
    text(begin(board, format, Coding::Identity))
}

/// The targets' families alone.
pub fn targets(board: &Board, format: Format) -> String {
    of_targets(&whole(board, format)).to_owned()
}

/// The part of an exposition that is the targets' families; they come last.
pub fn of_targets(whole: &str) -> &str {
    &whole[whole.find("# HELP pbx_up ").unwrap()..]
}

/// The lines that are samples.
pub fn samples(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}
