//! The commands of the runbooks, run as printed in the state that the page is about.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Output;
use std::time::Duration;

use pbx_exporter::domain::Reason;
use pbx_exporter::sim::target::SECRET;
use tempfile::TempDir;
use tokio::process::Command;

use super::cases::{CASES, HEALTHY, Pbx, config};
use super::exporter;
use crate::support::process::{CONFIG, Service, within};
use crate::support::tls::Authority;

const PATIENCE: Duration = Duration::from_secs(90);

/// The commands in the first block of a section.
fn block(page: &str, section: &str) -> Vec<String> {
    let path = format!("{}/docs/runbooks/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a page");
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).expect("the section");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let commands = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let lines = commands.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// Where the commands run: the exporter's host, on which `sudo` may do everything.
struct Host<'a> {
    programs: TempDir,
    exporter: &'a Service,
}

impl<'a> Host<'a> {
    fn new(exporter: &'a Service) -> Self {
        let programs = tempfile::tempdir().expect("a folder");
        symlink(env!("CARGO_BIN_EXE_pbx_exporter"), programs.path().join("pbx_exporter")).expect("a link");
        let sudo = programs.path().join("sudo");
        std::fs::write(&sudo, "#!/bin/sh\nexec \"$@\"\n").expect("a file");
        std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        Self { programs, exporter }
    }

    /// Runs a command as it is printed, except for names and places, and for what has no such program here.
    async fn run(&self, line: &str, target: &str, pbx: &Pbx) -> Option<Output> {
        let elsewhere = ["promtool", "systemctl", "docker", "sudo journalctl"];
        if elsewhere.iter().any(|program| line.starts_with(program)) {
            return None;
        }
        let authority = pbx.https();
        let authority = authority.trim_start_matches("https://");
        let line = line
            .replace("localhost:10177", &self.exporter.address)
            .replace("pbx.example.com:443 -servername pbx.example.com", authority)
            .replace("pbx.example.com", authority)
            .replace("/etc/pbx_exporter/pbx.yml", &self.exporter.path(CONFIG).display().to_string())
            .replace("office", target)
            .replace("-m 10 ", "-m 1 ");
        let path = format!("{}:{}", self.programs.path().display(), std::env::var("PATH").expect("a path"));
        let output = Command::new("sh").args(["-c", &line]).env("PATH", path).output().await;
        Some(output.expect("a shell"))
    }

    /// The same; what it said on both streams.
    async fn says(&self, line: &str, target: &str, pbx: &Pbx) -> Option<(Option<i32>, String)> {
        let output = self.run(line, target, pbx).await?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Some((output.status.code(), said))
    }

    /// What has to come of one command of `## Check`.
    async fn check(&self, line: &str, target: &str, reason: Reason, pbx: &Pbx) {
        let Some((code, said)) = self.says(line, target, pbx).await else { return };
        let about = format!("{target}: {line}\n{code:?} {said}");
        if line.contains(" diagnose ") && reason == Reason::AuthorizationRequired {
            assert!(said.contains("NOT TESTED") && code == Some(1), "{about}");
        } else if line.contains(" diagnose ") {
            assert!(said.contains(&format!("FAILED {reason}")) && code > Some(3), "{about}");
        } else if line.ends_with(" check") {
            assert!(said.contains("targets from 1 file: valid") && code == Some(0), "{about}");
        } else if line.contains("target_condition") {
            assert!(said.contains(&format!("reason=\"{reason}\"")), "{about}");
        } else if line.contains("https://") && !reason.is_transport() {
            assert!(
                !said.is_empty() && !said.lines().any(|line| line.starts_with("000")) && code == Some(0),
                "{about}"
            );
        } else if !reason.is_transport() {
            assert!(!said.is_empty() && code == Some(0), "{about}");
        }
    }
}

#[tokio::test]
#[ignore = "needs curl"]
async fn each_runbook_of_a_reason_leads_to_that_reason_and_back() {
    let authority = Authority::new();
    let mut pbxes = BTreeMap::new();
    for case in &CASES {
        pbxes.insert(case.target, Pbx::start(&authority).await);
    }
    let secrets =
        CASES.iter().filter_map(|case| Some((case.file()?, pbxes[case.target].secret(case.file()?))));
    let secrets: Vec<_> = secrets.collect();
    let text = config(&authority, pbxes.iter().map(|(name, pbx)| (*name, pbx)));
    let main = exporter("127.0.0.1:0", &text, &secrets).await;
    for name in pbxes.keys() {
        let up = format!("pbx_up{{target=\"{name}\"}}");
        within(PATIENCE, &up, async || (main.value(&up).await == Some(1.0)).then_some(())).await;
    }
    for case in &CASES {
        pbxes[case.target].is_hurt(case, &main);
    }
    let host = Host::new(&main);
    for case in &CASES {
        let (target, reason, pbx) = (case.target, case.reason, &pbxes[case.target]);
        let condition = format!("reason=\"{reason}\"}} 1");
        let failing = || async {
            let metrics = main.metrics().await;
            let of_target = metrics.lines().filter(|line| line.contains(&format!("target=\"{target}\"")));
            of_target
                .filter(|line| line.starts_with("pbx_target_condition"))
                .any(|line| line.ends_with(&condition))
        };
        within(PATIENCE, &condition, async || failing().await.then_some(())).await;
        for line in block(case.alert, "Check") {
            host.check(&line, target, reason, pbx).await;
        }
        pbx.is_fixed(case, &main);
        for line in block(case.alert, "After the fix") {
            // A token of before may last for seconds, and one of the seconds belongs to the next probe.
            let is_up = async || {
                host.says(&line, target, pbx).await?.1.contains(&format!("{target}: up")).then_some(())
            };
            if line.contains("/-/probe") {
                is_up().await.unwrap_or_else(|| panic!("{target}: {line}"));
            } else {
                host.run(&line, target, pbx).await;
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs curl and openssl"]
async fn the_runbooks_of_the_exporter_itself_lead_to_what_they_are_about() {
    let authority = Authority::new();
    let pbx = Pbx::start(&authority).await;
    let text = config(&authority, [(HEALTHY, &pbx)].into_iter());
    let text = text.replace(&format!("client_secret: '{SECRET}'"), "client_secret_file: secret.txt");
    let text = text.replace(", auth: {client_id", ", expected_extensions: [2000, 2999], auth: {client_id");
    let main = exporter("127.0.0.1:0", &text, &[("secret.txt", SECRET.to_owned())]).await;
    main.until(&format!("pbx_up{{target=\"{HEALTHY}\"}}"), 1.0).await;
    let host = Host::new(&main);
    for (page, expected) in [
        ("PbxCertificateExpiring", [Some(""), Some("notAfter=")]),
        ("PbxCredentialsPlaintext", [Some("valid"), Some("405")]),
        ("PbxExporterPanicked", [Some("pbx_exporter_panics_total 0"), None]),
        ("PbxExporterStalled", [Some("pbx_exporter_probe_wait_seconds_count"), None]),
        ("PbxExporterTargetsLost", [Some("1 target from 1 file: valid"), None]),
        ("PbxProbeStale", [Some("pbx_last_probe_timestamp_seconds"), Some("probe_overruns_total 0")]),
        ("PbxTokenNotRefreshed", [Some("pbx_token_renewal_due_timestamp_seconds"), Some("pbx_up")]),
        ("PbxExtensionsMissing", [Some("pbx_extensions_missing"), Some("2999       missing")]),
        ("PbxExtensionsDropped", [Some("pbx_extensions{"), None]),
    ] {
        for (line, expected) in block(page, "Check").iter().zip(expected) {
            let said = host.says(line, HEALTHY, &pbx).await.map(|(_, said)| said);
            let is_so =
                said.as_deref().zip(expected).map(|(said, word)| !said.is_empty() && said.contains(word));
            assert_eq!(is_so.is_some(), expected.is_some(), "{page}: {line}");
            assert!(is_so.unwrap_or(true), "{page}: {line}\n{said:?}");
        }
    }
    std::fs::remove_file(main.path("secret.txt")).expect("it was there");
    pbx.forget_tokens();
    let condition =
        format!("pbx_target_condition{{target=\"{HEALTHY}\",operation=\"token\",reason=\"exporter_error\"}}");
    main.until(&condition, 1.0).await;
    assert_all(&host, &pbx, "PbxExporterError", "Check", &["exporter_error", "failed to read"]).await;
    main.write("secret.txt", SECRET);
    assert_all(&host, &pbx, "PbxExporterError", "After the fix", &["healthy: up"]).await;
    main.write(CONFIG, "targets: []\n");
    assert_eq!(main.post("/-/reload").await.status, 500);
    let said = ["pbx_exporter_config_last_reload_successful 0", "add `targets:`"];
    assert_all(&host, &pbx, "PbxExporterReloadFailed", "Check", &said).await;
    main.write(CONFIG, &text);
    assert_all(&host, &pbx, "PbxExporterReloadFailed", "Fix", &["configuration reloaded"]).await;
}

async fn assert_all(host: &Host<'_>, pbx: &Pbx, page: &str, section: &str, expected: &[&str]) {
    let commands = block(page, section);
    assert_eq!(commands.len(), expected.len(), "{page}: {commands:?}");
    for (line, expected) in commands.iter().zip(expected) {
        let (_, said) = host.says(line, HEALTHY, pbx).await.expect("runs here");
        assert!(said.contains(expected), "{page}: {line}\n{said}");
    }
}
