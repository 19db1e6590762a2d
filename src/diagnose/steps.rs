//! What each step says in a line, and whether it is worth a look. Pure.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use http::header::DATE;
use url::Url;

use super::Status;
use super::verdict::Counted;
use crate::causes;
use crate::domain::extensions::{Drift, Ids, Untold};
use crate::domain::moment::day;
use crate::domain::outcome::Attempt;
use crate::domain::target::is_loopback;
use crate::domain::{Answer, Listing, Reason, Target, Warning};
use crate::platform::{Permissions, Validity};
use crate::transport::{Certificate, Served};

/// Status and line.
pub(super) type Told = (Status, String);

/// A chain that ends sooner is worth a look.
const EXPIRES_SOON: f64 = 14.0 * DAY;
const DAY: f64 = 86_400.0;
/// Clocks further apart spoil expiry times and certificates.
const SKEW: f64 = 60.0;

pub(super) fn connected(address: std::net::SocketAddr, refused: &[String]) -> Told {
    if refused.is_empty() {
        return (Status::Ok, address.to_string());
    }
    (Status::Warn, format!("{address}, but not {}", refused.join(", ")))
}

pub(super) fn secured(target: &Target, served: &Served, chain: &[Certificate], now: f64) -> Told {
    let mut told = served.protocol.to_owned();
    let mut status = Status::Ok;
    if let (Some(leaf), Some(end)) = (chain.first(), chain.iter().map(|c| c.not_after).min()) {
        let left = end as f64 - now;
        let _ = write!(told, ", {}, signed by {}, chain valid until {}", leaf.subject, leaf.issuer, day(end));
        let _ = write!(told, " ({:.0} days)", (left / DAY).floor());
        if left < EXPIRES_SOON {
            status = Status::Warn;
            told += ": renew it now";
        }
    }
    if target.client.insecure_skip_verify {
        status = Status::Warn;
        told += "; not verified, because insecure_skip_verify is set: anyone could answer here";
    }
    (status, told)
}

/// What the server showed, for whoever has to fix it.
pub(super) fn chain(chain: &[Certificate]) -> Option<String> {
    let lines: Vec<_> = chain
        .iter()
        .map(|c| format!("{} signed by {}, until {}", c.subject, c.issuer, day(c.not_after)))
        .collect();
    (!lines.is_empty()).then(|| format!("the server sent: {}", lines.join("; then ")))
}

/// `now`: this machine's Unix seconds when the PBX answered, about.
pub(super) fn clock(answer: &Answer, now: f64) -> Told {
    let stated =
        answer.headers.get(DATE).and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
    let Some(stated) = stated.and_then(|time| time.duration_since(UNIX_EPOCH).ok()) else {
        return (Status::Skipped, "the answer has no Date header".to_owned());
    };
    let ahead = stated.as_secs_f64() - now;
    let apart =
        humantime::format_duration(Duration::try_from_secs_f64(ahead.abs().round()).unwrap_or_default());
    match ahead {
        // `Date` has whole seconds.
        ahead if ahead.abs() < 3.0 => (Status::Ok, "in sync with this host".to_owned()),
        ahead if ahead.abs() < SKEW => (Status::Ok, format!("{apart} off")),
        ahead => {
            let word = if ahead > 0.0 { "ahead of" } else { "behind" };
            let told = format!(
                "the clock there is {apart} {word} this host's: set both by NTP (`timedatectl` shows which is wrong); expiry times are \
                 wrong until then"
            );
            (Status::Warn, told)
        }
    }
}

pub(super) fn encryption(target: &Target) -> Told {
    if !target.is_plaintext() {
        return (Status::Ok, "credentials are sent over https".to_owned());
    }
    let open =
        |origin: &Url| origin.scheme() == "http" && !(is_loopback(origin) && target.client.proxy.is_none());
    let told = if open(&target.origin) {
        "credentials and token are sent unencrypted, over http: give the target its https url"
    } else if open(target.token_origin()) {
        "credentials are sent unencrypted, over http: give the token endpoint its https address (`auth.url`, \
         else the platform's own)"
    } else {
        return (Status::Ok, "over http, but only within this host".to_owned());
    };
    (Status::Warn, told.to_owned())
}

pub(super) fn content(lifetime: Option<Duration>, scopes: Option<&[String]>) -> Told {
    let lifetime = lifetime.map_or_else(
        || "no lifetime given".to_owned(),
        |lifetime| format!("valid for {}", humantime::format_duration(lifetime)),
    );
    match scopes {
        Some([]) => (Status::Warn, format!("{lifetime}; no scopes granted")),
        Some(scopes) => {
            let shown: Vec<_> = scopes.iter().take(8).map(|scope| printable(scope)).collect();
            let more =
                if scopes.len() > 8 { format!(" and {} more", scopes.len() - 8) } else { String::new() };
            (Status::Ok, format!("{lifetime}; scopes {}{more}", shown.join(" ")))
        }
        None => (Status::Ok, format!("{lifetime}; scopes not given")),
    }
}

/// Scopes have a small alphabet; what is outside it is not the PBX's vocabulary.
fn printable(scope: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || ":_-.*".contains(*c);
    scope.chars().filter(allowed).take(64).collect()
}

pub(super) fn permissions(permissions: &Permissions) -> Told {
    let count = permissions.queries.as_deref().map_or_else(String::new, |names| {
        let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        match names.len() {
            0 => ", no query allowed".to_owned(),
            n if permissions.may_list == Some(true) => format!(", {n} queries allowed"),
            1 => format!(", 1 query allowed ({shown})"),
            n if n > 5 => format!(", {n} queries allowed ({shown}, ...)"),
            n => format!(", {n} queries allowed ({shown})"),
        }
    });
    match (permissions.validity, permissions.may_list) {
        (Validity::Rejected, _) => (Status::Fail, Reason::TokenRejected.to_string()),
        (Validity::Unclear, _) => (Status::Warn, "the answer does not say".to_owned()),
        (Validity::Accepted, Some(true)) => {
            (Status::Ok, format!("token accepted{count}, including fetchAllExtensions"))
        }
        (Validity::Accepted, Some(false)) if permissions.needs_listing => {
            (Status::Warn, format!("token accepted{count}, but not fetchAllExtensions"))
        }
        (Validity::Accepted, _) => (Status::Ok, format!("token accepted{count}")),
    }
}

pub(super) fn listed(target: &Target, listing: Listing) -> Told {
    let told = match listing.total {
        Some(0) => return (Status::Warn, empty(target)),
        Some(1) => "1 extension".to_owned(),
        Some(total) => format!("{total} extensions"),
        None => "read; it gives no total".to_owned(),
    };
    (Status::Ok, told)
}

fn empty(target: &Target) -> String {
    if target.hides_failed_lists() {
        format!("0 extensions. {}", causes::of_warning(Warning::EmptyList))
    } else {
        "0 extensions: an empty PBX, or another than you think".to_owned()
    }
}

/// The list against the expected one, where one is configured.
pub(super) fn expected(drift: Option<&Result<Drift, Untold>>) -> Told {
    match drift {
        None => (Status::Skipped, "none configured".to_owned()),
        Some(Err(why)) => (Status::Warn, format!("not compared: {why}")),
        Some(Ok(drift)) if drift.is_any() => {
            let kinds = [("missing", &drift.missing), ("not expected", &drift.unexpected)];
            let kinds = kinds.into_iter().filter(|(_, ids)| ids.count > 0);
            let told: Vec<_> = kinds.map(|(word, ids)| differing(word, ids)).collect();
            let none = if drift.has_no_match() { format!(". {}", Drift::NO_MATCH) } else { String::new() };
            (Status::Warn, told.join("; ") + &none)
        }
        Some(Ok(drift)) => (Status::Ok, format!("all {} present, no others", drift.expected)),
    }
}

/// How many there are, and the first of them.
fn differing(word: &str, ids: &Ids) -> String {
    let shown: Vec<_> = ids.first.iter().take(5).map(|id| &**id).collect();
    let more = if ids.count > shown.len() as u64 { ", ..." } else { "" };
    format!("{} {word}: {}{more}", ids.count, shown.join(", "))
}

/// A short line: the verdict says what a difference means. `api`: the API's total, where it tells one.
pub(super) fn second_count(counted: &Counted, api: Option<u64>) -> Told {
    let told = counted.told();
    match (&counted.count, api) {
        (Err(why), _) => (Status::Warn, format!("no count: {why}")),
        (Ok(count), Some(api)) if *count != api => (Status::Warn, format!("{told}, the API lists {api}")),
        (Ok(_), Some(_)) => (Status::Ok, format!("{told} as well")),
        (Ok(0), None) => (Status::Warn, told),
        (Ok(_), None) => (Status::Ok, told),
    }
}

/// Requests left and when the limit resets, by the newest answer that tells.
pub(super) fn rate_limit(attempts: &[Attempt]) -> Told {
    let told = attempts.iter().rev().map(|attempt| attempt.rate_limit).find(|told| *told != (None, None));
    let (left, reset) = told.unwrap_or_default();
    let reset = reset.map_or_else(String::new, |seconds| {
        format!(", reset in {}", humantime::format_duration(Duration::from_secs(seconds)))
    });
    match left {
        None => (Status::Ok, "the answers show none".to_owned()),
        Some(0) => (Status::Warn, format!("no request left{reset}")),
        Some(left) => (Status::Ok, format!("{left} requests left{reset}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Grant;
    use crate::domain::target::Call;

    const NOW: f64 = 1_800_000_000.0;

    fn target(url: &str) -> Target {
        let url = url::Url::parse(url).expect("a URL");
        crate::sim::target::target("office", &url, Grant::ClientCredentials, Call::known("graphql"))
    }

    fn lasting(days: u64) -> Certificate {
        let not_after = 1_800_000_000 + days * 86_400;
        Certificate { subject: "CN=pbx.example.com".into(), issuer: "CN=A CA".into(), not_after }
    }

    #[test]
    fn the_first_certificate_to_end_decides_and_two_weeks_before_it_is_told() {
        let served = Served { protocol: "TLS 1.2" };
        for (chain, status, told) in [
            (vec![lasting(90), lasting(30)], Status::Ok, "(30 days)"),
            (vec![lasting(90), lasting(13)], Status::Warn, "(13 days): renew it now"),
            (vec![lasting(0)], Status::Warn, "(0 days)"),
            (vec![], Status::Ok, "TLS 1.2"),
        ] {
            let (got, line) = secured(&target("https://pbx.example.com"), &served, &chain, NOW);
            assert_eq!(got, status, "{line}");
            assert!(line.contains(told), "{line}");
        }
        let mut unverified = target("https://pbx.example.com");
        unverified.client.insecure_skip_verify = true;
        let (status, line) = secured(&unverified, &served, &[lasting(90)], NOW);
        assert_eq!(status, Status::Warn);
        assert!(line.contains("not verified"), "{line}");
    }

    #[test]
    fn plain_http_is_worth_a_warning_unless_it_stays_within_the_machine() {
        for (url, status) in [
            ("https://pbx.example.com", Status::Ok),
            ("http://pbx.example.com", Status::Warn),
            ("http://192.0.2.1:83", Status::Warn),
            ("http://127.0.0.1:8080", Status::Ok),
            ("http://[::1]", Status::Ok),
            ("http://localhost", Status::Ok),
        ] {
            assert_eq!(encryption(&target(url)).0, status, "{url}");
            let mut elsewhere = target("https://pbx.example.com");
            elsewhere.auth.origin = Some(Url::parse(url).expect("a URL"));
            let (found, told) = encryption(&elsewhere);
            assert_eq!(found, status, "{url}: {told}");
            assert_eq!(told.contains("`auth.url`"), status == Status::Warn, "{told}");
        }
    }

    #[test]
    fn a_token_is_told_by_lifetime_and_scopes_never_by_odd_letters() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        for (scopes, status, told) in [
            (Some(words(&["gql:core:read", "rest"])), Status::Ok, "valid for 1h; scopes gql:core:read rest"),
            (Some(words(&[])), Status::Warn, "valid for 1h; no scopes granted"),
            (None, Status::Ok, "valid for 1h; scopes not given"),
            (Some(words(&["a\u{1b}[31m\n"])), Status::Ok, "valid for 1h; scopes a31m"),
            (Some(words(&["a"; 10])), Status::Ok, "valid for 1h; scopes a a a a a a a a and 2 more"),
        ] {
            let told = (status, told.to_owned());
            assert_eq!(content(Some(Duration::from_secs(3600)), scopes.as_deref()), told);
        }
    }

    #[test]
    fn a_rate_limit_is_told_where_there_is_one() {
        for (limit, status, told) in [
            ((None, None), Status::Ok, "the answers show none"),
            ((Some(7), None), Status::Ok, "7 requests left"),
            ((Some(0), Some(90)), Status::Warn, "no request left, reset in 1m 30s"),
        ] {
            let told_before = Attempt { rate_limit: limit, ..Attempt::unsent(Grant::Password, Reason::Dns) };
            let silent = Attempt { rate_limit: (None, None), ..told_before };
            assert_eq!(rate_limit(&[told_before, silent]), (status, told.to_owned()));
        }
    }

    #[test]
    fn an_address_that_refuses_beside_one_that_connects_is_a_warning() {
        let address: std::net::SocketAddr = "192.0.2.1:443".parse().expect("an address");
        assert_eq!(connected(address, &[]).0, Status::Ok);
        let refused = ["[2001:db8::1]:443 (no answer)".to_owned()];
        let told = "192.0.2.1:443, but not [2001:db8::1]:443 (no answer)".to_owned();
        assert_eq!(connected(address, &refused), (Status::Warn, told));
    }
}
