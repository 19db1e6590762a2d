//! `http_server_config.headers`: which may be set, and to what.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

/// Each that may be set; where values are named, one of these.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

pub(super) fn check(
    headers: BTreeMap<String, Option<String>>,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    headers.into_iter().map(|(name, value)| one(&name, &value.unwrap_or_default())).collect()
}

fn one(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let allowed = ALLOWED.iter().find(|(allowed, _)| *allowed == name);
    let Some((_, values)) = allowed else {
        return Err(format!("HTTP header {name:?} can not be configured"));
    };
    if !values.is_empty() && !values.contains(&value) {
        let values = values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" ");
        return Err(format!("invalid value for {name}. Expected one of: [{values}], but got: {value:?}"));
    }
    let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
    parsed.ok_or_else(|| format!("invalid value for {name}: it has characters that no header can have"))
}
