//! Content codings at work.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use zstd::stream::write::Encoder as ZstdEncoder;

use super::negotiate::Coding;

/// Level 2 makes a quarter less of it, for a fifth more CPU.
const GZIP: Compression = Compression::new(1);
/// 128 KiB of history: enough for lines that look like their neighbours, and a bound on memory.
const ZSTD_WINDOW_LOG: u32 = 17;

pub enum Compressor {
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Zstd(Box<ZstdEncoder<'static, Vec<u8>>>),
}

impl Compressor {
    pub fn new(coding: Coding) -> io::Result<Option<Self>> {
        Ok(Some(match coding {
            Coding::Identity => return Ok(None),
            Coding::Gzip => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), GZIP))),
            Coding::Zstd => {
                let mut encoder = ZstdEncoder::new(Vec::new(), 1)?;
                encoder.window_log(ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(encoder))
            }
        }))
    }

    /// What comes out of the coding for `plain`, which may be nothing yet; all that is left in it if
    /// `last`.
    pub fn chunk(&mut self, plain: &[u8], last: bool) -> io::Result<Vec<u8>> {
        let coded = match self {
            Self::Gzip(encoder) => {
                encoder.write_all(plain)?;
                if last {
                    encoder.try_finish()?;
                }
                encoder.get_mut()
            }
            Self::Zstd(encoder) => {
                encoder.write_all(plain)?;
                if last {
                    encoder.do_finish()?;
                }
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(coded))
    }
}
