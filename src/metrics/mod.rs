//! The board and the exporter's own counters, written as an exposition.
//!
//! Belongs here: which families exist, and how they are streamed. Does not belong here: spelling and
//! compression ([`crate::exposition`]), HTTP routing, or deciding what a value is; a writer of the
//! board has decided that.
//!
//! The crate `prometheus` keeps the exporter's own families; it has no OpenMetrics, and gathering
//! 100,000 series through it costs eighteen times a static file. The targets' families are therefore
//! written at the scrape, from a snapshot of the board, by the one [`crate::exposition::Encoder`] that serves both.

pub mod exporter;
pub mod scrape;
mod snapshot;
pub mod targets;
mod view;

pub use crate::exposition::{Coding, Format};
pub use exporter::ExporterMetrics;
pub use scrape::Scrape;
pub use snapshot::Kept;
