//! The board and the exporter's own counters, written as an exposition.
//!
//! Belongs here: which families exist, how they are encoded, negotiated and streamed. Does not belong
//! here: HTTP routing, or deciding what a value is; a writer of the board has decided that.
//!
//! The crate `prometheus` keeps the exporter's own families; it has no OpenMetrics, and gathering
//! 100,000 series through it costs eighteen times a static file. The targets' families are therefore
//! written at the scrape, straight from board state, by the one [`encoder`] that serves both.

pub mod body;
pub mod encoder;
pub mod exporter;
pub mod negotiate;
mod proto;
pub mod targets;

pub use body::Scrape;
pub use exporter::ExporterMetrics;
