//! Moments for people, from Unix seconds.

use std::time::{Duration, UNIX_EPOCH};

/// `Sat, 21 Nov 2026 23:40:00 GMT`, as HTTP writes it; `None` beyond the years of four digits, where `httpdate` panics.
pub fn http_date(unix: f64) -> Option<String> {
    let since = Duration::try_from_secs_f64(unix).ok().filter(|_| unix < 253_402_300_800.0)?;
    UNIX_EPOCH.checked_add(since).map(httpdate::fmt_http_date)
}

/// The day alone, as in `06 Nov 1994`.
pub fn day(unix: u64) -> String {
    http_date(unix as f64).map_or_else(|| "an impossible date".into(), |date| date[5..16].to_owned())
}
