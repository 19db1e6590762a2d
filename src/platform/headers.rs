//! What an answer's header fields say about when to come again.

use std::time::Duration;

use http::StatusCode;
use http::header::{DATE, RETRY_AFTER};

use crate::domain::{Answer, Failure, Target};

/// A longer `Retry-After` is taken for a mistake and cut to this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A reset above this many seconds is a point in Unix time, not a wait: it is 31 years.
const EPOCH_LIKE: u64 = 1_000_000_000;

/// `failure`, with the wait that `answer` asks for.
pub(super) fn with_retry_after(mut failure: Failure, answer: &Answer) -> Failure {
    let speaks = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status);
    failure.retry_after = speaks.then(|| retry_after(answer)).flatten();
    failure
}

/// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is read against the answer's own
/// `Date`, so that no clock but the far side's matters.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = text(answer, RETRY_AFTER.as_str())?;
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let then = httpdate::parse_http_date(value).ok()?;
        let now = httpdate::parse_http_date(text(answer, DATE.as_str())?).ok()?;
        then.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// Requests left and seconds until the budget is whole again, from the platform's own header fields, or from
/// `X-RateLimit-*`, `RateLimit-*` or `RateLimit`. A reset given as a point in time is read against the answer's own `Date`.
pub fn rate_limit(target: &Target, answer: &Answer) -> (Option<u64>, Option<u64>) {
    let number = |own: &Option<String>, names: [&str; 2]| match own {
        Some(name) => text(answer, name)?.parse::<u64>().ok(),
        None => names.iter().find_map(|name| text(answer, name)?.parse::<u64>().ok()),
    };
    let own = &target.platform.rate_limit;
    let mut remaining = number(&own.remaining, ["x-ratelimit-remaining", "ratelimit-remaining"]);
    let mut reset = number(&own.reset, ["x-ratelimit-reset", "ratelimit-reset"]);
    if let (None, None, Some(told)) = (remaining, &own.remaining, combined(answer)) {
        (remaining, reset) = told;
    }
    (remaining, reset.and_then(|reset| if reset < EPOCH_LIKE { Some(reset) } else { until(answer, reset) }))
}

/// The field of the IETF's drafts: `limit=60, remaining=50, reset=5`, or `"minute";r=50;t=5` for each window, of which the
/// nearest to its end counts.
fn combined(answer: &Answer) -> Option<(Option<u64>, Option<u64>)> {
    let text = text(answer, "ratelimit")?;
    let between = if text.contains("remaining=") { '\n' } else { ',' };
    let windows = text.split(between).filter_map(|window| {
        let member = |names: [&str; 2]| {
            let mut members = window.split([',', ';']).filter_map(|member| member.trim().split_once('='));
            members.find(|(name, _)| names.contains(name))?.1.parse::<u64>().ok()
        };
        Some((member(["remaining", "r"])?, member(["reset", "t"])))
    });
    windows.min().map(|(remaining, reset)| (Some(remaining), reset))
}

fn until(answer: &Answer, unix: u64) -> Option<u64> {
    let now = httpdate::parse_http_date(text(answer, DATE.as_str())?).ok()?;
    let now = now.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(unix.saturating_sub(now))
}

fn text<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::target::Call;
    use crate::domain::{Grant, Reason};
    use crate::sim::target::target;

    const NOW: (&str, &str) = ("date", "Sat, 21 Nov 2026 21:00:00 GMT");

    fn answer(status: u16, fields: &[(&'static str, &'static str)]) -> Answer {
        let headers = fields.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: bytes::Bytes::new(),
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_against_the_answers_own_date() {
        let later = ("retry-after", "Sat, 21 Nov 2026 21:02:00 GMT");
        let earlier = ("retry-after", "Sat, 21 Nov 2026 20:00:00 GMT");
        for (status, fields, expected) in [
            (429, vec![("retry-after", "17")], Some(17)),
            (503, vec![("retry-after", " 5 ")], Some(5)),
            (429, vec![later, NOW], Some(120)),
            (429, vec![earlier, NOW], Some(0)),
            (429, vec![later], None),
            (429, vec![("retry-after", "soon")], None),
            (429, vec![("retry-after", "-3")], None),
            (429, vec![("retry-after", "18446744073709551615")], Some(86_400)),
            (500, vec![("retry-after", "17")], None),
            (429, vec![], None),
        ] {
            let failure = with_retry_after(Failure::with(Reason::RateLimited), &answer(status, &fields));
            assert_eq!(failure.retry_after, expected.map(Duration::from_secs), "{status} {fields:?}");
        }
    }

    #[test]
    fn the_budget_is_read_from_either_family_of_headers() {
        let origin = url::Url::parse("https://pbx.example.com").unwrap();
        let target = target("pbx", &origin, Grant::Password, Call::known("graphql"));
        for (fields, expected) in [
            (vec![("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "60")], (Some(7), Some(60))),
            (vec![("ratelimit-remaining", "0"), ("ratelimit-reset", "1")], (Some(0), Some(1))),
            (vec![("x-ratelimit-reset", "1795294830"), NOW], (None, Some(30))),
            (vec![("x-ratelimit-reset", "1795294830")], (None, None)),
            (vec![("x-ratelimit-remaining", "many")], (None, None)),
            (vec![("ratelimit", "limit=60, remaining=50, reset=5")], (Some(50), Some(5))),
            (vec![("ratelimit", r#""hour";r=1700;t=900, "minute";r=50;t=5"#)], (Some(50), Some(5))),
            (vec![("ratelimit", r#""minute";r=0"#)], (Some(0), None)),
            (vec![("ratelimit", r#""minute";q=60"#)], (None, None)),
            (vec![("x-ratelimit-remaining", "7"), ("ratelimit", "remaining=3")], (Some(7), None)),
            (vec![], (None, None)),
        ] {
            assert_eq!(rate_limit(&target, &answer(200, &fields)), expected, "{fields:?}");
        }
    }
}
