//! The rules by promtool, and what every alert has to have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pbx_exporter::domain::{Grant, Operation, Reason};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{alerts, folder, read, rules, run};

const RUNBOOKS: &str = "https://github.com/pbx-exporter/pbx_exporter/blob/main/docs/runbooks";

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<TestGroup>,
}

#[derive(Deserialize)]
struct TestGroup {
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    exp_alerts: Vec<ExpectedAlert>,
}

#[derive(Deserialize)]
struct ExpectedAlert {
    exp_labels: BTreeMap<String, String>,
}

fn test_files() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder().join("tests")).expect("a folder").map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "yml")).collect()
}

#[test]
#[ignore = "needs promtool"]
fn promtool_finds_the_rules_valid_and_their_tests_pass() {
    run("promtool", &["check", "rules", "--lint=all", "--lint-fatal"], &[rules()]);
    run("promtool", &["test", "rules"], &test_files());
}

/// The one alert for a reason; total, so that a new reason does not compile without one.
const fn alert_for(reason: Reason) -> &'static str {
    match reason {
        Reason::AjaxDeclined => "PbxAjaxRequestDeclined",
        Reason::InvalidClient => "PbxInvalidClient",
        Reason::InvalidGrant => "PbxInvalidGrant",
        Reason::UnauthorizedClient | Reason::InvalidRequest => "PbxUnauthorizedClient",
        Reason::InvalidScope => "PbxInvalidScope",
        Reason::AccessDenied | Reason::UserBlocked | Reason::Forbidden => "PbxPermissionDenied",
        Reason::InsufficientScope => "PbxInsufficientScope",
        Reason::AuthorizationRequired => "PbxAuthorizationRequired",
        Reason::TokenRejected => "PbxTokenRejected",
        Reason::Dns
        | Reason::Proxy
        | Reason::Connect
        | Reason::Tls
        | Reason::Timeout
        | Reason::ConnectionLost => "PbxUnreachable",
        Reason::ApiNotFound | Reason::RedirectRefused => "PbxApiNotFound",
        Reason::ServerError | Reason::QueryFailed | Reason::UnexpectedResponse | Reason::ResponseTooLarge => {
            "PbxApiErrors"
        }
        Reason::RateLimited => "PbxRateLimited",
        Reason::ExporterError => "PbxExporterError",
    }
}

/// How bad that alert is: a fixed key is nobody's but this application's.
fn severity_for(reason: Reason, grant: Grant) -> String {
    match (reason, grant) {
        (Reason::TokenRejected, Grant::Static) => "warning".to_owned(),
        _ => alerts().iter().find(|rule| rule.name() == alert_for(reason)).expect("an alert").labels["severity"].clone(),
    }
}

#[test]
#[ignore = "needs promtool"]
fn each_reason_raises_one_alert_at_either_endpoint_whatever_the_grant_and_none_at_the_version_query() {
    let mut series = vec![json!({"series": r#"up{job="pbx",instance="a"}"#, "values": "1x30"})];
    let mut expected = Vec::new();
    let all = Grant::ALL.iter().flat_map(|grant| Reason::ALL.map(|reason| (*grant, reason)));
    for ((grant, reason), operation) in all.flat_map(|one| Operation::ALL.map(|operation| (one, operation))) {
        let about = format!(r#"job="pbx",instance="a",target="{operation} {reason} {grant}""#);
        let condition = format!(r#"condition{{{about},operation="{operation}",reason="{reason}"}}"#);
        let info = format!(r#"info{{{about},platform="any",grant="{grant}"}}"#);
        series.extend(
            [condition, info].map(|name| json!({"series": format!("pbx_target_{name}"), "values": "1x30"})),
        );
        if operation != Operation::Version {
            let (alert, severity) = (alert_for(reason), severity_for(reason, grant));
            let labels = format!(
                r#"{{alertname="{alert}", severity="{severity}", target="{operation} {reason} {grant}"}}"#
            );
            expected.push(json!({"labels": labels, "value": 1}));
        }
    }
    let test = json!({
        "rule_files": [rules()],
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [{
            "expr": r#"count by (alertname, severity, target) (ALERTS{alertstate="firing"})"#,
            "eval_time": "30m",
            "exp_samples": expected,
        }]}],
    });
    promtool_passes(&test);
}

pub fn promtool_passes(test: &Value) {
    let file = tempfile::Builder::new().suffix(".yml").tempfile().expect("a file");
    std::fs::write(file.path(), test.to_string()).expect("written");
    run("promtool", &["test", "rules"], &[file.path().to_owned()]);
}

#[test]
#[ignore = "needs promtool"]
fn the_budget_does_not_tell_again_what_the_alert_of_a_reason_told() {
    let told = Reason::ALL.into_iter().filter(|reason| *reason != Reason::RateLimited).map(Reason::as_str);
    let mut series = vec![json!({"series": r#"up{job="pbx",instance="a"}"#, "values": "1x96"})];
    for name in told.clone().chain(["untold"]) {
        let about = format!(r#"{{job="pbx",instance="a",target="{name}"}}"#);
        // Twice for a moment, then for half an hour.
        let up = "1x19 0 1x18 0 1x19 0x6 1x28";
        series.push(json!({"series": format!("pbx_up{about}"), "values": up}));
        series.push(json!({"series": format!("pbx_probes_total{about}"), "values": "0+1x96"}));
    }
    for name in told {
        let labels =
            format!(r#"{{job="pbx",instance="a",target="{name}",operation="token",reason="{name}"}}"#);
        let values = "_x60 1x6 stale";
        series.push(json!({"series": format!("pbx_target_condition{labels}"), "values": values}));
    }
    let burn = r#"ALERTS{alertname="PbxErrorBudgetBurn", severity="critical", alertstate="firing"}"#;
    promtool_passes(&json!({
        "rule_files": [rules()],
        "evaluation_interval": "5m",
        "tests": [{"interval": "5m", "input_series": series, "promql_expr_test": [{
            "expr": format!("group by (target) (last_over_time({burn}[8h]))"),
            "eval_time": "8h",
            "exp_samples": [{"labels": r#"{target="untold"}"#, "value": 1}],
        }]}],
    }));
}

/// What only a FreePBX has.
const OF_FREEPBX: [&str; 10] = [
    "gql:",
    "rest:",
    ".htaccess",
    "ajaxRequest",
    "API module",
    "User Management",
    "GUI",
    "PHP",
    "llowed scopes",
    "Connectivity",
];

#[test]
fn what_only_a_freepbx_has_is_said_of_freepbx() {
    for rule in alerts().iter().filter(|rule| !rule.annotations["summary"].contains("FreePBX")) {
        let description = &rule.annotations["description"];
        for sentence in description.split(". ") {
            let found = OF_FREEPBX.iter().find(|word| sentence.contains(**word));
            assert!(
                found.is_none() || sentence.contains("FreePBX"),
                "{}: {found:?}: {sentence}",
                rule.name()
            );
        }
    }
}

#[test]
fn every_alert_says_how_bad_it_is_who_is_meant_and_what_comes_first() {
    for rule in alerts() {
        let name = rule.name();
        let annotation = |key: &str| rule.annotations.get(key).map_or("", String::as_str);
        assert!(["critical", "warning", "info"].contains(&&*rule.labels["severity"]), "{name}");
        assert!(!annotation("summary").contains("{{"), "{name}: the summary is fixed");
        assert!(annotation("summary").ends_with('.'), "{name}");
        let who = if rule.expr.contains("pbx_exporter_") || rule.expr.contains("up{") {
            "$labels.instance"
        } else {
            "{{ $labels.target }}"
        };
        assert!(annotation("description").contains(who), "{name}");
        assert!(annotation("description").contains(" First "), "{name}");
        assert_eq!(annotation("runbook_url"), format!("{RUNBOOKS}/{name}.md"));
        let minutes = rule.lasts.as_deref().and_then(|lasts| lasts.strip_suffix('m')?.parse::<u32>().ok());
        assert!(minutes >= Some(2), "{name}: at least two intervals");
    }
}

#[test]
fn each_runbook_url_has_its_page_and_each_page_its_alert() {
    let folder = folder().with_file_name("docs").join("runbooks");
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.unwrap().file_name());
    let pages: BTreeSet<_> = files.map(|name| format!("{RUNBOOKS}/{}", name.to_string_lossy())).collect();
    let urls = alerts().into_iter().map(|rule| rule.annotations["runbook_url"].clone());
    let index = format!("{RUNBOOKS}/README.md");
    assert_eq!(pages, urls.chain([index]).collect());
}

#[test]
fn each_recorded_series_is_documented() {
    let (text, readme) =
        (std::fs::read_to_string(rules()).expect("text"), include_str!("../../../alerts/README.md"));
    let recorded = text.lines().filter_map(|line| line.trim().strip_prefix("- record: "));
    let missing: Vec<_> = recorded.clone().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    assert!(recorded.count() > 15 && missing.is_empty(), "alerts/README.md lacks {missing:?}");
}

#[test]
fn an_alert_on_reasons_names_them_or_asks_for_them() {
    for reason in Reason::ALL {
        let rule = alerts().into_iter().find(|rule| rule.name() == alert_for(reason)).expect("an alert");
        let description = &rule.annotations["description"];
        let asks = description.contains("pbx_target_condition{") && description.contains(".Labels.reason");
        assert!(asks || description.contains(reason.as_str()), "{reason}: {description}");
    }
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let (mut fires, mut does_not) = (BTreeSet::new(), BTreeSet::new());
    for file in test_files() {
        let groups = read::<TestFile>(&file).tests;
        for test in groups.into_iter().flat_map(|group| group.alert_rule_test) {
            if test.exp_alerts.is_empty() {
                does_not.insert(test.alertname.clone());
            }
            for alert in test.exp_alerts {
                fires.insert((test.alertname.clone(), alert.exp_labels["severity"].clone()));
            }
        }
    }
    let all = alerts();
    let names: BTreeSet<_> = all.iter().map(|rule| rule.name().to_owned()).collect();
    let with_severity: BTreeSet<_> =
        all.iter().map(|rule| (rule.name().to_owned(), rule.labels["severity"].clone())).collect();
    assert_eq!(with_severity.len(), all.len(), "two alerts of one name have two severities");
    assert_eq!(fires, with_severity);
    assert_eq!(does_not, names);
}
