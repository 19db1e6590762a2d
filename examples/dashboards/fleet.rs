//! `pbx-fleet`: all targets at a glance, and which of them changed.

use serde_json::{Value, json};

use super::build::{
    Dashboard, ROW, RUNBOOKS, SERIES, STATE, dashboard_of, heading, link, page_of, reasons, states, steps,
    words,
};
use super::panel::Panel;

pub fn fleet() -> String {
    Dashboard::new(
        "pbx-fleet",
        "PBX fleet",
        "All watched PBXes: how many are up, why others are not, and what changed.",
    )
    .variable(objective())
    .row(
        4,
        [
            (3, up()),
            (3, failing()),
            (4, early()),
            (3, stale()),
            (3, unprobed()),
            (4, availability()),
            (4, budget()),
        ],
    )
    .row(14, [(24, targets())])
    .row(9, [(12, by_reason()), (12, availability_over_time())])
    .heading("What changed")
    .row(11, [(24, changes())])
    .row(9, [(12, lasted()), (12, alerts())])
    .finish()
}

/// What share of the time range targets should be up. Rules have their own.
fn objective() -> Value {
    let choices = ["0.9", "0.99", "0.995", "0.999"];
    let options = choices.map(|one| json!({"selected": one == "0.99", "text": one, "value": one}));
    json!({
        "type": "custom", "name": "objective", "label": "Objective", "query": choices.join(","), "hide": 0,
        "multi": false, "includeAll": false, "current": options[1], "options": options,
    })
}

fn up() -> Panel {
    Panel::stat(
        "Targets up",
        "none",
        "Targets whose latest probe got the extensions list.",
        steps("green", &[]),
    )
    .now("sum(pbx_up{S})", "up")
}

fn failing() -> Panel {
    Panel::stat(
        "Targets failing",
        "none",
        "Targets whose latest probe did not get the extensions list. The table below says why.",
        steps("green", &[(1.0, "red")]),
    )
    .now("sum(pbx_up{S} == bool 0)", "failing")
}

fn early() -> Panel {
    Panel::stat(
        "Early warnings",
        "none",
        "Targets that still work with their token but cannot get a new one: they fail when it expires.",
        steps("green", &[(1.0, "orange")]),
    )
    .default("noValue", json!("0"))
    .now("sum(pbx_up{S} * on (J) (pbx_endpoint_up{S, operation=\"token\"} == bool 0))", "early warnings")
}

fn stale() -> Panel {
    Panel::stat(
        "Stale",
        "none",
        "Targets last probed longer ago than three of their own waits, or 45 minutes more than one: what is shown of them \
         is old.",
        steps("green", &[(1.0, "red")]),
    )
    .now(
        "sum(time() - pbx_last_probe_timestamp_seconds{S} - pbx_probe_interval_seconds{S} > bool \
         clamp_max(2 * pbx_probe_interval_seconds{S}, 45 * 60))",
        "stale",
    )
}

fn unprobed() -> Panel {
    Panel::stat(
        "Not probed",
        "none",
        "Targets that were not probed yet: within a minute after a start, or postponed because their PBX rejected requests too often.",
        steps("green", &[(1.0, "orange")]),
    )
    .now("count(pbx_target_info{S}) - (count(pbx_up{S}) or vector(0))", "not probed")
}

fn availability() -> Panel {
    Panel::stat(
        "Availability",
        "percentunit",
        "Share of the time range in which the targets were up, on average over targets.",
        steps("red", &[(0.9, "orange"), (0.99, "green")]),
    )
    .default("decimals", json!(2))
    .now("avg(avg_over_time(pbx_up{S}[$__range]))", "availability")
}

fn budget() -> Panel {
    Panel::stat(
        "Error budget left",
        "percentunit",
        "How much of the allowed failures is left in this time range; below 0 the objective is missed.",
        steps("red", &[(0.0, "orange"), (0.25, "green")]),
    )
    .default("decimals", json!(0))
    .now("1 - (1 - avg(avg_over_time(pbx_up{S}[$__range]))) / (1 - $objective)", "budget left")
}

/// Names a reason by the operation that fails, so that the two do not become rows of their own.
fn reason_of(operation: &str, label: &str) -> String {
    format!(
        "max by (J, {label}) (label_replace(pbx_target_condition{{S, operation=\"{operation}\"}}, \"{label}\", \
         \"$1\", \"reason\", \"(.+)\"))"
    )
}

fn targets() -> Panel {
    let links = [
        link("This target", &dashboard_of("pbx-target", ROW)),
        link("The exporter's page: what is wrong, and the fix", &page_of(ROW)),
    ];
    let seconds = |width: u32| [("unit", json!("s")), ("decimals", json!(0)), ("custom.width", json!(width))];
    let colored = ("custom.cellOptions", json!({"type": "color-text"}));
    let expiry = steps("red", &[(0.0, "orange"), (60.0, "text")]);
    Panel::table(
        "Targets",
        "One row a target, the failing first. Token and List: why that endpoint fails, empty while it is up. Denials: \
         answers that denied access within the time range. Latency: latest request for the list. A target without \
         a state was not probed yet.",
    )
    .instant(STATE)
    .instant(&reason_of("token", "token_reason"))
    .instant(&reason_of("extensions", "list_reason"))
    .instant("max by (J) (time() - pbx_last_success_timestamp_seconds{S})")
    .instant("max by (J) (pbx_token_age_seconds{S})")
    .instant("max by (J) (pbx_token_expiry_timestamp_seconds{S} - time())")
    .instant("sum by (J) (increase(pbx_permission_denials_total{S}[$__range]))")
    .instant("sum by (J) (pbx_request_phase_seconds{S, operation=\"extensions\"})")
    .instant("max by (J) (pbx_extensions{S})")
    .instant("max by (J) (pbx_extensions_missing{S})")
    .instant("max by (J, platform) (pbx_target_info{S})")
    .columns(&[
        ("A", "State"),
        ("target", "target"),
        ("token_reason", "Token"),
        ("list_reason", "List"),
        ("D", "Last success"),
        ("E", "Token age"),
        ("F", "Expires in"),
        ("G", "Denials"),
        ("H", "Latency"),
        ("I", "Extensions"),
        ("J", "Missing"),
        ("platform", "Platform"),
        ("instance", "instance"),
    ])
    .field("State", &[("mappings", states()), colored.clone(), ("custom.width", json!(120))])
    .field("target", &[("links", json!(links)), heading("Target")])
    .field("Token", &[("mappings", reasons()), colored.clone()])
    .field("List", &[("mappings", reasons()), colored.clone()])
    .field("Last success", &seconds(115))
    .field("Token age", &seconds(105))
    .field("Expires in", &seconds(105))
    .field("Expires in", &[("thresholds", expiry), ("color", json!({"mode": "thresholds"})), colored.clone()])
    .field("Denials", &[("decimals", json!(0)), ("custom.width", json!(85))])
    .field("Latency", &[("unit", json!("s")), ("custom.width", json!(90))])
    .field("Extensions", &[("custom.width", json!(100))])
    .field("Missing", &[("custom.width", json!(85)), ("thresholds", steps("text", &[(1.0, "orange")])), colored])
    .field("instance", &[heading("Exporter")])
    .option("sortBy", json!([{"displayName": "State", "desc": false}]))
}

fn by_reason() -> Panel {
    Panel::lines(
        "Failing endpoints by reason",
        "none",
        "Failing endpoints, by reason. A target counts once for its token and once for its list.",
    )
    .query("count by (reason) (pbx_target_condition{S})", "{{reason}}")
    .custom("fillOpacity", json!(60))
    .stacked()
    .legend("table", "right", &["last", "max"])
    .default("decimals", json!(0))
    .colored_by_reason()
    .links(&[link("Runbooks", &format!("{RUNBOOKS}README.md"))])
}

fn availability_over_time() -> Panel {
    Panel::lines(
        "Availability over time",
        "percentunit",
        "Share of the targets that are up, and the objective.",
    )
    .query("avg(pbx_up{S})", "up")
    .query("vector($objective)", "objective")
    .default("max", json!(1))
    .limit("objective", "red")
}

fn changes() -> Panel {
    Panel::new(
        "state-timeline",
        "Targets that went up or down",
        "none",
        "Only targets whose state changed within the time range, at most the twenty that did so most often: empty where \
         all stayed as they were.",
    )
    .query(
        "pbx_up{S} and topk(20, changes(pbx_up{S}[$__range] @ end()) > 0)",
        "{{target}}",
    )
    .default("custom", json!({"fillOpacity": 80, "lineWidth": 0}))
    .default(
        "mappings",
        words([("0", "Failing", "red"), ("1", "Up", "green")]),
    )
    .default("links", json!([link("This target", &dashboard_of("pbx-target", SERIES))]))
    .option("mergeValues", json!(true))
    .option("showValue", json!("auto"))
    .option("legend", json!({"showLegend": false, "displayMode": "list", "placement": "bottom"}))
}

fn lasted() -> Panel {
    Panel::table(
        "Reasons in this time range",
        "Which endpoint of which target failed for which reason, and for what share of the time range.",
    )
    .instant(
        "sum by (J, operation, reason) (count_over_time(pbx_target_condition{S}[$__range])) / on (job, instance) \
         group_left () sum by (job, instance) (count_over_time(up{E}[$__range]))",
    )
    .columns(&[("target", "target"), ("operation", "Operation"), ("reason", "Reason"), ("A", "Share of time")])
    .field("target", &[("links", json!([link("This target", &dashboard_of("pbx-target", ROW))])), heading("Target")])
    .field("Reason", &[("mappings", reasons()), ("custom.cellOptions", json!({"type": "color-text"}))])
    .field("Share of time", &[("unit", json!("percentunit")), ("decimals", json!(1))])
    .field("instance", &[heading("Exporter")])
    .option("sortBy", json!([{"displayName": "Share of time", "desc": true}]))
}

fn alerts() -> Panel {
    let state = words([("firing", "firing", "red"), ("pending", "pending", "orange")]);
    Panel::table(
        "Alerts",
        "Alerts of the shipped rules that are pending or firing; each name links to its runbook. Empty where Prometheus \
         has not loaded the rules, too.",
    )
    .instant(
        "max by (J, alertname, alertstate, severity) (ALERTS{alertname=~\"Pbx.+\", job=~\"$job|\", \
         instance=~\"$instance|\", target=~\"$target|\"})",
    )
    .columns(&[
        ("alertstate", "State"),
        ("alertname", "Alert"),
        ("severity", "Severity"),
        ("target", "Target"),
        ("instance", "instance"),
    ])
    .field("instance", &[heading("Exporter")])
    .field("State", &[("mappings", state), ("custom.cellOptions", json!({"type": "color-text"})), ("custom.width", json!(80))])
    .field("Alert", &[("links", json!([link("Runbook", &format!("{RUNBOOKS}${{__value.raw}}.md"))])), ("custom.width", json!(215))])
    .field("Severity", &[("custom.width", json!(85))])
    .option("sortBy", json!([{"displayName": "State", "desc": false}]))
}
