//! Routes and inhibition, by amtool and in a real Alertmanager.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{alertmanager_config as config, alerts, run};
use crate::support::alertmanager::Alertmanager;
use crate::support::process::eventually;

/// The labels of one alert, as amtool takes them. `about`: instance and target, where there are any.
fn labels(alert: &str, severity: &str, about: (&str, &str)) -> Vec<String> {
    let job = if about.0.is_empty() { "gone" } else { "pbx" };
    let pairs = [("severity", severity), ("job", job), ("instance", about.0), ("target", about.1)];
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    let words = pairs.map(|(name, value)| format!("{name}={value}"));
    std::iter::once(format!("alertname={alert}")).chain(words).collect()
}

/// What is heard: alert, severity and target of all that is not muted, once `count` alerts are in.
async fn heard(alertmanager: &Alertmanager, count: usize) -> Option<BTreeSet<String>> {
    let all = alertmanager.alerts().await?;
    let text = |alert: &Value, label: &str| alert["labels"][label].as_str().unwrap_or("-").to_owned();
    let active = all.iter().filter(|alert| alert["status"]["state"] == "active");
    let active = active.map(|alert| {
        format!("{} {} {}", text(alert, "target"), text(alert, "alertname"), text(alert, "severity"))
    });
    (all.len() == count).then(|| active.collect())
}

/// Has these alerts fire in one Alertmanager; waits until exactly those of `expected` are heard. It notifies nobody as
/// long as `group_wait` is longer than a test.
async fn assert_heard(fired: &[Vec<String>], expected: &[&str]) {
    let alertmanager = Alertmanager::start(&std::fs::read_to_string(config()).expect("a file")).await;
    let url = format!("--alertmanager.url=http://{}", alertmanager.address);
    for alert in fired {
        let words: Vec<_> =
            ["alert", "add", &url].into_iter().chain(alert.iter().map(String::as_str)).collect();
        run("amtool", &words, &[]);
    }
    let expected: BTreeSet<_> = expected.iter().map(|&text| text.to_owned()).collect();
    let mut last = None;
    let same = async || {
        last = heard(&alertmanager, fired.len()).await;
        (last.as_ref() == Some(&expected)).then_some(())
    };
    eventually(&format!("{expected:#?} and nothing else is heard"), same).await;
}

#[test]
#[ignore = "needs amtool"]
fn amtool_finds_the_configuration_valid_and_severity_decides_who_is_told() {
    run("amtool", &["check-config"], &[config()]);
    let file = format!("--config.file={}", config().display());
    let mut severities = BTreeSet::new();
    for rule in alerts() {
        let severity = &rule.labels["severity"];
        let receiver = match severity.as_str() {
            "critical" => "page",
            "warning" => "ticket",
            _ => "info",
        };
        severities.insert(severity.clone());
        let mut words = vec!["config".to_owned(), "routes".into(), "test".into(), file.clone()];
        words.push(format!("--verify.receivers={receiver}"));
        words.extend(labels(rule.name(), severity, ("a", "office")));
        run("amtool", &words.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    }
    assert_eq!(severities.len(), 3);
}

const BURN: (&str, &str) = ("PbxErrorBudgetBurn", "critical");
const SLOW_BURN: (&str, &str) = ("PbxErrorBudgetBurn", "warning");
const SCOPE: (&str, &str) = ("PbxInsufficientScope", "warning");
const DENIED: (&str, &str) = ("PbxPermissionDenied", "warning");
const DROPPED: (&str, &str) = ("PbxExtensionsDropped", "critical");
const MISSING: (&str, &str) = ("PbxExtensionsMissing", "warning");
const LIMITED: (&str, &str) = ("PbxRateLimited", "warning");
const UNREACHABLE: (&str, &str) = ("PbxUnreachable", "critical");
const NOT_REFRESHED: (&str, &str) = ("PbxTokenNotRefreshed", "warning");
const STALE: (&str, &str) = ("PbxProbeStale", "warning");
/// The alerts of the token.
const TOKEN: [&str; 6] = [
    "PbxInvalidClient",
    "PbxInvalidGrant",
    "PbxInvalidScope",
    "PbxUnauthorizedClient",
    "PbxAuthorizationRequired",
    "PbxTokenRejected",
];
/// The other alerts on what fails lastingly, all but the lack of any answer, and a limited rate.
const LASTING: [&str; 6] = [
    "PbxApiErrors",
    "PbxApiNotFound",
    "PbxAjaxRequestDeclined",
    "PbxPermissionDenied",
    "PbxInsufficientScope",
    "PbxExporterError",
];

#[tokio::test]
#[ignore = "needs amtool and Alertmanager"]
async fn one_cause_is_heard_once() {
    let (mut fired, mut expected) = (Vec::new(), Vec::new());
    // On each target some fire, and some of these are heard.
    let mut on = |target: &str, alerts: &[(&str, &str)], audible: &[(&str, &str)]| {
        fired.extend(alerts.iter().map(|(alert, severity)| labels(alert, severity, ("a", target))));
        expected.extend(audible.iter().map(|(alert, severity)| format!("{target} {alert} {severity}")));
    };
    for alert in TOKEN {
        on(alert, &[(alert, "warning"), SCOPE, DENIED, BURN, SLOW_BURN], &[(alert, "warning")]);
    }
    for alert in LASTING {
        on(alert, &[(alert, "warning"), BURN, SLOW_BURN], &[(alert, "warning")]);
    }
    on("flapping", &[BURN, SLOW_BURN], &[BURN]);
    on("lost", &[DROPPED, MISSING], &[DROPPED]);
    on("other", &[SCOPE, MISSING], &[SCOPE, MISSING]);
    on("slow", &[SLOW_BURN], &[SLOW_BURN]);
    // The rules have left to each what is its own.
    on("limited-and-flapping", &[LIMITED, BURN], &[LIMITED, BURN]);
    on("dark", &[UNREACHABLE, LIMITED, STALE], &[UNREACHABLE, STALE]);
    fired.push(labels("PbxExporterStalled", "critical", ("b", "")));
    let conditions = TOKEN.iter().chain(&LASTING).map(|alert| (*alert, "warning"));
    let old = conditions.chain([UNREACHABLE, LIMITED, BURN, SLOW_BURN, STALE, NOT_REFRESHED]);
    fired.extend(old.map(|(alert, severity)| labels(alert, severity, ("b", "unprobed"))));
    fired.push(labels(DROPPED.0, DROPPED.1, ("b", "unprobed")));
    expected.push("- PbxExporterStalled critical".to_owned());
    expected.push("unprobed PbxExtensionsDropped critical".to_owned());
    assert_heard(&fired, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
#[ignore = "needs amtool and Alertmanager"]
async fn a_pbx_that_gives_no_answer_mutes_all_that_its_answers_could_say_and_a_lost_exporter_everything() {
    let of_targets =
        || alerts().into_iter().filter(|rule| !rule.annotations["description"].starts_with("Prom"));
    let mut fired = Vec::new();
    for rule in of_targets() {
        let all = [("a", "dark"), ("b", "unwatched"), ("", "unknown")];
        // It mutes what is to be heard here.
        let all = all.into_iter().filter(|about| rule.name() != "PbxExporterStalled" || about.0 != "a");
        fired.extend(all.map(|about| labels(rule.name(), &rule.labels["severity"], about)));
    }
    fired.push(labels("PbxExporterDown", "critical", ("b", "")));
    fired.push(labels("PbxExporterDown", "critical", ("", "")));
    let expected = [
        "- PbxExporterDown critical",
        "dark PbxUnreachable critical",
        "dark PbxExtensionsDropped critical",
        "dark PbxProbeStale warning",
        "dark PbxCertificateExpiring warning",
        "dark PbxCredentialsPlaintext info",
        "dark PbxExporterError warning",
        "dark PbxExporterReloadFailed warning",
        "dark PbxExporterTargetsLost critical",
        "dark PbxExporterUnstable critical",
        "dark PbxExporterPanicked warning",
    ];
    assert_heard(&fired, &expected).await;
}
