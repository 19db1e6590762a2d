//! Content negotiation (RFC 9110 section 12.5): which exposition format, which content coding.
//!
//! Belongs here: pure functions from header values. Formats follow `promhttp`: an `OpenMetrics` entry
//! without a version, or with 0.0.1, is answered as 0.0.1 (the same text); whatever is not known is
//! answered with text 0.0.4, because a scrape that can be read beats a 406.

use http::{HeaderMap, HeaderName, header};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// `OpenMetrics` text, under the version asked for.
    OpenMetrics(Version),
}

/// A version of OpenMetrics; 0.0.1 and 1.0.0 differ in the content type alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The draft that older servers ask for.
    V0_0_1,
    V1_0_0,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics(Version::V0_0_1) => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            Self::OpenMetrics(Version::V1_0_0) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// The format that `Accept` prefers; on equal `q` the first listed.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let mut best = (0, Self::Text);
        for entry in entries(headers, &header::ACCEPT) {
            if let Some(format) = Self::of(&entry)
                && entry.q > best.0
            {
                best = (entry.q, format);
            }
        }
        best.1
    }

    fn of(entry: &Entry<'_>) -> Option<Self> {
        let version = entry.parameter("version");
        match (entry.value, version) {
            (media, None | Some("0.0.1")) if is(media, OPEN_METRICS) => {
                Some(Self::OpenMetrics(Version::V0_0_1))
            }
            (media, Some("1.0.0")) if is(media, OPEN_METRICS) => Some(Self::OpenMetrics(Version::V1_0_0)),
            (media, None | Some("0.0.4")) if is(media, "text/plain") => Some(Self::Text),
            ("text/*" | "*/*", _) => Some(Self::Text),
            _ => None,
        }
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The coding that `Accept-Encoding` prefers; on equal `q` zstd (a third of gzip's CPU), then
    /// gzip. A bare `*` asks for nothing in particular and gets identity.
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let mut gzip = None;
        let (mut zstd, mut identity, mut any) = (gzip, gzip, gzip);
        for entry in entries(headers, &header::ACCEPT_ENCODING) {
            match entry.value.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => gzip = Some(entry.q),
                "zstd" => zstd = Some(entry.q),
                "identity" => identity = Some(entry.q),
                "*" => any = Some(entry.q),
                _ => {}
            }
        }
        let identity = identity.or(any).unwrap_or(1);
        let wildcard = if identity == 0 { any } else { None };
        let (gzip, zstd) = (gzip.or(wildcard).unwrap_or(0), zstd.or(wildcard).unwrap_or(0));
        if zstd > 0 && zstd >= gzip && zstd >= identity {
            Self::Zstd
        } else if gzip > 0 && gzip >= identity {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

/// One member of a list header: value, parameters, and `q` in thousandths.
struct Entry<'a> {
    value: &'a str,
    parameters: &'a str,
    q: u16,
}

impl<'a> Entry<'a> {
    fn parse(text: &'a str) -> Self {
        let (value, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut entry = Self { value: value.trim(), parameters, q: 1000 };
        if let Some(q) = entry.parameter("q") {
            entry.q = thousandths(q).unwrap_or(0);
        }
        entry
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            is(key.trim(), name).then(|| value.trim().trim_matches('"'))
        })
    }
}

/// A `qvalue` (RFC 9110 section 12.4.2) in thousandths.
fn thousandths(q: &str) -> Option<u16> {
    let q: f32 = q.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    (0.0..=1.0).contains(&q).then_some((q * 1000.0).round() as u16)
}

fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Entry<'a>> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(Entry::parse)
}

fn is(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_format_is_what_the_accept_header_prefers() {
        const V0: Format = Format::OpenMetrics(Version::V0_0_1);
        const V1: Format = Format::OpenMetrics(Version::V1_0_0);
        for (accept, format) in [
            // Prometheus 2.42, 2.50 with protobuf, and 3.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                V1,
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                V1,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                V1,
            ),
            ("application/openmetrics-text;version=0.0.1", V0),
            ("application/openmetrics-text", V0),
            ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", V1),
            ("Application/OpenMetrics-Text; Version=1.0.0", V1),
            ("application/openmetrics-text;version=2.0.0", Format::Text),
            ("text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0", Format::Text),
            ("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=0", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=nonsense", Format::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text),
            ("image/png", Format::Text),
            ("*/*", Format::Text),
            (",;=,", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::negotiate(&headers(&header::ACCEPT, &[accept])), format, "{accept}");
        }
        assert_eq!(Format::negotiate(&HeaderMap::new()), Format::Text);
        let two =
            headers(&header::ACCEPT, &["text/plain;q=0.1", "application/openmetrics-text;version=1.0.0"]);
        assert_eq!(Format::negotiate(&two), V1);
    }

    #[test]
    fn the_coding_is_what_the_accept_encoding_header_prefers() {
        for (accept, coding) in [
            ("gzip", Coding::Gzip),
            ("GZIP", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("zstd", Coding::Zstd),
            ("gzip, deflate, br, zstd", Coding::Zstd),
            ("gzip;q=1.0, zstd;q=0.5", Coding::Gzip),
            ("gzip;q=0, zstd", Coding::Zstd),
            ("gzip;q=0", Coding::Identity),
            ("gzip;q=0.5, identity", Coding::Identity),
            ("identity;q=0.5, gzip", Coding::Gzip),
            ("identity;q=0, *", Coding::Zstd),
            ("gzip, *;q=0", Coding::Gzip),
            ("gzip;q=0, *;q=0", Coding::Identity),
            ("*", Coding::Identity),
            ("br", Coding::Identity),
            ("gzip;q=0.001", Coding::Gzip),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::negotiate(&headers(&header::ACCEPT_ENCODING, &[accept])), coding, "{accept}");
        }
        assert_eq!(Coding::negotiate(&HeaderMap::new()), Coding::Identity);
    }
}
