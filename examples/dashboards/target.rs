//! `pbx-target`: one telephone system in depth, or a few side by side.
//!
//! Numbers at the top are the worst of the selected targets, sums are over all of them, and a panel with a line
//! for each shows twenty at most, so that All of two hundred is still a picture.

use pbx_exporter::domain::Reason;
use serde_json::json;

use super::build::{
    Dashboard, ROW, RUNBOOKS, SERIES, STATE, color, heading, link, page_of, states, steps, words,
};
use super::course::{
    answers, certificates, denials, extensions, failures, heat, log_events, missing, phases, probes,
    quantiles, rate_limit, refresh_failures, refreshes, reset, saw_tooth, waits,
};
use super::panel::Panel;

pub fn target() -> String {
    Dashboard::new(
        "pbx-target",
        "PBX target",
        "One PBX: its token, its answers, its extensions. Several can be selected.",
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
    Panel::stat(
        "State",
        "none",
        "Up if the latest probe of each selected target got the extensions list. Early warning: it did, and one of them \
         cannot get a new token.",
        steps("red", &[(1.0, "orange"), (2.0, "green")]),
    )
    .default("mappings", states())
    .now(&format!("min({STATE})"), "state")
}

fn silence() -> Panel {
    Panel::stat(
        "Last success",
        "s",
        "Time since the latest successful probe, of the worst selected target; empty if it never worked.",
        steps("green", &[(300.0, "red")]),
    )
    .default("decimals", json!(0))
    .now("max(time() - pbx_last_success_timestamp_seconds{S})", "last success")
}

fn age() -> Panel {
    Panel::stat(
        "Token age",
        "s",
        "Age of the token in use; the oldest of the selected targets.",
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
        "Time until the token in use expires, by its lifetime; the first of the selected targets. Below 0 it has expired.",
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
        "Failed probes since the latest success; the most of the selected targets.",
        steps("green", &[(1.0, "orange"), (3.0, "red")]),
    )
    .now("max(pbx_consecutive_failures{S})", "failures")
}

fn certificate() -> Panel {
    Panel::stat(
        "Certificate expires in",
        "s",
        "Time until the first certificate of the served chain expires; the first of the selected targets. Empty without https.",
        steps("red", &[(7.0 * DAY, "orange"), (21.0 * DAY, "green")]),
    )
    .default("decimals", json!(0))
    .default("noValue", json!("no https"))
    .now("min(pbx_certificate_expiry_timestamp_seconds{S} - time())", "certificate")
}

pub const DAY: f64 = 86_400.0;

fn facts() -> Panel {
    let plaintext = [("0", "encrypted", "text"), ("1", "plaintext", "red")];
    let colored = ("custom.cellOptions", json!({"type": "color-text"}));
    Panel::table(
        "Facts",
        "One row per target. Renewal: when the next token request is due by the rule, late ones below 0. \
         Wait: the current time between probes, longer after rejections.",
    )
    .instant(STATE)
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
            ("links", json!([link("The exporter's page: what is wrong, and the fix", &page_of(ROW))])),
            heading("Target"),
        ],
    )
    .field("State", &[("mappings", states()), colored.clone()])
    .field("Credentials", &[("mappings", words(plaintext)), colored])
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
        "Each endpoint of each selected target: up, or the reason why not; a gap if it could not be called. Of more \
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
    .default("links", json!([link("The exporter's page: what is wrong, and the fix", &page_of(SERIES))]))
    .links(&[link("Runbooks", &format!("{RUNBOOKS}README.md"))])
}
