//! The panels of `pbx-target` that show a course over time.

use serde_json::json;

use super::build::steps;
use super::panel::Panel;
use super::target::DAY;

pub fn saw_tooth() -> Panel {
    let oldest = "topk(10, max_over_time(pbx_token_age_seconds{S}[$__range] @ end()))";
    let issued = "pbx_token_issued_timestamp_seconds{S}";
    Panel::lines(
        "Token age over time",
        "s",
        "The age grows until the token is renewed: a saw-tooth. It should turn back at the renewal line; past it renewals \
         fail, and at the expiry line the token is dead. Of more than ten targets, the ten oldest tokens.",
    )
    .query(&format!("pbx_token_age_seconds{{S}} and {oldest}"), "{{target}}")
    .query(
        &format!("pbx_token_expiry_timestamp_seconds{{S}} - {issued} and {oldest}"),
        "{{target}} expiry",
    )
    .query(
        &format!("pbx_token_renewal_due_timestamp_seconds{{S}} - {issued} and {oldest}"),
        "{{target}} renewal due",
    )
    .custom("fillOpacity", json!(0))
    .limit("/ expiry$/", "red")
    .limit("/ renewal due$/", "orange")
}

pub fn refreshes() -> Panel {
    Panel::bars(
        "Token requests by grant",
        "Token requests a minute, by the grant that was sent; tokens that the API \
         rejected before their expiry.",
    )
    .query("sum by (grant) (rate(pbx_token_refreshes_total{S}[$__rate_interval])) * 60", "{{grant}}")
    .query("sum(rate(pbx_token_rejections_total{S}[$__rate_interval])) * 60", "rejected by the API")
    .field("rejected by the API", &[("color", json!({"mode": "fixed", "fixedColor": "red"}))])
}

/// What happened a minute by reason; a reason that did not occur has no line.
fn by_reason(title: &str, description: &str, family: &str) -> Panel {
    let expression = format!("sum by (reason) (rate({family}{{S}}[$__rate_interval])) * 60 > 0");
    Panel::bars(title, description).query(&expression, "{{reason}}").colored_by_reason()
}

pub fn refresh_failures() -> Panel {
    by_reason(
        "Failed token requests by reason",
        "Token requests a minute that brought no token. Few are sent during a back-off: the panel above shows how long it lasts.",
        "pbx_token_refresh_failures_total",
    )
}

pub fn denials() -> Panel {
    by_reason(
        "Permission denials by reason",
        "Answers that deny access, a minute, of all endpoints. ajax_declined is a wrong address or a missing rewrite, not a permission.",
        "pbx_permission_denials_total",
    )
}

pub fn failures() -> Panel {
    by_reason(
        "Failed API requests by reason",
        "Requests for the list or the version that failed, a minute.",
        "pbx_request_failures_total",
    )
}

pub fn heat() -> Panel {
    Panel::heat(
        "Latency of all requests",
        "How long HTTP exchanges took, failed ones too: requests a minute in each bucket.",
        "Oranges",
        "sum by (le) (rate(pbx_request_duration_seconds_bucket{S}[$__rate_interval])) * 60",
    )
}

pub fn quantiles() -> Panel {
    let bucket = "sum by (operation, le) (rate(pbx_request_duration_seconds_bucket{S}[$__rate_interval]))";
    let rate = |of: &str| {
        format!("sum by (operation) (rate(pbx_request_duration_seconds_{of}{{S}}[$__rate_interval]))")
    };
    Panel::lines(
        "Latency by endpoint",
        "s",
        "Mean and 95th percentile of the duration of an HTTP exchange, by the buckets above.",
    )
    .query(&format!("{} / {}", rate("sum"), rate("count")), "{{operation}} mean")
    .query(&format!("histogram_quantile(0.95, {bucket})"), "{{operation}} p95")
}

pub fn phases(operation: &str, name: &str) -> Panel {
    Panel::lines(
        &format!("Phases of the {name} request"),
        "s",
        "Where the time of the latest exchange went, as the mean of the selected targets; a phase that did not happen is absent.",
    )
    .query(&format!("avg by (phase) (pbx_request_phase_seconds{{S, operation=\"{operation}\"}})"), "{{phase}}")
    .custom("fillOpacity", json!(50))
    .stacked()
}

pub fn answers() -> Panel {
    Panel::bars(
        "Answers by status code",
        "HTTP answers a minute, by operation and status code; none means no answer.",
    )
    .query(
        "sum by (operation, code) (rate(pbx_requests_total{S}[$__rate_interval])) * 60 > 0",
        "{{operation}} {{code}}",
    )
}

pub fn extensions() -> Panel {
    let most = "topk(20, max_over_time(pbx_extensions{S}[$__range] @ end()))";
    Panel::lines(
        "Extensions",
        "none",
        "By the PBX's API, by the configured list, and by the second count on the PBX host; each only where there is one. \
         Of more than twenty targets, the twenty with the most.",
    )
    .query(&format!("pbx_extensions{{S}} and on (J) {most}"), "{{target}} listed")
    .query(&format!("pbx_extensions_expected{{S}} and on (J) {most}"), "{{target}} expected")
    .query(&format!("pbx_extensions_reference{{S}} and on (J) {most}"), "{{target}} counted by {{source}}")
    .custom("fillOpacity", json!(0))
    .limit("/ expected$/", "orange")
    .limit("/ counted by /", "blue")
}

pub fn missing() -> Panel {
    Panel::lines(
        "Missing and unexpected",
        "none",
        "Extensions expected and not listed, and listed and not expected, all selected targets together; empty without a list.",
    )
    .query("sum(pbx_extensions_missing{S})", "missing")
    .query("sum(pbx_extensions_unexpected{S})", "unexpected")
    .field("missing", &[("color", json!({"mode": "fixed", "fixedColor": "red"}))])
    .field("unexpected", &[("color", json!({"mode": "fixed", "fixedColor": "orange"}))])
}

pub fn probes() -> Panel {
    Panel::bars("Probes", "Probes a minute, and those that did not get the list.")
        .query("sum(rate(pbx_probes_total{S}[$__rate_interval]) - rate(pbx_probe_failures_total{S}[$__rate_interval])) * 60", "successful")
        .query("sum(rate(pbx_probe_failures_total{S}[$__rate_interval])) * 60", "failed")
        .field("successful", &[("color", json!({"mode": "fixed", "fixedColor": "green"}))])
        .field("failed", &[("color", json!({"mode": "fixed", "fixedColor": "red"}))])
}

pub fn waits() -> Panel {
    Panel::lines(
        "Wait between probes",
        "s",
        "The current wait: the interval, shorter after a failure, longer while backing off. Shortest and \
         longest of the selected targets, and how long ago the latest probe of each was at most.",
    )
    .query("max(pbx_probe_interval_seconds{S})", "longest")
    .query("min(pbx_probe_interval_seconds{S})", "shortest")
    .query("max(time() - pbx_last_probe_timestamp_seconds{S})", "since the latest probe")
}

pub fn log_events() -> Panel {
    Panel::bars(
        "Records of the PBX's own logs",
        "API-related records a minute by kind, from all clients of the PBX; empty if no log is followed.",
    )
    .query("sum by (kind) (rate(pbx_log_events_total{S}[$__rate_interval])) * 60", "{{kind}}")
}

/// A line a target, at most twenty.
fn lowest(title: &str, unit: &str, description: &str, family: &str, expression: &str) -> Panel {
    let lowest = format!("bottomk(20, min_over_time({family}{{S}}[$__range] @ end()))");
    Panel::lines(title, unit, description)
        .query(&format!("{expression} and {lowest}"), "{{target}}")
        .custom("fillOpacity", json!(0))
}

pub fn rate_limit() -> Panel {
    let family = "pbx_rate_limit_remaining";
    lowest(
        "Requests left",
        "none",
        "Requests left in the budget, if the PBX reports it; of more than twenty targets, the twenty with the fewest.",
        family,
        &format!("{family}{{S}}"),
    )
}

pub fn reset() -> Panel {
    let family = "pbx_rate_limit_reset_timestamp_seconds";
    lowest(
        "Budget restored in",
        "s",
        "Time until the request budget is restored, if the PBX reports it; below 0 it was restored since the latest answer.",
        family,
        &format!("{family}{{S}} - time()"),
    )
}

pub fn certificates() -> Panel {
    Panel::new(
        "bargauge",
        "Certificates",
        "s",
        "Time until the first certificate of the served chain expires; the twenty that expire first.",
    )
    .now("sort(bottomk(20, pbx_certificate_expiry_timestamp_seconds{S} - time()))", "{{target}}")
    .default("thresholds", steps("red", &[(7.0 * DAY, "orange"), (21.0 * DAY, "green")]))
    .default("color", json!({"mode": "thresholds"}))
    .default("decimals", json!(0))
    .default("min", json!(0))
    .default("max", json!(90.0 * DAY))
    .option("orientation", json!("horizontal"))
    .option("displayMode", json!("basic"))
    .option("reduceOptions", json!({"calcs": ["lastNotNull"], "fields": "", "values": false}))
}
