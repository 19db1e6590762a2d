//! Flags, their variables, exit codes, and the one message of a start that fails.

use super::{TOKEN_PATH, config, of, pbx, target};
use crate::support::process::{CONFIG, Ended, Program};
use pbx_exporter::sim::Generation;

/// Asserts a failed start: this code, nothing on standard output, and a message with these parts.
fn assert_failed(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("Error {"), "{}", ended.stderr);
}

fn anywhere() -> String {
    config(&[target("hq", "http://127.0.0.1:9", "")])
}

#[tokio::test]
async fn every_flag_can_be_a_variable() {
    let server = pbx(Generation::V17).await;
    let service = Program::new(&[])
        .file(CONFIG, &config(&[target("hq", server.origin(), "")]))
        .file("more.yml", "targets: [{name: more, url: 'http://127.0.0.1:9'}]")
        .env("PBX_EXPORTER_CONFIG_FILE", &format!("{CONFIG},more.yml"))
        .env("PBX_EXPORTER_WEB_LISTEN_ADDRESS", "127.0.0.1:0")
        .env("PBX_EXPORTER_WEB_TELEMETRY_PATH", "/other/path")
        .env("PBX_EXPORTER_LOG_LEVEL", "debug")
        .env("PBX_EXPORTER_LOG_FORMAT", "json")
        .serve()
        .await;
    assert_eq!(service.get("/metrics").await.status, 404);
    let metrics = service.get("/other/path").await.body;
    assert!(metrics.contains("\npbx_exporter_targets 2\n"), "{metrics}");
    crate::support::process::eventually("a debug line", async || {
        service.stderr().contains("pass ended").then_some(())
    })
    .await;
    for line in service.stderr().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    assert_eq!(service.stdout(), "");
}

#[tokio::test]
async fn variables_that_are_set_and_empty_count_as_unset() {
    let server = pbx(Generation::V17).await;
    let mut program = Program::new(&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG])
        .file(CONFIG, &config(&[target("hq", server.origin(), "")]));
    for name in ["WEB_TELEMETRY_PATH", "LOG_LEVEL", "LOG_FORMAT", "CONFIG_FILE", "WEB_LISTEN_ADDRESS"] {
        program = program.env(&format!("PBX_EXPORTER_{name}"), "");
    }
    let service = program.serve().await;
    service.until(&of("pbx_up", "hq"), 1.0).await;
}

#[tokio::test]
async fn nothing_configured_shows_both_ways_and_the_demo() {
    for arguments in [&[][..], &["serve"], &["check"]] {
        let parts = ["--config.file", "FREEPBX_API_URL", "FREEPBX_API_CLIENT_SECRET", "pbx_exporter demo"];
        assert_failed(&Program::new(arguments).run().await, 1, &parts);
    }
}

#[tokio::test]
async fn a_start_that_cannot_be_says_why_in_one_message() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("bound").to_string();
    let given = ["--config.file", CONFIG, "--web.listen-address"];
    for (more, parts) in [
        (&[taken.as_str()][..], &[taken.as_str(), "--web.listen-address", "ddress already in use"][..]),
        (&["127.0.0.1:99999"], &["127.0.0.1:99999", "--web.listen-address", "write HOST:PORT"]),
        (&["127.0.0.1:0", "--web.telemetry-path", "metrics"], &["--web.telemetry-path", "begin with /"]),
        (&["127.0.0.1:0", "--web.telemetry-path", "/"], &["--web.telemetry-path", "use /metrics"]),
        (&["127.0.0.1:0", "--config.file", "absent.yml"], &["absent.yml", "existing file or a glob"]),
        (&["127.0.0.1:0", "--config.file", "*.toml"], &["*.toml", "matches no file"]),
        (&["127.0.0.1:0", "--config.file", "."], &["is a folder"]),
    ] {
        let ended = Program::new(&[&given, more].concat()).file(CONFIG, &anywhere()).run().await;
        assert_failed(&ended, 1, parts);
        assert!(ended.stderr.starts_with("pbx_exporter: "), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_wrong_flag_is_a_mistake_of_usage() {
    for (arguments, part) in [
        (&["--bogus"][..], "--bogus"),
        (&["--log.level", "loud"], "[possible values: error, warn, info, debug, trace]"),
        (&["--log.format", "xml"], "[possible values: logfmt, json]"),
        (&["dance"], "dance"),
        (&["check", "--config.file"], "--config.file"),
    ] {
        assert_failed(&Program::new(arguments).run().await, 2, &[part, "--help"]);
    }
}

#[tokio::test]
async fn check_tells_valid_and_invalid_by_its_exit_code() {
    let check = ["check", "--config.file", CONFIG];
    let good = Program::new(&check).file(CONFIG, &anywhere()).run().await;
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert!(
        good.stdout.contains("hq: freepbx http://127.0.0.1:9, grant client_credentials"),
        "{}",
        good.stdout
    );
    let bad = Program::new(&check).file(CONFIG, &anywhere().replace("failure_", "failing_")).run().await;
    assert_failed(&bad, 1, &["error: pbx.yml:1:", "failing_interval", "did you mean `failure_interval`?"]);
    let schema = Program::new(&["check", "--schema"]).run().await;
    assert_eq!(schema.code, Some(0));
    serde_json::from_str::<serde_json::Value>(&schema.stdout).expect("JSON");
}

#[tokio::test]
async fn demo_refuses_a_file_that_it_would_ignore() {
    for arguments in [["demo", "--config.file", CONFIG], ["--config.file", CONFIG, "demo"]] {
        let ended = Program::new(&arguments).file(CONFIG, &anywhere()).run().await;
        assert_failed(&ended, 2, &["demo monitors simulated PBXes and reads no --config.file; remove"]);
    }
}

#[tokio::test]
async fn check_contacts_nobody() {
    let server = super::recorder().await;
    let text = config(&[target("hq", server.uri(), "")]);
    let ended = Program::new(&["check", "--config.file", CONFIG]).file(CONFIG, &text).run().await;
    assert_eq!((ended.code, super::seen(&server, TOKEN_PATH).await), (Some(0), 0));
}

#[tokio::test]
async fn version_and_help_are_told_on_standard_output() {
    let version = Program::new(&["--version"]).run().await;
    assert_eq!(version.code, Some(0));
    assert_eq!(version.stdout, format!("pbx_exporter {}\n", env!("CARGO_PKG_VERSION")));
    for arguments in [&["--help"][..], &["-h"], &["help"]] {
        let help = Program::new(arguments).run().await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        for part in ["serve", "demo", "check", "--config.file <FILE>", "PBX_EXPORTER_LOG_LEVEL"] {
            assert!(help.stdout.contains(part), "{part}");
        }
        let widest = help.stdout.lines().map(str::len).max();
        assert!(widest <= Some(100), "{}", help.stdout);
    }
}
