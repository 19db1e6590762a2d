//! An exposition's bytes: how samples are spelled in both formats, which format and content coding a
//! scraper wants, and the compression.
//!
//! Belongs here: what each of the hundred lines that a target has in a scrape runs through. It is a
//! crate of its own because it is compiled for speed, and the service, most of which runs once at the
//! start and stays resident, for size. Does not belong here: which families exist, or what a PBX is.

mod coding;
mod encoder;
mod labels;
mod negotiate;

pub use coding::Compressor;
pub use encoder::{ABSENT, Encoder, Kind, Tail};
pub use labels::{Label, Labels};
pub use negotiate::{Coding, Format, Version};
