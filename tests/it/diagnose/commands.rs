//! The commands as they are run: streams, forms, exit codes, and what they send.

use std::sync::Arc;

use pbx_exporter::clock::Clock;
use pbx_exporter::domain::{Grant, Operation};
use pbx_exporter::sim::fixtures::{Generation, find};
use pbx_exporter::sim::target::{MACHINE_ID, SECRET};
use pbx_exporter::sim::{Fault, SimPbx, SimServer};
use serde_json::Value;

use crate::support::process::{CONFIG, Ended, Program};
use crate::support::raw::{Server, closed_port, ok};

pub async fn pbx() -> SimServer {
    let pbx = SimPbx::new(Generation::V16, Clock::System);
    SimServer::start(Arc::new(pbx)).await.expect("a port")
}

pub fn target(name: &str, server: &SimServer, keys: &str) -> String {
    let url = server.origin();
    format!(
        "- {{name: {name}, url: '{url}', auth: {{client_id: {MACHINE_ID}, client_secret: {SECRET}}}, {keys}}}\n"
    )
}

pub async fn run(arguments: &[&str], targets: &str) -> Ended {
    let arguments = [&["--config.file", CONFIG], arguments].concat();
    Program::new(&arguments).file(CONFIG, &format!("targets:\n{targets}")).run().await
}

/// A PBX that works and one whose secret was regenerated.
async fn two() -> (SimServer, SimServer, String) {
    let (good, bad) = (pbx().await, pbx().await);
    bad.pbx().set_fault(Some(Fault::SecretRegenerated));
    let targets = target("good", &good, "") + &target("bad", &bad, "");
    (good, bad, targets)
}

#[tokio::test]
async fn test_connection_prints_a_line_a_target_and_exits_by_whether_all_work() {
    let (good, bad, targets) = two().await;
    let ended = run(&["test-connection"], &targets).await;
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!((ended.code, lines.len()), (Some(1), 2), "{ended:?}");
    assert!(lines[0].starts_with("good: ok, 3 extensions, "), "{ended:?}");
    assert!(
        lines[1].starts_with("bad: failed, invalid_client at the token endpoint: FreePBX refuses"),
        "{ended:?}"
    );
    assert!(ended.stderr.starts_with("Sends each of 2 targets one token request"), "{ended:?}");
    assert_eq!(good.pbx().requests(Operation::Token), 1);
    assert_eq!(good.pbx().requests(Operation::Extensions), 1);
    assert_eq!(bad.pbx().requests(Operation::Token), 1);
    let ended = run(&["test-connection", "good"], &targets).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 1), "{ended:?}");
}

#[tokio::test]
async fn test_connection_says_the_same_in_json() {
    let (_good, _bad, targets) = two().await;
    let ended = run(&["test-connection", "--output", "json"], &targets).await;
    assert_eq!(ended.code, Some(1));
    let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(json["format"], 1);
    assert_eq!(
        (&json["targets"][0]["outcome"], &json["targets"][0]["extensions"]),
        (&"ok".into(), &3.into())
    );
    assert_eq!(json["targets"][1]["reason"], "invalid_client");
    assert_eq!(json["targets"][1]["operation"], "token");
    assert!(json["targets"][1]["diagnosis"].as_str().is_some_and(|text| text.contains("Machine-to-Machine")));
}

#[tokio::test]
async fn test_connection_and_extensions_send_no_more_than_they_announce() {
    for (fault, sent) in [
        (None, (1, 1, 0, 0)),
        (Some(Fault::SecretRegenerated), (1, 0, 0, 0)),
        (Some(Fault::Fixture(find("hidden crash at the token endpoint", Generation::V16))), (2, 0, 0, 0)),
        (Some(Fault::RejectAllTokens), (1, 1, 0, 0)),
        (Some(Fault::QueryFails), (1, 1, 0, 0)),
        (Some(Fault::Fixture(find("crash without a body", Generation::V16))), (1, 1, 1, 0)),
    ] {
        for command in ["test-connection", "extensions"] {
            let server = pbx().await;
            server.pbx().set_fault(fault.clone());
            let ended = run(&[command], &target("a", &server, "version: true")).await;
            let pbx = server.pbx();
            let requests = |operation| pbx.requests(operation);
            let found = (
                requests(Operation::Token),
                requests(Operation::Extensions),
                pbx.validity_requests(),
                requests(Operation::Version),
            );
            assert_eq!(found, sent, "{command} {fault:?}: {ended:?}");
            for announced in ["second token request, with an explicit scope", "{ __typename }"] {
                assert!(ended.stderr.contains(announced), "{ended:?}");
            }
            assert!(!ended.stderr.contains("version"), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_is_not_spent_by_a_test() {
    let server = pbx().await;
    let url = server.origin();
    let targets = format!(
        "- {{name: a, url: '{url}', auth: {{grant: refresh_token, client_id: {MACHINE_ID}, client_secret: {SECRET}, \
         refresh_token: made-up}}}}\n"
    );
    let ended = run(&["test-connection"], &targets).await;
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.starts_with("a: not tested: With grant refresh_token the only credential works once"),
        "{ended:?}"
    );
    let ended = run(&["diagnose"], &targets).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("NOT TESTED"), "{ended:?}");
    assert_eq!(server.pbx().token_requests_by_grant(Grant::RefreshToken), 0);
}

#[tokio::test]
async fn a_person_is_told_how_to_confirm_by_the_targets_name() {
    let server = pbx().await;
    let url = server.origin();
    let file = format!(
        "storage: {{path: state}}\ntargets:\n- {{name: head office, platform: ringme, url: '{url}', auth: {{grant: \
         authorization_code, client_id: a, client_secret: made-up}}}}\n"
    );
    let ended = Program::new(&["diagnose", "--config.file", CONFIG]).file(CONFIG, &file).run().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("`pbx_exporter --config.file FILE authorize 'head office'`"), "{ended:?}");
}

#[tokio::test]
async fn an_announcement_names_what_that_platform_is_sent() {
    let server = Server::answering(|_| ok("{}")).await;
    let key = format!("auth: {{grant: static, key: made-up}}, url: '{}'", server.http(""));
    let targets = format!("- {{name: key, platform: dialpad, {key}}}\n");
    let tested = run(&["test-connection"], &targets).await.stderr;
    assert!(
        tested.starts_with(
            "Sends the target one token request (none for a fixed key) and one request, or one per page, for the \
             extensions list. Changes nothing."
        ),
        "{tested}"
    );
    let listed = run(&["extensions"], &targets).await.stderr;
    let told =
        format!("key: asks {} for the list (/api/v2/users, page by page). Only compares", server.http(""));
    assert!(listed.starts_with(&told), "{listed}");
    let diagnosed = run(&["diagnose"], &targets).await.stdout;
    assert!(
        diagnosed.contains("\n  - GET /api/v2/users with the key: the extensions list, page by page\n"),
        "{diagnosed}"
    );
    assert!(diagnosed.contains("\nNothing is changed on the PBX.\n"), "{diagnosed}");
    for text in [tested, listed, diagnosed] {
        assert!(!text.contains("__typename") && !text.contains("fail2ban"), "{text}");
    }
    let elsewhere = "auth: {client_id: a, client_secret: b, url: 'http://localhost:1'}";
    let targets = format!("- {{name: far, platform: 3cx, url: '{}', {elsewhere}}}\n", server.http(""));
    let listed = run(&["extensions"], &targets).await.stderr;
    let told = "far: asks http://localhost:1 for a token (grant client_credentials, /connect/token) and http://127.0.0.1:";
    assert!(listed.starts_with(told), "{listed}");
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_no_token_request_that_was_not_made() {
    let server = Server::answering(|_| ok("{}")).await;
    let auth = "auth: {grant: static, key_file: /no/such/key}";
    let ended = run(
        &["diagnose"],
        &format!("- {{name: a, platform: dialpad, url: '{}', {auth}}}\n", server.http("")),
    )
    .await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stdout.contains("  The list was not requested: failed to read secret file /no/such/key"),
        "{ended:?}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_a_json_document_too() {
    for command in ["diagnose", "test-connection"] {
        let ended = run(&[command, "--output", "json"], "- {name: a}\n").await;
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let message = told["error"]["message"].as_str().expect("a message");
        assert!(
            ended.code == Some(4) && ended.stderr.contains(message.lines().next().expect("a line")),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn what_is_odd_in_the_configuration_is_told_beforehand() {
    let server = pbx().await;
    server.pbx().set_fault(Some(Fault::SecretRegenerated));
    let odd: String = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|name| target(name, &server, "").replace(SECRET, "'made-up '").replace(MACHINE_ID, name))
        .collect();
    let ended = run(&["diagnose", "a"], &odd).await;
    let told = "targets[0].auth.client_secret: the value begins or ends with white space";
    assert!(ended.stderr.contains(told) && ended.stderr.starts_with("warning: "), "{ended:?}");
    assert!(ended.stderr.ends_with("more; `pbx_exporter check` shows them all\n"), "{ended:?}");
    assert!(!format!("{ended:?}").contains("made-up"));
}

#[tokio::test]
async fn each_address_that_refused_is_evidence() {
    let address = closed_port().await;
    let secret = "auth: {client_id: a, client_secret: made-up}";
    let ended = run(&["diagnose"], &format!("- {{name: a, url: 'http://{address}', {secret}}}\n")).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stdout.contains(&format!("- tried: {address} (connection refused)")), "{ended:?}");
}

#[tokio::test]
async fn diagnose_exits_with_the_class_of_the_first_failure() {
    let (_good, _bad, targets) = two().await;
    for (arguments, code) in [
        (&["diagnose", "good"][..], 0),
        (&["diagnose"], 6),
        (&["diagnose-api", "bad", "good", "--output", "json"], 6),
        (&["diagnose", "god"], 4),
        (&["diagnose", "--no-such-flag"], 2),
        (&["diagnose", "--ad-hoc", "http://127.0.0.1:1"], 2),
        (&["test-connection", "god"], 4),
    ] {
        let ended = run(arguments, &targets).await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {ended:?}");
    }
    let ended = run(&["diagnose", "god"], &targets).await;
    assert_eq!(ended.stderr, "error: no target is named `god`; did you mean `good`?\n");
    let ended = run(&["diagnose"], "- {name: a}\n").await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""));
}

#[tokio::test]
async fn a_pipe_gets_whole_lines_without_colour_unless_asked() {
    let (_good, _bad, targets) = two().await;
    let plain = run(&["diagnose", "bad"], &targets).await.stdout;
    assert!(!plain.contains(['\x1b', '\r']), "{plain:?}");
    let token = plain.lines().find(|line| line.starts_with("  FAIL  token ")).expect("a line for the token");
    assert!(token.ends_with("invalid_client (HTTP 401, JSON, error invalid_client)"), "{token}");
    let coloured = run(&["diagnose", "bad", "--color", "always"], &targets).await.stdout;
    assert!(coloured.contains("\x1b[1;31mFAIL\x1b[0m") && !coloured.contains('\r'), "{coloured:?}");
}

#[tokio::test]
async fn json_holds_what_the_text_says() {
    let (_good, _bad, targets) = two().await;
    let ended = run(&["diagnose", "bad", "--output", "json"], &targets).await;
    let json: Value = serde_json::from_str(&ended.stdout).expect("one document");
    let verdict = &json["targets"][0]["verdict"];
    assert_eq!((&verdict["reason"], &verdict["exit_code"]), (&"invalid_client".into(), &6.into()));
    assert!(
        ended.stderr.contains("Requests, in order; stops at the first failure"),
        "said beforehand: {ended:?}"
    );
    let text = run(&["diagnose", "bad"], &targets).await.stdout;
    for said in
        [&verdict["title"], &verdict["what_to_do"], &verdict["because"], &verdict["what_not_to_do"][0]]
    {
        assert!(text.contains(said.as_str().expect("text")), "{said} is not in {text}");
    }
}

#[tokio::test]
async fn completions_and_a_manual_page_name_every_command() {
    for shell in ["bash", "zsh", "fish", "PowerShell"] {
        let ended = Program::new(&["completions", shell]).run().await;
        assert_eq!(ended.code, Some(0));
        for word in ["test-connection", "diagnose", "--config.file", "--ad-hoc"] {
            let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(ended.stdout.contains(word), "{shell} lacks {word}");
        }
    }
    let ended = Program::new(&["man"]).run().await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains(".TH pbx_exporter 1"), "{}", ended.stdout);
    for word in ["COMMAND DIAGNOSE", "COMMAND CHECK", "ad\\-hoc", "config.file"] {
        assert!(ended.stdout.contains(word), "the manual lacks {word}");
    }
    let line = |text: &str| ended.stdout.lines().any(|line| line == text);
    for command in [r"diagnose, diagnose\-api", r"extensions, sync\-sip\-accounts", "check", "man"] {
        assert!(line(&format!(r"\fB{command}\fR")), "{}", ended.stdout);
    }
    assert!(
        line(".SH \"EXIT STATUS\"") && line("the extensions are not the expected ones"),
        "{}",
        ended.stdout
    );
    // No other page is installed.
    assert!(!ended.stdout.contains("(1)"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_platform_that_is_not_built_in_is_a_wrong_argument() {
    let ended = Program::new(&["check", "--platform", "nope"]).run().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("yeastar"), "{ended:?}");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_a_failure() {
    let server = pbx().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(CONFIG);
    std::fs::write(&file, format!("targets:\n{}", target("good", &server, ""))).expect("a file");
    let json = ["--output", "json"];
    for arguments in [
        &["diagnose"][..],
        &["diagnose", "good", json[0], json[1]],
        &["test-connection"],
        &["test-connection", json[0], json[1]],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let status = tokio::process::Command::new(env!("CARGO_BIN_EXE_pbx_exporter"))
            .args(arguments)
            .arg("--config.file")
            .arg(&file)
            .env_clear()
            .stdout(full)
            .stderr(std::process::Stdio::null())
            .status()
            .await;
        assert_eq!(status.expect("it runs").code(), Some(1), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_pbxs_own_log_is_shown_redacted() {
    let server = pbx().await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access_log");
    let line = "192.0.2.7 - - [21/Nov/2026:03:00:00 +0000] \"POST /admin/api/api/token?client_secret=canary HTTP/1.1\" 401 60\n";
    std::fs::write(&log, line).expect("a file");
    let keys = format!("log: [{{path: '{}', format: access_log}}]", log.display());
    let targets = target("good", &server, &keys);
    let ended = run(&["diagnose"], &targets).await;
    assert!(
        ended.stdout.contains("access_log, redacted") && ended.stdout.contains("token_refused"),
        "{ended:?}"
    );
    let json = run(&["diagnose", "--output", "json"], &targets).await;
    let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(report["targets"][0]["log"][0]["records"][0]["kind"], "token_refused");
    assert!(!format!("{ended:?}{json:?}").contains("canary"));
}

#[tokio::test]
async fn what_does_not_answer_as_freepbx_is_sent_no_credentials() {
    for (status, kind, body) in [
        ("502 Bad Gateway", "text/html", "<html><h1>502 Bad Gateway</h1></html>"),
        ("503 Service Unavailable", "application/json", r#"{"message":"no healthy upstream"}"#),
        (
            "500 Internal Server Error",
            "application/json",
            r#"{"error":{"type":"Exception","message":"SQLSTATE[HY000] [2002] Connection refused","code":2002}}"#,
        ),
        ("400 Bad Request", "application/json", r#"{"message":"no"}"#),
        ("405 Method Not Allowed", "application/json", r#"{"detail":"Method Not Allowed"}"#),
        ("405 Not Allowed", "text/html", "<html><h1>405 Not Allowed</h1></html>"),
        ("401 Unauthorized", "application/json", r#"{"error":"invalid_client"}"#),
    ] {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}");
        let server = Server::answering(move |_| answer.clone()).await;
        let targets = format!(
            "- {{name: a, url: '{}', auth: {{client_id: {MACHINE_ID}, client_secret: {SECRET}}}}}\n",
            server.http("")
        );
        let ended = run(&["diagnose"], &targets).await;
        let requests = server.requests();
        let posts = requests.iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!((ended.code, posts, requests.len()), (Some(6), 0, 1), "{status}: {ended:?}");
        assert!(ended.stdout.contains("FAIL  api "), "{status}: {ended:?}");
    }
}

/// Where the host's PHP_ERROR_LEVEL is NONE, FreePBX 17 refuses a GET by a 500 without a body, and a POST works.
#[tokio::test]
async fn a_bare_500_to_the_first_question_ends_nothing() {
    let server = pbx().await;
    server.pbx().set_fault(Some(Fault::Fixture(find("no body to GET", Generation::V17))));
    let ended = run(&["diagnose"], &target("a", &server, "")).await;
    assert!(ended.stdout.contains("warn  api "), "{ended:?}");
    assert!(ended.stdout.contains("FAIL  token "), "it is asked for all the same: {ended:?}");
}

#[tokio::test]
async fn one_run_draws_at_most_three_refusals_from_an_origin() {
    let server = pbx().await;
    server.pbx().set_fault(Some(Fault::SecretRegenerated));
    let targets: String = ["a", "b", "c", "d"].iter().map(|name| target(name, &server, "")).collect();
    let ended = run(&["diagnose"], &targets).await;
    assert_eq!(server.pbx().token_requests_by_grant(Grant::ClientCredentials), 3, "{ended:?}");
    assert!(ended.stdout.contains("NOT TESTED this origin has rejected too many requests"), "{ended:?}");
    assert!(ended.stdout.contains("Stops after 3 rejected requests per origin"), "{ended:?}");
}

#[tokio::test]
async fn what_a_token_endpoint_refuses_counts_at_its_own_origin() {
    let length = r#"{"error":"unauthorized"}"#.len();
    let refusal = move |_: &str| {
        format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n\
             {{\"error\":\"unauthorized\"}}"
        )
    };
    for command in ["diagnose", "test-connection"] {
        let tokens = Server::answering(refusal).await;
        let mut targets = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let (api, at) = (Server::answering(|_| ok("{}")).await, tokens.http(""));
            let auth = format!("auth: {{client_id: {name}, client_secret: made-up, url: '{at}'}}");
            targets.push(format!("- {{name: {name}, platform: 3cx, url: '{}', {auth}}}\n", api.http("")));
        }
        let targets = targets.concat();
        let ended = run(&[command], &targets).await;
        assert_eq!(tokens.requests().len(), 3, "{command}: {ended:?}");
    }
}

#[tokio::test]
async fn a_ca_file_that_is_not_there_is_a_configuration_error_before_any_step() {
    let at = format!("https://{}", closed_port().await);
    let arguments = ["diagnose", "--ad-hoc", &at, "--platform", "freepbx", "--ca-file", "/no/such/ca.pem"];
    let given = Program::new(&arguments).env("FREEPBX_API_CLIENT_ID", MACHINE_ID);
    let ended = given.env("FREEPBX_API_CLIENT_SECRET", SECRET).run().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""), "{ended:?}");
    assert!(ended.stderr.contains("/no/such/ca.pem"), "{ended:?}");
}
