//! The file as it is written: the keys, defaults and error texts of the Prometheus family's web configuration.
//!
//! Admins search for these texts, so they are kept word for word. None of them shows a value that could be a secret.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_saphyr::Error;

/// The whole file. A key without a value counts as left out.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub tls_server_config: Option<Tls>,
    pub http_server_config: Option<Http>,
    pub rate_limit: Option<RateLimit>,
    pub basic_auth_users: Option<BTreeMap<String, Option<SecretString>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    pub cert: Option<String>,
    pub key: Option<SecretString>,
    pub client_ca: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    pub client_auth_type: Option<String>,
    pub client_ca_file: Option<String>,
    pub cipher_suites: Option<Vec<String>>,
    pub curve_preferences: Option<Vec<String>>,
    pub min_version: Option<String>,
    pub max_version: Option<String>,
    /// Without effect in the family as well: the server's order decides.
    #[serde(rename = "prefer_server_cipher_suites")]
    pub _prefer_server_cipher_suites: Option<bool>,
    /// A list that is there and empty lets nobody in.
    pub client_allowed_sans: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub http2: Option<bool>,
    pub headers: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimit {
    pub burst: Option<i64>,
    pub interval: Option<Nanoseconds>,
}

/// A duration as Go writes it; a bare number counts nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nanoseconds(pub i64);

impl<'de> Deserialize<'de> for Nanoseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Duration;
        impl Visitor<'_> for Duration {
            type Value = Nanoseconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 100ms")
            }

            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Nanoseconds, E> {
                Ok(Nanoseconds(n))
            }

            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Nanoseconds, E> {
                i64::try_from(n).map(Nanoseconds).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Nanoseconds, E> {
                duration(text).map(Nanoseconds).ok_or_else(|| E::custom("no duration"))
            }
        }
        deserializer.deserialize_any(Duration)
    }
}

/// Go's `time.ParseDuration`: `1.5h`, `-3s`, `1m30s`, `0`.
#[expect(clippy::cast_possible_truncation, reason = "beyond 292 years a duration is refused")]
fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 6e10),
        ("h", 3.6e12),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() || total == 0.0 {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..number_end].parse().ok()?;
        let unit_end = rest[number_end..].find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = rest[number_end..].split_at(unit_end.unwrap_or(rest.len() - number_end));
        total += number * UNITS.iter().find(|(name, _)| *name == unit)?.1;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    (total < 9.2e18).then_some((sign * total) as i64)
}

/// Reads the text of a file. One that holds nothing turns nothing on.
pub(super) fn parse(text: &str) -> Result<File, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    match serde_saphyr::from_str_with_options::<Option<File>>(text, options) {
        Ok(file) => Ok(file.unwrap_or_default()),
        Err(Error::Eof { .. }) => Ok(File::default()),
        Err(error) => Err(words(&error)),
    }
}

/// The family's words where it has some; what is wrong and where, without the value.
fn words(error: &Error) -> String {
    let line = error.location().map_or(1, |at| at.line().max(1));
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let kind = type_of(expected);
            format!("yaml: unmarshal errors:\n  line {line}: field {} not found in type {kind}", shown(field))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map_or("a key", shown);
            format!("yaml: unmarshal errors:\n  line {line}: key {key} already set in map")
        }
        Error::MultipleDocuments { .. } => {
            format!("yaml: line {line}: a second document; remove the line `---`")
        }
        _ => format!(
            "yaml: line {line}: cannot unmarshal: not valid YAML, or another kind of value than this key has"
        ),
    }
}

/// A key that looks like one. Anything else may be a secret at a wrong place.
fn shown(key: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    if key.len() <= 40 && key.bytes().all(plain) { key } else { "(not shown)" }
}

fn type_of(expected: &[&str]) -> &'static str {
    match expected {
        fields if fields.contains(&"cert_file") => "web.TLSConfig",
        fields if fields.contains(&"headers") => "web.HTTPConfig",
        fields if fields.contains(&"burst") => "web.RateLimiterConfig",
        _ => "web.Config",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, expected) in [
            ("100ms", Some(100_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            ("-3s", Some(-3_000_000_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("2µs", Some(2_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("1 s", None),
            ("1d", None),
            ("1s x", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn values_are_read_as_yaml_1_1_and_null_is_left_out() {
        for (text, http2) in [("yes", true), ("on", true), ("off", false), ("No", false), ("true", true)] {
            let file = parse(&format!("http_server_config: {{http2: {text}}}")).expect(text);
            assert_eq!(file.http_server_config.and_then(|http| http.http2), Some(http2), "{text}");
        }
        let file =
            parse("http_server_config: {headers: {X-XSS-Protection: 1}}\ntls_server_config:\n").unwrap();
        let headers = file.http_server_config.and_then(|http| http.headers).unwrap();
        assert_eq!(headers["X-XSS-Protection"].as_deref(), Some("1"));
        assert!(file.tls_server_config.is_none());
        for empty in ["", "# nothing\n", "---\n", "{}", "tls_server_config: {cert_file: }"] {
            assert!(parse(empty).is_ok(), "{empty}");
        }
        let rate = |text: &str| parse(&format!("rate_limit: {text}")).unwrap().rate_limit.unwrap();
        assert_eq!(rate("{interval: 100ms, burst: 3}").interval, Some(Nanoseconds(100_000_000)));
        assert_eq!(rate("{interval: 7}").interval, Some(Nanoseconds(7)));
    }
}
