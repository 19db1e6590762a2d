//! An exposition's bytes: how samples are spelled in both formats, which format and content coding a
//! scraper wants, and the compression.
//!
//! Belongs here: what each of the hundred lines that a target has in a scrape runs through. Does not belong here: which
//! families exist, or what a PBX is.

mod coding;
mod encoder;
mod labels;
mod negotiate;

pub(crate) use coding::Compressor;
pub use encoder::Kind;
pub(crate) use encoder::{ABSENT, Encoder, Tail};
pub(crate) use labels::{Label, Labels};
pub use negotiate::{Coding, Format, Version};
