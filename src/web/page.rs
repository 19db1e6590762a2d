//! The page for people: every target, the failing first, without script.
//!
//! Belongs here: how the board reads. `maud` escapes whatever is interpolated.

use std::sync::Arc;

use axum::http::{HeaderName, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{drift, host_count_rows};
use crate::board::{Condition, LogState, Slot, TargetState};
use crate::causes;
use crate::domain::moment::http_date;
use crate::domain::{LogEvent, Operation, Phases};

const STYLE: &str = include_str!("style.css");

/// No script, no image, nothing from elsewhere: the one style by its hash (CSP level 2).
pub const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'sha256-rx9pcgm4YvigiyX/dyX2CwApOJGwHZe4mAzm5uKOE/Q='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];

/// How a target is, in the order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    Failing,
    /// The list still comes, and something else fails: mostly the token endpoint.
    Warning,
    /// Not probed so far, because this PBX refuses other targets.
    PutOff,
    Pending,
    Up,
}

impl Health {
    const ALL: [Self; 5] = [Self::Failing, Self::Warning, Self::PutOff, Self::Pending, Self::Up];

    fn of(state: &TargetState, now: f64) -> Self {
        match state.up {
            None if put_off(state, now).is_some() => Self::PutOff,
            None => Self::Pending,
            Some(false) => Self::Failing,
            Some(true)
                if state.condition().is_some()
                    || drift::is_odd(state)
                    || state.warnings().next().is_some() =>
            {
                Self::Warning
            }
            Some(true) => Self::Up,
        }
    }

    /// Class of the badge, its sign (not colour alone), its words.
    const fn badge(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Failing => ("failing", "✕", "failing"),
            Self::Warning => ("warning", "!", "warning"),
            Self::PutOff => ("warning", "‖", "put off"),
            Self::Pending => ("pending", "…", "not yet probed"),
            Self::Up => ("up", "✓", "up"),
        }
    }
}

struct Row {
    health: Health,
    slot: Arc<Slot>,
    state: Arc<TargetState>,
}

/// The page at `now`, Unix seconds.
/// `stale` says that the web configuration file cannot be used.
pub fn render(slots: &[Arc<Slot>], now: f64, telemetry_path: &str, stale: bool) -> String {
    let mut rows: Vec<Row> = slots.iter().map(|slot| row(slot, now)).collect();
    rows.sort_by(|a, b| (a.health, &a.slot.info.name).cmp(&(b.health, &b.slot.info.name)));
    let failing = count(&rows, Health::Failing);
    let title = html! {
        meta http-equiv="refresh" content="30";
        title { @if failing > 0 { "(" (failing) " failing) " } "pbx_exporter" }
    };
    let main = html! {
        @if stale {
            p role="alert" {
                strong { "The web configuration file cannot be used: " }
                "the last good one stays in force. The log says why."
            }
        }
        @if rows.is_empty() { (empty()) } @else { (table(&rows, now)) }
    };
    document(&title, &head(&rows, telemetry_path), &main)
}

pub(super) fn document(title: &Markup, header: &Markup, main: &Markup) -> String {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                (title)
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header)
                main { (main) }
            }
        }
    };
    document.into_string()
}

fn row(slot: &Arc<Slot>, now: f64) -> Row {
    let state = slot.state();
    Row { health: Health::of(&state, now), slot: Arc::clone(slot), state }
}

fn count(rows: &[Row], health: Health) -> usize {
    rows.iter().filter(|row| row.health == health).count()
}

/// Links are relative, so that the page works behind a proxy that adds a path.
fn head(rows: &[Row], telemetry_path: &str) -> Markup {
    html! {
        header {
            h1 { "pbx_exporter " small { (env!("CARGO_PKG_VERSION")) } }
            nav {
                a href=(format!(".{telemetry_path}")) { "Metrics" }
                a href="./-/ready" { "Ready" }
                a href="./-/healthy" { "Healthy" }
            }
            ul {
                @for health in Health::ALL {
                    @let n = count(rows, health);
                    @if n > 0 { li { (badge(health, Some(n))) } }
                }
            }
        }
    }
}

fn badge(health: Health, count: Option<usize>) -> Markup {
    let (class, sign, words) = health.badge();
    html! {
        span class={ "badge " (class) } {
            span aria-hidden="true" { (sign) } " "
            @if let Some(count) = count { (count) " " }
            (words)
        }
    }
}

fn empty() -> Markup {
    html! {
        p.empty { "No target is configured. " span.dim { "Add one to the configuration and reload." } }
    }
}

fn table(rows: &[Row], now: f64) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "State" } th scope="col" { "Target" } th scope="col" { "What is wrong, and the fix" }
                    th scope="col" { "Token" } th scope="col" { "Probe" } th.count scope="col" { "Extensions" }
                }
            }
            tbody { @for row in rows { (target(row, now)) } }
        }
    }
}

fn target(row: &Row, now: f64) -> Markup {
    let (info, state) = (&row.slot.info, &*row.state);
    let id = anchor(&info.name);
    let put_off = put_off(state, now);
    let when = next(state, put_off).map(|_| "Probe");
    let counted = row.slot.host_count();
    html! {
        tr id=(id) {
            td { (badge(row.health, None)) }
            td.name { a href={ "#" (id) } { (info.name) } span.dim { (info.origin) } }
            td.why {
                @if let Some(until) = put_off { (why_put_off(until, now)) }
                @for (operation, condition) in state.conditions() { (why(operation, condition, now)) }
                @for (operation, warning) in state.warnings() {
                    p { code { (operation) ": " (warning) } br; (causes::of_warning(warning)) }
                }
                (drift::paragraph(state))
                @if let Some(counted) = &counted { (host_count_rows::hint(counted, state, now)) }
                @if let Some(log) = row.slot.log() { (logs(&row.slot, &log, now)) }
            }
            td.when data-label=[state.token.map(|_| "Token")] { (token(state, now)) }
            td.when data-label=[when] { (probe(state, put_off, now)) }
            td.count data-label=[(state.extensions.is_some() || counted.is_some()).then_some("Extensions")] {
                @if let Some(extensions) = state.extensions { (extensions) }
                @if let Some(counted) = &counted { (host_count_rows::count(counted, state)) }
            }
        }
    }
}

fn why(operation: Operation, condition: &Condition, now: f64) -> Markup {
    html! {
        p {
            code title={ "cause: " (condition.cause) } { (operation) ": " (condition.reason) } " "
            span.dim { "for " (moment(condition.since, now - condition.since)) }
            br;
            (condition.diagnosis)
        }
    }
}

/// Until when probes are put off, Unix seconds, if they are.
fn put_off(state: &TargetState, now: f64) -> Option<f64> {
    state.put_off.filter(|until| *until > now)
}

fn why_put_off(until: f64, now: f64) -> Markup {
    html! {
        p {
            "Not probed for another " (moment(until, until - now))
            @if let Some(date) = http_date(until) { " (until " (date[17..22]) " UTC)" }
            ": this PBX rejected many requests lately, and one more rejection could make fail2ban ban this exporter. The cause \
             is the targets with a reason on the same PBX; see " code { "limits.refusals_per_origin" } "."
        }
    }
}

/// What the PBX's own logs told, the newest first, and which of them cannot be followed.
fn logs(slot: &Slot, log: &LogState, now: f64) -> Markup {
    let seen = LogEvent::ALL.iter().zip(log.events).filter_map(|(kind, c)| Some((kind, c.count, c.newest?)));
    let mut seen: Vec<_> = seen.collect();
    seen.sort_by(|a, b| b.2.total_cmp(&a.2));
    let problems = slot.info.log.iter().zip(&log.problems).filter_map(|(file, p)| Some((file, p.as_ref()?)));
    html! {
        @for (file, problem) in problems {
            p {
                code { "log" } " " span.dim { "for " (moment(problem.since, now - problem.since)) }
                br;
                (file.path.display()) " " (problem.text)
            }
        }
        @if !seen.is_empty() {
            p.dim {
                "In the PBX's own logs: "
                @for (i, (kind, count, newest)) in seen.into_iter().enumerate() {
                    @if i > 0 { ", " }
                    code { (kind) } " " (count) " (" (moment(newest, now - newest)) " ago)"
                }
            }
        }
    }
}

fn token(state: &TargetState, now: f64) -> Markup {
    html! {
        @if let Some(token) = state.token {
            (moment(token.issued_unix, now - token.issued_unix)) " old"
            @if let Some(expiry) = token.expiry {
                span.dim {
                    @if expiry > now { "expires in " (moment(expiry, expiry - now)) } @else { "expired" }
                }
            }
        }
    }
}

fn probe(state: &TargetState, put_off: Option<f64>, now: f64) -> Markup {
    html! {
        @if let Some(last) = state.last_probe {
            (moment(last, now - last)) " ago"
            @if let Some(seconds) = list_took(state) { ", took " (duration(seconds)) }
        }
        @if let Some(next) = next(state, put_off) {
            span.dim { @if next > now { "next in " (moment(next, next - now)) } @else { "next is due" } }
        }
    }
}

/// When the next probe is due, Unix seconds; unknown before the first, which the timetable spreads.
fn next(state: &TargetState, put_off: Option<f64>) -> Option<f64> {
    let planned = state.last_probe.map(|last| last + state.wait.as_secs_f64());
    put_off.into_iter().chain(planned).reduce(f64::max)
}

/// Seconds that the newest exchange for the list took, while the list can be called.
fn list_took(state: &TargetState) -> Option<f32> {
    let endpoint = state.endpoint(Operation::Extensions);
    let Phases { resolve, connect, tls, processing, transfer } = endpoint.phases;
    let phases = [resolve, connect, tls, processing, transfer];
    let took = phases.into_iter().flatten().reduce(|sum, phase| sum + phase);
    endpoint.up.and(took)
}

/// A short time: `85 ms`, `1.2 s`.
fn duration(seconds: f32) -> String {
    if seconds < 0.9995 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// A length of time in words, with the moment it leads to as tooltip.
pub(super) fn moment(unix: f64, seconds: f64) -> Markup {
    html! { span title=[http_date(unix)] { (words(seconds)) } }
}

/// The two largest units: `45 s`, `6 min`, `1 h 6 min`, `3 d 4 h`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; cut to 0 first")]
fn words(seconds: f64) -> String {
    let s = seconds.max(0.0) as u64;
    let two = |large: u64, a: &str, small: u64, b: &str| match small {
        0 => format!("{large} {a}"),
        _ => format!("{large} {a} {small} {b}"),
    };
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => two(s / 3600, "h", s % 3600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

/// An id without spaces, different for different names: the name percent-encoded, as links from elsewhere have it.
fn anchor(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    #[test]
    fn the_policy_holds_the_hash_of_the_style() {
        let hash = ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes());
        let source = format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(hash));
        assert!(HEADERS[4].1.contains(&source), "the style changed: put {source} into HEADERS");
    }

    #[test]
    fn lengths_of_time_are_told_by_their_two_largest_units() {
        for (seconds, text) in [
            (-1.0, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min"),
            (3599.0, "59 min"),
            (3600.0, "1 h"),
            (4000.0, "1 h 6 min"),
            (86_400.0 * 3.2, "3 d 4 h"),
            (f64::NAN, "0 s"),
        ] {
            assert_eq!(words(seconds), text);
        }
    }

    #[test]
    fn short_times_are_told_in_milliseconds_then_in_tenths() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.0849, "85 ms"),
            (0.9994, "999 ms"),
            (0.9996, "1.0 s"),
            (1.24, "1.2 s"),
            (30.0, "30.0 s"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn an_id_is_the_name_as_an_address_has_it() {
        assert_eq!(anchor("branch (north)+1"), "branch%20%28north%29%2B1");
    }

    #[test]
    fn an_absurd_moment_has_no_tooltip() {
        for unix in [-1.0, 1e18, f64::INFINITY, f64::NAN] {
            assert_eq!(moment(unix, 5.0).into_string(), "<span>5 s</span>");
        }
    }
}
