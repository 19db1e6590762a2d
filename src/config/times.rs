//! `interval`, `timeout` and the like, and `backoff`: durations and how they relate.

use std::time::Duration;

use super::checker::{Checker, MINUTE, SECOND, WEEK, show};
use super::raw::{self, DurationText};
use crate::domain::target::Backoff;
use crate::domain::{Grant, Platform};

pub(super) struct Times {
    pub interval: Duration,
    pub failure_interval: Duration,
    pub timeout: Duration,
    pub token_interval: Option<Duration>,
}

impl Times {
    pub fn of(c: &mut Checker<'_>, raw: &raw::Settings, grant: Option<Grant>, platform: &Platform) -> Self {
        let interval = c.duration("interval", raw.interval.as_ref(), MINUTE, SECOND..=WEEK);
        if interval < 10 * SECOND {
            c.warning(
                "interval",
                format!("{} is short for a PBX; 10s or more is recommended", show(interval)),
            );
        }
        let failure_interval = interval.min(15 * SECOND);
        let failure_interval =
            c.duration("failure_interval", raw.failure_interval.as_ref(), failure_interval, SECOND..=WEEK);
        if failure_interval > interval {
            c.error("failure_interval", longer(failure_interval, "longer than", interval));
        }
        let timeout = timeout(c, "timeout", raw.timeout.as_ref(), interval);
        let token_interval = token_interval(c, raw.token_interval.as_ref(), grant, platform);
        Self { interval, failure_interval, timeout, token_interval }
    }
}

/// Of a probe or a count: shorter than what it is made in, half of it at most where nothing is written.
pub(super) fn timeout(
    c: &mut Checker<'_>,
    key: &str,
    written: Option<&DurationText>,
    interval: Duration,
) -> Duration {
    let usual = (interval / 2).min(10 * SECOND);
    let timeout = c.duration(key, written, usual, Duration::from_millis(100)..=WEEK);
    if timeout >= interval {
        c.error(key, longer(timeout, "not less than", interval));
    }
    timeout
}

fn longer(value: Duration, relation: &str, interval: Duration) -> String {
    let (value, interval) = (show(value), show(interval));
    format!("{value} is {relation} the interval of {interval}; shorten it or lengthen `interval`")
}

fn token_interval(
    c: &mut Checker<'_>,
    text: Option<&DurationText>,
    grant: Option<Grant>,
    platform: &Platform,
) -> Option<Duration> {
    let is_off = text.is_some_and(|t| t.0 == "off");
    if is_off {
        return None;
    }
    let value = c.duration("token_interval", text, 15 * MINUTE, 5 * MINUTE..=WEEK);
    let why = match grant {
        Some(grant) if grant.needs_person() => {
            "each renewal uses up the refresh token, which only a person can replace"
        }
        Some(Grant::Static) => "a key is not renewed",
        _ if platform.has_one_live_token() => {
            "on this platform a new token ends the previous one, and breaks whatever uses it"
        }
        _ => return Some(value),
    };
    if c.is_own("token_interval") {
        c.error("token_interval", format!("{why}; write `off` or remove it"));
    }
    None
}

pub(super) fn backoff(c: &mut Checker<'_>, raw: Option<&raw::Backoff>) -> Backoff {
    let absent = raw::Backoff::default();
    let raw = raw.unwrap_or(&absent);
    let safe = Backoff { start: 5 * MINUTE, cap: 60 * MINUTE, denied: 5 * MINUTE };
    let start = c.duration("backoff.start", raw.start.as_ref(), safe.start, SECOND..=WEEK);
    let cap = c.duration("backoff.cap", raw.cap.as_ref(), safe.cap.max(start), SECOND..=WEEK);
    let denied = c.duration("backoff.denied", raw.denied.as_ref(), safe.denied, SECOND..=WEEK);
    if cap < start {
        let text = format!("{} is below backoff.start of {}; raise it", show(cap), show(start));
        c.error("backoff.cap", text);
    }
    let pairs = [("start", start, safe.start), ("cap", cap, safe.cap), ("denied", denied, safe.denied)];
    for (key, value, safe) in pairs.into_iter().filter(|(_, value, safe)| value < safe) {
        let text = format!(
            "{} may get this exporter banned by the PBX's fail2ban; {} or more is safe",
            show(value),
            show(safe)
        );
        c.warning(&format!("backoff.{key}"), text);
    }
    Backoff { start, cap, denied }
}
