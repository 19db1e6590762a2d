//! `pbx-target`: one telephone system in depth, or a few side by side.
//!
//! Numbers at the top are the worst of the chosen targets, sums are over all of them, and a panel with a line
//! for each shows twenty at most, so that All of two hundred is still a picture.

use pbx_exporter::domain::Reason;
use serde_json::json;

use super::build::{Dashboard, Panel, ROW, RUNBOOKS, SERIES, color, heading, link, page_of, steps, words};

pub fn target() -> String {
    Dashboard::new(
        "pbx-target",
        "PBX target",
        "One telephone system: its token, its answers, its extensions. Several can be chosen.",
    )
    .row(4, [(4, state()), (4, silence()), (4, age()), (4, expires()), (4, in_a_row()), (4, certificate())])
    .row(5, [(24, facts())])
    .row(9, [(24, timeline())])
    .heading("Token")
    .row(9, [(14, saw_tooth()), (10, refreshes())])
    .row(8, [(8, refresh_failures()), (8, denials()), (8, failures())])
    .heading("Latency")
    .row(9, [(12, heat()), (12, quantiles())])
    .row(8, [(8, phases("extensions", "list")), (8, phases("token", "token")), (8, answers())])
    .heading("Extensions")
    .row(8, [(14, extensions()), (10, missing())])
    .heading("Probes, limits and logs")
    .row(8, [(8, probes()), (8, waits()), (8, log_events())])
    .row(8, [(8, rate_limit()), (8, reset()), (8, certificates())])
    .finish()
}

fn state() -> Panel {
    let state = [("0", "Failing", "red"), ("1", "Up", "green")];
    Panel::stat(
        "State",
        "none",
        "Up if the newest probe of each chosen target got the extensions list.",
        steps("red", &[(1.0, "green")]),
    )
    .default("mappings", words(state.map(|(value, text, color)| (value.to_owned(), text, color))))
    .now("min(pbx_up{S})", "state")
}

fn silence() -> Panel {
    Panel::stat(
        "Last success",
        "s",
        "Time since the newest successful probe, of the worst chosen target; nothing where it never worked.",
        steps("green", &[(300.0, "red")]),
    )
    .default("decimals", json!(0))
    .now("max(time() - pbx_last_success_timestamp_seconds{S})", "last success")
}

fn age() -> Panel {
    Panel::stat(
        "Token age",
        "s",
        "Age of the token in use; the oldest of the chosen targets.",
        steps("text", &[]),
    )
    .default("decimals", json!(0))
    .default("noValue", json!("no token"))
    .now("max(pbx_token_age_seconds{S})", "token age")
}

fn expires() -> Panel {
    Panel::stat(
        "Token expires in",
        "s",
        "Time until the token in use expires, by its lifetime; the first of the chosen targets. Below 0 it is dead.",
        steps("red", &[(0.0, "text")]),
    )
    .default("decimals", json!(0))
    .default("noValue", json!("no token"))
    .now("min(pbx_token_expiry_timestamp_seconds{S} - time())", "expires in")
}

fn in_a_row() -> Panel {
    Panel::stat(
        "Failures in a row",
        "none",
        "Failed probes since the newest success; the most of the chosen targets.",
        steps("green", &[(1.0, "orange"), (3.0, "red")]),
    )
    .now("max(pbx_consecutive_failures{S})", "failures")
}

fn certificate() -> Panel {
    Panel::stat(
        "Certificate expires in",
        "s",
        "Time until the first certificate of the served chain expires; the first of the chosen targets. Nothing without https.",
        steps("red", &[(7.0 * DAY, "orange"), (21.0 * DAY, "green")]),
    )
    .default("decimals", json!(0))
    .default("noValue", json!("no https"))
    .now("min(pbx_certificate_expiry_timestamp_seconds{S} - time())", "certificate")
}

const DAY: f64 = 86_400.0;

fn facts() -> Panel {
    let state = [("0", "Failing", "red"), ("1", "Up", "green")];
    let plaintext = [("0", "encrypted", "text"), ("1", "plaintext", "red")];
    let words_of = |values: [(&'static str, &'static str, &'static str); 2]| {
        words(values.map(|(value, text, color)| (value.to_owned(), text, color)))
    };
    let colored = ("custom.cellOptions", json!({"type": "color-text"}));
    Panel::table(
        "Facts",
        "One row a target. Renewal: when the next token request is due by the rule, late ones below 0. Wait: the time \
         between probes now in force, longer after refusals.",
    )
    .instant("max by (J) (pbx_up{S})")
    .instant("max by (J, platform, grant) (pbx_target_info{S})")
    .instant("max by (J, version, engine) (pbx_version_info{S})")
    .instant("max by (J) (pbx_token_renewal_due_timestamp_seconds{S} - time())")
    .instant("max by (J) (pbx_probe_interval_seconds{S})")
    .instant("max by (J) (pbx_credentials_plaintext{S})")
    .instant("sum by (J) (increase(pbx_token_rejections_total{S}[$__range]))")
    .columns(&[
        ("target", "target"),
        ("A", "State"),
        ("platform", "Platform"),
        ("version", "Version"),
        ("engine", "Engine"),
        ("grant", "Grant"),
        ("F", "Credentials"),
        ("D", "Renewal in"),
        ("E", "Wait"),
        ("G", "Tokens rejected early"),
        ("instance", "instance"),
    ])
    .field(
        "target",
        &[
            ("links", json!([link("The exporter's page: what is wrong, and the mend", &page_of(ROW))])),
            heading("Target"),
        ],
    )
    .field("State", &[("mappings", words_of(state)), colored.clone()])
    .field("Credentials", &[("mappings", words_of(plaintext)), colored])
    .field("Renewal in", &[("unit", json!("s")), ("decimals", json!(0))])
    .field("Wait", &[("unit", json!("s"))])
    .field("Tokens rejected early", &[("decimals", json!(0))])
    .field("instance", &[heading("Exporter")])
}

/// Each state of an endpoint as a number: 0 is up, and each reason has its own.
fn timeline() -> Panel {
    let number = |reason: Reason| reason.index() + 1;
    let condition = |reason: Reason| {
        format!("\n    or pbx_target_condition{{S, reason=\"{reason}\"}} * {}", number(reason))
    };
    let expression = format!(
        "max by (J, operation) (\n    (pbx_endpoint_up{{S}} == 1) * 0{}\n)\nand on (J) topk(8, 1 - \
         avg_over_time(pbx_up{{S}}[$__range] @ end()))",
        Reason::ALL.map(condition).concat()
    );
    let up = ("0".to_owned(), "up", "green");
    let states = Reason::ALL.map(|reason| (number(reason).to_string(), reason.as_str(), color(reason)));
    Panel::new(
        "state-timeline",
        "What is wrong, and since when",
        "none",
        "Each endpoint of each chosen target: up, or the reason why not; a gap where it could not be called. Of more \
         than eight targets, the eight that were up least in the time range.",
    )
    .query(&expression, "{{target}} {{operation}}")
    .default("custom", json!({"fillOpacity": 85, "lineWidth": 0}))
    .default("mappings", words(std::iter::once(up).chain(states)))
    .option("mergeValues", json!(true))
    .option("showValue", json!("auto"))
    .option("alignValue", json!("left"))
    .option("rowHeight", json!(0.85))
    .option("legend", json!({"showLegend": false, "displayMode": "list", "placement": "bottom"}))
    .default("links", json!([link("The exporter's page: what is wrong, and the mend", &page_of(SERIES))]))
    .links(&[link("Runbooks", &format!("{RUNBOOKS}README.md"))])
}

fn saw_tooth() -> Panel {
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

fn refreshes() -> Panel {
    Panel::bars(
        "Token requests by grant",
        "Requests for a token a minute, by the grant that was sent; tokens that the API \
         refused before their expiry.",
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

fn refresh_failures() -> Panel {
    by_reason(
        "Failed token requests by reason",
        "Requests for a token that gave none, a minute. Few are sent while backing off: the panel above shows how long it lasts.",
        "pbx_token_refresh_failures_total",
    )
}

fn denials() -> Panel {
    by_reason(
        "Permission denials by reason",
        "Answers that deny access, a minute, of all endpoints. ajax_declined is a wrong address or a missing rewrite, no permission.",
        "pbx_permission_denials_total",
    )
}

fn failures() -> Panel {
    by_reason(
        "Failed API requests by reason",
        "Requests for the list or the version that failed, a minute.",
        "pbx_request_failures_total",
    )
}

fn heat() -> Panel {
    Panel::heat(
        "Latency of all requests",
        "How long HTTP exchanges took, failed ones too: requests a minute in each bucket.",
        "Oranges",
        "sum by (le) (rate(pbx_request_duration_seconds_bucket{S}[$__rate_interval])) * 60",
    )
}

fn quantiles() -> Panel {
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

fn phases(operation: &str, name: &str) -> Panel {
    Panel::lines(
        &format!("Phases of the {name} request"),
        "s",
        "Where the time of the newest exchange went, the mean of the chosen targets; a phase that did not take place is absent.",
    )
    .query(&format!("avg by (phase) (pbx_request_phase_seconds{{S, operation=\"{operation}\"}})"), "{{phase}}")
    .custom("fillOpacity", json!(50))
    .stacked()
}

fn answers() -> Panel {
    Panel::bars(
        "Answers by status code",
        "HTTP answers a minute, by operation and status code; none: there was no answer.",
    )
    .query(
        "sum by (operation, code) (rate(pbx_requests_total{S}[$__rate_interval])) * 60 > 0",
        "{{operation}} {{code}}",
    )
}

fn extensions() -> Panel {
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

fn missing() -> Panel {
    Panel::lines(
        "Missing and unexpected",
        "none",
        "Extensions expected and not listed, and listed and not expected, all chosen targets together; nothing without a list.",
    )
    .query("sum(pbx_extensions_missing{S})", "missing")
    .query("sum(pbx_extensions_unexpected{S})", "unexpected")
    .field("missing", &[("color", json!({"mode": "fixed", "fixedColor": "red"}))])
    .field("unexpected", &[("color", json!({"mode": "fixed", "fixedColor": "orange"}))])
}

fn probes() -> Panel {
    Panel::bars("Probes", "Whole probes a minute, and those of them that did not get the list.")
        .query("sum(rate(pbx_probes_total{S}[$__rate_interval]) - rate(pbx_probe_failures_total{S}[$__rate_interval])) * 60", "successful")
        .query("sum(rate(pbx_probe_failures_total{S}[$__rate_interval])) * 60", "failed")
        .field("successful", &[("color", json!({"mode": "fixed", "fixedColor": "green"}))])
        .field("failed", &[("color", json!({"mode": "fixed", "fixedColor": "red"}))])
}

fn waits() -> Panel {
    Panel::lines(
        "Wait between probes",
        "s",
        "The wait in force: the interval, shorter after a failure, longer while backing off. Shortest and longest of the \
         chosen targets, and how long ago the newest probe of each was at most.",
    )
    .query("max(pbx_probe_interval_seconds{S})", "longest")
    .query("min(pbx_probe_interval_seconds{S})", "shortest")
    .query("max(time() - pbx_last_probe_timestamp_seconds{S})", "since the newest probe")
}

fn log_events() -> Panel {
    Panel::bars(
        "Records of the PBX's own logs",
        "API-related records a minute by kind, of all clients of the PBX; nothing where no log is followed.",
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

fn rate_limit() -> Panel {
    let family = "pbx_rate_limit_remaining";
    lowest(
        "Requests left",
        "none",
        "Requests left in the budget, where the PBX tells; of more than twenty targets, the twenty with the fewest.",
        family,
        &format!("{family}{{S}}"),
    )
}

fn reset() -> Panel {
    let family = "pbx_rate_limit_reset_timestamp_seconds";
    lowest(
        "Budget restored in",
        "s",
        "Time until the request budget is whole again, where the PBX tells; below 0 it has been since the newest answer.",
        family,
        &format!("{family}{{S}} - time()"),
    )
}

fn certificates() -> Panel {
    Panel::new(
        "bargauge",
        "Certificates",
        "s",
        "Time until the first certificate of the served chain expires; the twenty that do so first.",
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
