//! Content codings that come although none is asked for (RFC 9110 section 8.4.1).

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

use crate::domain::{Garbled, TransportError};

/// A gzip member begins so (RFC 1952 section 2.3.1), and nothing that is text does.
const GZIP: &[u8] = b"\x1f\x8b";
/// More codings, one over the other, are a trap.
const LAYERS: usize = 2;

/// The body as it was before it was coded, at most `limit` bytes. What bears a coding by name only is left as it is.
pub(super) fn decoded(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    limit: u64,
) -> Result<Bytes, TransportError> {
    let mut body = body;
    for coding in codings(headers).iter().rev().take(LAYERS) {
        body = match coding.as_str() {
            "identity" => body,
            _ if body.is_empty() || is_text(&body) => body,
            _ if body.starts_with(GZIP) => read(MultiGzDecoder::new(&*body), limit)?,
            "deflate" => inflated(&body, limit)?,
            "gzip" | "x-gzip" => return Err(TransportError::Garbled(Garbled::Compressed)),
            // Of a failure the status says enough.
            _ if !status.is_success() => body,
            other => return Err(TransportError::Garbled(Garbled::Coding(known(other)))),
        };
    }
    // Who took the field away did not decode.
    if body.starts_with(GZIP) { read(MultiGzDecoder::new(&*body), limit) } else { Ok(body) }
}

fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|coding| coding.trim().to_ascii_lowercase()).collect()
}

/// Whether these bytes are what an API or a web server writes.
fn is_text(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.starts_with(b"\xef\xbb\xbf") || matches!(start.first(), Some(b'{' | b'[' | b'<'))
}

/// With zlib's frame, as RFC 9110 has it, or bare, as some send it.
fn inflated(body: &[u8], limit: u64) -> Result<Bytes, TransportError> {
    let framed =
        body.len() > 1 && body[0] & 0x0f == 8 && u16::from_be_bytes([body[0], body[1]]).is_multiple_of(31);
    if framed { read(ZlibDecoder::new(body), limit) } else { read(DeflateDecoder::new(body), limit) }
}

fn read(coded: impl Read, limit: u64) -> Result<Bytes, TransportError> {
    let mut body = Vec::new();
    let taken = coded.take(limit.saturating_add(1)).read_to_end(&mut body);
    taken.map_err(|_| TransportError::Garbled(Garbled::Compressed))?;
    if body.len() as u64 > limit { Err(TransportError::TooLarge(limit)) } else { Ok(body.into()) }
}

fn known(coding: &str) -> &'static str {
    const NAMES: [&str; 4] = ["br", "zstd", "compress", "x-compress"];
    NAMES.iter().find(|name| **name == coding).copied().unwrap_or("an unknown coding")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    const LIMIT: u64 = 1 << 16;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
        coder.write_all(plain).expect("memory");
        coder.finish().expect("memory")
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut coder = ZlibEncoder::new(Vec::new(), Compression::fast());
        coder.write_all(plain).expect("memory");
        coder.finish().expect("memory")
    }

    fn bare(plain: &[u8]) -> Vec<u8> {
        let mut coder = DeflateEncoder::new(Vec::new(), Compression::fast());
        coder.write_all(plain).expect("memory");
        coder.finish().expect("memory")
    }

    fn read(status: u16, coding: &'static str, body: Vec<u8>) -> Result<Bytes, TransportError> {
        let mut headers = HeaderMap::new();
        if !coding.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        decoded(StatusCode::from_u16(status).expect("a status"), &headers, body.into(), LIMIT)
    }

    #[test]
    fn what_was_not_asked_for_is_decoded() {
        let plain = br#"{"a":1}"#;
        for (coding, body) in [
            ("", plain.to_vec()),
            ("identity", plain.to_vec()),
            ("gzip", gzip(plain)),
            ("X-GZIP", gzip(plain)),
            ("gzip, gzip", gzip(&gzip(plain))),
            ("deflate, gzip", gzip(&zlib(plain))),
            ("", gzip(plain)),
            ("deflate", zlib(plain)),
            ("deflate", bare(plain)),
            ("gzip", plain.to_vec()),
            ("deflate", plain.to_vec()),
            ("br", plain.to_vec()),
        ] {
            assert_eq!(read(200, coding, body), Ok(Bytes::from_static(plain)), "{coding}");
        }
        assert_eq!(read(200, "gzip", Vec::new()), Ok(Bytes::new()));
        assert_eq!(read(200, "br", Vec::new()), Ok(Bytes::new()));
    }

    #[test]
    fn what_cannot_be_decoded_is_called_so() {
        let garbled = |what| Err(TransportError::Garbled(what));
        let brotli = || vec![0x8b, 0x02, 0x80];
        assert_eq!(read(200, "br", brotli()), garbled(Garbled::Coding("br")));
        assert_eq!(read(200, "canary", brotli()), garbled(Garbled::Coding("an unknown coding")));
        assert!(read(502, "br", brotli()).is_ok());
        let mut cut = gzip(&[b'x'; 1000]);
        cut.truncate(cut.len() - 9);
        assert_eq!(read(200, "gzip", cut), garbled(Garbled::Compressed));
    }

    #[test]
    fn the_limit_is_for_what_is_decoded() {
        let bomb = vec![b' '; 1 << 20];
        for (coding, body) in [("gzip", gzip(&bomb)), ("deflate", zlib(&bomb)), ("deflate", bare(&bomb))] {
            assert_eq!(read(200, coding, body), Err(TransportError::TooLarge(LIMIT)), "{coding}");
        }
        assert_eq!(read(200, "gzip, gzip", gzip(&gzip(&bomb))), Err(TransportError::TooLarge(LIMIT)));
        assert_eq!(read(200, "gzip", gzip(&vec![b' '; 1 << 16])).map(|body| body.len()), Ok(1 << 16));
    }
}
