//! Scrapes of a board without a server.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use exposition::{Coding, Format, Version};
use http_body::Body;
use pbx_exporter::board::Board;
use pbx_exporter::metrics::{ExporterMetrics, Scrape};

pub const OPEN: Format = Format::OpenMetrics(Version::V1_0_0);

/// A scrape that has begun.
pub fn begin(board: &Board, format: Format, coding: Coding) -> Scrape {
    Scrape::new(board, &ExporterMetrics::new(), format, coding).unwrap()
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

/// The whole exposition, the exporter's own families included.
pub fn whole(board: &Board, format: Format) -> String {
    String::from_utf8(chunks(begin(board, format, Coding::Identity)).concat()).unwrap()
}

/// The targets' families alone.
pub fn targets(board: &Board, format: Format) -> String {
    let whole = whole(board, format);
    whole[whole.find("# HELP pbx_up ").unwrap()..].to_owned()
}

/// The lines that are samples.
pub fn samples(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}
