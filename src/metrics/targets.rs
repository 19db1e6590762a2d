//! The families of the targets, written from a snapshot of the board.
//!
//! Belongs here: one static table of families with HELP and a writer each. Does not belong here:
//! spelling (`exposition`) or the order of targets and chunks (`scrape`).
//!
//! Zero counters are the bulk of an exposition, so each possible line end stands ready as a [`Tail`].

use crate::exposition::{ABSENT, Encoder, Format, Kind, Tail};

use super::view::{Call, View, Visit};
use crate::board::{BUCKETS, Code, TargetState};
use crate::domain::{Grant, LogEvent, Operation, Phase, Reason};

/// How the samples of a family are made.
enum Samples {
    /// At most one, a whole number.
    Count(fn(&Visit<'_>) -> Option<u64>),
    /// At most one, a float.
    Float(fn(&Visit<'_>) -> Option<f64>),
    /// Any number with further labels; name and label are set.
    Many(fn(&mut Encoder, &View<'_>)),
}

pub struct Family {
    /// The name of its samples; of a histogram, without suffix.
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    samples: Samples,
}

impl Family {
    /// Writes HELP and TYPE, after which come the targets.
    pub fn begin(&self, out: &mut Encoder) {
        out.header(self.name, self.kind, self.help);
        out.name(self.name);
    }

    /// Whether a target has at most one sample of this family, whose value is a [`Self::cell`].
    pub const fn is_single(&self) -> bool {
        !matches!(self.samples, Samples::Many(_))
    }

    pub fn cell(&self, visit: &Visit<'_>) -> u64 {
        match self.samples {
            Samples::Count(value) => value(visit),
            Samples::Float(value) => value(visit).map(f64::to_bits),
            Samples::Many(_) => None,
        }
        .unwrap_or(ABSENT)
    }

    /// Whether a [`Self::cell`] is a float's bits.
    pub const fn is_float(&self) -> bool {
        matches!(self.samples, Samples::Float(_))
    }

    pub fn write(&self, out: &mut Encoder, view: &View<'_>) {
        if let Samples::Many(write) = self.samples {
            out.target(&view.label);
            write(out, view);
        }
    }
}

macro_rules! families {
    ($($name:literal $kind:ident [$($label:literal)*] $samples:ident($write:expr), $help:literal;)+) => {
        /// Every family of the targets, in the order written; what is documented is checked against it.
        pub static FAMILIES: &[Family] = &[$(Family {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
            samples: Samples::$samples($write),
        }),+];
    };
}

families! {
    "pbx_up" Gauge [] Count(|v| v.state.up.map(u64::from)),
        "1 if the latest probe got the extensions list, else 0. Kept until the next probe ends; absent \
         before the first.";
    "pbx_endpoint_up" Gauge ["operation"] Many(endpoint_up),
        "1 if the latest request to the endpoint succeeded, else 0. Kept until the next request; absent \
         before the first, for a grant that requests no token, and while there is no token to call the \
         endpoint with.";
    "pbx_target_info" Info ["platform" "grant"] Many(target_info),
        "Always 1: constant facts of the target.";
    "pbx_target_condition" Gauge ["operation" "reason"] Many(condition),
        "1 for each operation that is failing, with the reason. Kept until the next request; absent while \
         the endpoint is up.";
    "pbx_target_cause" Gauge ["operation" "cause"] Many(cause),
        "1 for each operation that is failing, with the cause: what to fix, finer than the reason in \
         pbx_target_condition.";
    "pbx_probes_total" Counter [] Count(|v| Some(v.state.probes)),
        "Probes completed.";
    "pbx_probe_failures_total" Counter [] Count(|v| Some(v.state.probe_failures)),
        "Probes that did not get the extensions list.";
    "pbx_consecutive_failures" Gauge [] Count(|v| Some(v.state.consecutive_failures)),
        "Failed probes in a row, up to the latest.";
    "pbx_last_probe_timestamp_seconds" Gauge [] Float(|v| v.state.last_probe),
        "End of the latest probe, Unix seconds; absent before the first.";
    "pbx_last_success_timestamp_seconds" Gauge [] Float(|v| v.state.last_success),
        "End of the latest successful probe, Unix seconds; absent before the first.";
    "pbx_probe_interval_seconds" Gauge [] Float(|v| Some(v.state.wait.as_secs_f64()).filter(|wait| *wait > 0.0)),
        "Current wait between probes, seconds: the interval, shorter while failing, or the back-off; absent \
         before the first probe, unless that is postponed.";
    "pbx_token_age_seconds" Gauge [] Many(token_age),
        "Seconds since the current token was issued, computed at the scrape; absent without a token.";
    "pbx_token_issued_timestamp_seconds" Gauge [] Float(|v| v.state.token.map(|t| t.issued_unix)),
        "When the current token was issued, Unix seconds; absent without a token.";
    "pbx_token_expiry_timestamp_seconds" Gauge [] Float(|v| v.state.token.and_then(|t| t.expiry)),
        "When the current token expires, Unix seconds; absent without a token or if its lifetime is unknown.";
    "pbx_token_renewal_due_timestamp_seconds" Gauge [] Float(|v| v.state.renewal_due),
        "When the next token request is, or was, due by the renewal rule, Unix seconds; kept when the token \
         is dropped; absent before the first token and if no renewal is due.";
    "pbx_token_refreshes_total" Counter ["grant"] Many(refreshes),
        "Requests for a token, by the grant sent; absent for grants that this target does not use.";
    "pbx_token_refresh_failures_total" Counter ["grant" "reason"] Many(refresh_failures),
        "Requests for a token that failed, by the grant sent and the reason; absent for what cannot occur at \
         this target.";
    "pbx_token_rejections_total" Counter [] Count(|v| Some(v.state.token_rejections)),
        "Tokens that the API rejected before their expiry.";
    "pbx_permission_denials_total" Counter ["operation" "reason"] Many(denials),
        "Answers that deny access, whatever their status. ajax_declined is a wrong address or a missing \
         rewrite rule, not a missing permission.";
    "pbx_requests_total" Counter ["operation" "code"] Many(requests),
        "Requests by the HTTP status code of the answer; code is other outside 100 to 599 and none if there \
         was no answer. Absent for codes not yet seen, except 200.";
    "pbx_request_failures_total" Counter ["operation" "reason"] Many(request_failures),
        "Requests to protected resources that failed, by reason; absent for what cannot occur at this target. Token requests: pbx_token_refresh_failures_total.";
    "pbx_request_duration_seconds" Histogram ["operation"] Many(durations),
        "Duration of HTTP requests until the end of the answer, also of failed ones, in seconds.";
    "pbx_request_phase_seconds" Gauge ["operation" "phase"] Many(phases),
        "Seconds spent in each phase of the latest request, kept until the next; absent for a phase that did \
         not take place.";
    "pbx_extensions" Gauge [] Count(|v| v.state.extensions),
        "Extensions by the platform's total, as of the latest probe; absent while the list fails or the \
         total is unknown.";
    "pbx_rate_limit_remaining" Gauge [] Count(|v| v.state.rate_limit_remaining),
        "Requests left in the budget, by the headers of the latest answer; absent if they do not say.";
    "pbx_rate_limit_reset_timestamp_seconds" Gauge [] Float(|v| v.state.rate_limit_reset),
        "When the request budget is restored, by the headers of the latest answer, Unix seconds; absent if \
         they do not say.";
    "pbx_certificate_expiry_timestamp_seconds" Gauge [] Float(certificate_expiry),
        "Earliest notAfter of the certificate chain served at the latest handshake, also of a failed one, \
         Unix seconds; with a token endpoint on another host, the earlier of the two; absent without https.";
    "pbx_credentials_plaintext" Gauge [] Count(|v| Some(u64::from(v.info.plaintext))),
        "1 if credentials travel over http://, unencrypted, else 0.";
    "pbx_version_info" Info ["version" "engine"] Many(version),
        "Always 1: release of the PBX and its telephony engine, as of the latest version query; absent \
         unless that query is enabled and answered.";
    "pbx_log_events_total" Counter ["kind"] Many(log_events),
        "API-related records in the PBX's own logs since the exporter started reading them, of all clients \
         including the exporter; absent if no log is configured.";
    "pbx_extensions_expected" Gauge [] Count(|v| v.state.drift().map(|drift| drift.expected)),
        "Extensions that should exist, by the configured list; absent without one, while either list cannot \
         be read, and before the first probe.";
    "pbx_extensions_missing" Gauge [] Count(|v| v.state.drift().map(|drift| drift.missing.count)),
        "Extensions expected but not listed by the latest probe; absent with pbx_extensions_expected.";
    "pbx_extensions_unexpected" Gauge [] Count(|v| v.state.drift().map(|drift| drift.unexpected.count)),
        "Extensions listed by the latest probe but not expected; absent with pbx_extensions_expected.";
    "pbx_extensions_reference" Gauge ["source"] Many(host_count),
        "Extensions counted on the PBX host itself, without its API, as of the latest count; source says \
         what counted them. Absent unless configured, and while the count fails.";
}

/// One [`Tail`] for each operation, with further labels.
macro_rules! tails {
    ($of:ident, $label:literal) => {{
        let mut tails = [Tail::PLAIN; $of::COUNT];
        let mut i = 0;
        while i < tails.len() {
            tails[i] = Tail::new(&[($label, $of::ALL[i].as_str())]);
            i += 1;
        }
        tails
    }};
    ($outer:ident, $outer_label:literal, $inner_label:literal, $values:expr) => {{
        let mut tails = [[Tail::PLAIN; $values.len()]; $outer::COUNT];
        let mut i = 0;
        while i < tails.len() {
            let mut j = 0;
            while j < tails[i].len() {
                tails[i][j] =
                    Tail::new(&[($outer_label, $outer::ALL[i].as_str()), ($inner_label, $values[j])]);
                j += 1;
            }
            i += 1;
        }
        tails
    }};
}

/// The label values of a closed enum.
macro_rules! names {
    ($of:ident) => {{
        let mut names = [""; $of::ALL.len()];
        let mut i = 0;
        while i < names.len() {
            names[i] = $of::ALL[i].as_str();
            i += 1;
        }
        names
    }};
}

const REASONS: [&str; Reason::COUNT] = names!(Reason);
const PHASES: [&str; Phase::ALL.len()] = names!(Phase);
/// [`BUCKETS`] as label values, then `+Inf`; a test holds them equal to the encoder's spelling.
const BOUNDS: [&str; BUCKETS.len() + 1] =
    ["0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];
/// The same in OpenMetrics.
const OPEN_BOUNDS: [&str; BUCKETS.len() + 1] =
    ["0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"];

static OPERATION: [Tail; Operation::COUNT] = tails!(Operation, "operation");
static GRANT: [Tail; Grant::COUNT] = tails!(Grant, "grant");
static LOG_EVENT: [Tail; LogEvent::COUNT] = tails!(LogEvent, "kind");
static OPERATION_OK: [[Tail; 1]; Operation::COUNT] = tails!(Operation, "operation", "code", ["200"]);
static OPERATION_REASON: [[Tail; Reason::COUNT]; Operation::COUNT] =
    tails!(Operation, "operation", "reason", REASONS);
static GRANT_REASON: [[Tail; Reason::COUNT]; Grant::COUNT] = tails!(Grant, "grant", "reason", REASONS);
static OPERATION_PHASE: [[Tail; PHASES.len()]; Operation::COUNT] =
    tails!(Operation, "operation", "phase", PHASES);
static OPERATION_BOUND: [[Tail; BOUNDS.len()]; Operation::COUNT] =
    tails!(Operation, "operation", "le", BOUNDS);
static OPERATION_OPEN_BOUND: [[Tail; BOUNDS.len()]; Operation::COUNT] =
    tails!(Operation, "operation", "le", OPEN_BOUNDS);

/// Of the moment of the scrape, unlike all else.
fn token_age(out: &mut Encoder, view: &View<'_>) {
    if let Some(issued) = view.issued {
        let age = view.now.saturating_duration_since(issued);
        // Milliseconds: more digits mean nothing.
        let millis = age.as_secs() * 1000 + u64::from((age.subsec_micros() + 500) / 1000);
        out.line_float(&Tail::PLAIN, millis as f64 / 1000.0);
    }
}

fn certificate_expiry(view: &Visit<'_>) -> Option<f64> {
    let served = view.state.certificate_expiry.into_iter().flatten();
    served.min_by(f64::total_cmp).filter(|_| view.info.https)
}

fn endpoint_up(out: &mut Encoder, view: &View<'_>) {
    for call in view.calls {
        if let Some(up) = call.up {
            out.line(&OPERATION[call.operation.index()], u64::from(up));
        }
    }
}

fn target_info(out: &mut Encoder, view: &View<'_>) {
    out.line_labels(&[("platform", &*view.info.platform), ("grant", view.info.grant.as_str())], 1);
}

fn condition(out: &mut Encoder, view: &View<'_>) {
    if let Some(rest) = &view.rest {
        for Call { operation, .. } in view.calls {
            if let Some(condition) = &rest.state.endpoint(*operation).condition {
                out.line(&OPERATION_REASON[operation.index()][condition.reason.index()], 1);
            }
        }
    }
}

fn cause(out: &mut Encoder, view: &View<'_>) {
    if let Some(rest) = &view.rest {
        for Call { operation, .. } in view.calls {
            if let Some(condition) = &rest.state.endpoint(*operation).condition {
                out.line_labels(&[("operation", operation.as_str()), ("cause", &condition.cause)], 1);
            }
        }
    }
}

fn refreshes(out: &mut Encoder, view: &View<'_>) {
    for (grant, requests) in view.grants {
        out.line(&GRANT[grant.index()], *requests);
    }
}

fn refresh_failures(out: &mut Encoder, view: &View<'_>) {
    for (grant, _) in view.grants {
        let count = |state: &TargetState, reason| {
            state.grants.iter().filter(|c| c.grant == *grant).map(|c| c.failures[reason]).sum()
        };
        failures(out, view, Operation::Token, COUNTED, &GRANT_REASON[grant.index()], count);
    }
}

fn request_failures(out: &mut Encoder, view: &View<'_>) {
    for call in view.calls.iter().filter(|call| call.operation != Operation::Token) {
        of_operation(out, view, call.operation, COUNTED);
    }
}

fn denials(out: &mut Encoder, view: &View<'_>) {
    for call in view.calls {
        of_operation(out, view, call.operation, DENIALS);
    }
}

fn of_operation(out: &mut Encoder, view: &View<'_>, operation: Operation, among: u32) {
    let count = |state: &TargetState, reason| state.endpoint(operation).failures[reason];
    failures(out, view, operation, among, &OPERATION_REASON[operation.index()], count);
}

/// One line for each reason `among` those that can occur at `operation`, and for whatever did occur.
#[inline]
fn failures(
    out: &mut Encoder,
    view: &View<'_>,
    operation: Operation,
    among: u32,
    tails: &[Tail; Reason::COUNT],
    count: impl Fn(&TargetState, usize) -> u32,
) {
    let zero = view.zero[operation.index()] & among;
    let Some(rest) = view.rest.as_ref().filter(|rest| rest.state.endpoint(operation).failures.any()) else {
        return out.zeros(tails, zero);
    };
    for (reason, tail) in tails.iter().enumerate().filter(|(reason, _)| among & 1 << reason != 0) {
        let count = count(&rest.state, reason);
        if zero & 1 << reason != 0 || count != 0 {
            out.line(tail, count.into());
        }
    }
}

/// All reasons except `authorization_required`, a condition that no counter has.
const COUNTED: u32 = ((1 << Reason::COUNT) - 1) & !(1 << Reason::AuthorizationRequired.index());
/// The reasons of `pbx_permission_denials_total`.
const DENIALS: u32 = {
    let mut bits = 0;
    let mut i = 0;
    while i < Reason::COUNT {
        if Reason::ALL[i].is_denial() {
            bits |= 1 << i;
        }
        i += 1;
    }
    bits
};

fn requests(out: &mut Encoder, view: &View<'_>) {
    for Call { operation, ok, .. } in view.calls {
        out.line(&OPERATION_OK[operation.index()][0], *ok);
        let Some(rest) = &view.rest else { continue };
        for (code, count) in &rest.state.endpoint(*operation).others {
            let mut digits = itoa::Buffer::new();
            let text = match *code {
                Code::NONE => "none",
                Code(100..=599) => digits.format(code.0),
                Code(_) => "other",
            };
            out.line_labels(&[("operation", operation.as_str()), ("code", text)], *count);
        }
    }
}

fn durations(out: &mut Encoder, view: &View<'_>) {
    let tails = if out.format() == Format::Text { &OPERATION_BOUND } else { &OPERATION_OPEN_BOUND };
    for Call { operation, durations, .. } in view.calls {
        out.name("pbx_request_duration_seconds_bucket");
        out.target(&view.label);
        let count = out.cumulative(&tails[operation.index()], &durations.counts);
        out.name("pbx_request_duration_seconds_sum");
        out.target(&view.label);
        out.line_float(&OPERATION[operation.index()], durations.sum);
        out.name("pbx_request_duration_seconds_count");
        out.target(&view.label);
        out.line(&OPERATION[operation.index()], count);
    }
}

fn phases(out: &mut Encoder, view: &View<'_>) {
    for Call { operation, phases: p, .. } in view.calls {
        let values = [p.resolve, p.connect, p.tls, p.processing, p.transfer];
        for (tail, value) in OPERATION_PHASE[operation.index()].iter().zip(values) {
            if let Some(value) = value {
                out.line_float(tail, value.into());
            }
        }
    }
}

fn version(out: &mut Encoder, view: &View<'_>) {
    if let Some(rest) = &view.rest
        && let Some(version) = &rest.state.version
    {
        out.line_labels(&[("version", &version.version), ("engine", &version.engine)], 1);
    }
}

fn log_events(out: &mut Encoder, view: &View<'_>) {
    if let Some(rest) = &view.rest
        && let Some(log) = &rest.log
    {
        for (tail, counted) in LOG_EVENT.iter().zip(log.events) {
            out.line(tail, counted.count);
        }
    }
}

fn host_count(out: &mut Encoder, view: &View<'_>) {
    if let Some(rest) = &view.rest
        && let Some(host_count) = &rest.host_count
        && let Ok(count) = host_count.count
    {
        out.line_labels(&[("source", host_count.kind.as_str())], count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_the_board() {
        for (i, bound) in BUCKETS.into_iter().enumerate() {
            assert_eq!(BOUNDS[i], bound.to_string());
            assert_eq!(OPEN_BOUNDS[i], format!("{bound:?}"));
        }
    }

    #[test]
    fn names_follow_their_kinds() {
        for family in FAMILIES {
            assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{}", family.name);
            assert_eq!(family.name.ends_with("_info"), family.kind == Kind::Info, "{}", family.name);
        }
    }
}
