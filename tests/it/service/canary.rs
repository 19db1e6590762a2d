//! Made-up secrets and tokens, recognisable by their first word, through successes and every kind of
//! failure: nothing that the service says may contain one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use pbx_exporter::config;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::token_json;
use crate::support::person::settings;
use crate::support::process::{CONFIG, Program, Service, eventually, value};
use crate::support::raw::{Server, closed_port, ok, redirect};

/// In every secret and token, and in whatever the far side says that nobody should repeat.
const MARK: &str = "canary";
const ACCESS: &str = "canary-access-token";
const SECRETS: [&str; 6] = [
    "canary-client-secret",
    "canary-password",
    "canary-refresh-token",
    "canary-proxy-password",
    "canary-header-value",
    "canary-body-key",
];

/// Every form in which a canary may be hidden: as it is, or within Base64 at any of the three offsets.
fn forms() -> Vec<String> {
    let mut forms = vec![MARK.to_owned()];
    for offset in 0..3 {
        let padded = format!("{}{MARK}", " ".repeat(offset));
        for engine in [STANDARD, URL_SAFE] {
            let encoded = engine.encode(&padded);
            // What no neighbour has a part in.
            forms.push(encoded[(offset * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned());
        }
    }
    forms
}

fn assert_silent(what: &str, text: &str) {
    for form in forms() {
        for line in text.lines() {
            assert!(!line.contains(&form), "{what} has {form}: {line}");
        }
    }
}

#[test]
fn canaries_are_found_in_base64_too() {
    for text in ["id:canary-secret", "idx:canary-secret", "idxy:canary-secret"] {
        let encoded = STANDARD.encode(text);
        assert!(forms().iter().any(|form| encoded.contains(form)), "{encoded}");
    }
}

/// An answer whose every part is the far side's own text.
fn told(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} canary-phrase\r\n{fields}content-length: {length}\r\n\r\n{body}")
}

const FIELDS: &str = "content-type: text/canary; canary=canary\r\nwww-authenticate: Basic realm=\"canary\"\r\n\
                      retry-after: canary\r\nx-ratelimit-remaining: canary\r\nset-cookie: canary=canary\r\n";

/// How a PBX answers a token request and a list request, each given whole so that it can be echoed.
type Answer = fn(&str) -> String;

const GOOD: Answer = |_| {
    ok(&json!({
        "token_type": "Bearer", "expires_in": 3600, "access_token": ACCESS, "refresh_token": SECRETS[2],
        "canary": "canary"
    })
    .to_string())
};
const LIST: Answer =
    |_| ok(r#"{"data":{"fetchAllExtensions":{"status":true,"totalCount":3,"message":"canary"}}}"#);

/// Refuses in OAuth2's words and echoes.
fn refusal(status: &str, error: &str, request: &str) -> String {
    let body = json!({"error": error, "message": request, "error_description": request, "hint": request});
    told(status, FIELDS, &body.to_string())
}

/// Name of the target, what its token endpoint does, what its list does, further keys.
const CASES: [(&str, Answer, Answer, &str); 25] = [
    ("well", GOOD, LIST, ""),
    ("basic", GOOD, LIST, "auth: {client_auth: basic}"),
    ("password", GOOD, LIST, "auth: {grant: password, username: u, password: canary-password}"),
    ("refresh", GOOD, LIST, "auth: {grant: refresh_token, refresh_token: canary-refresh-token}"),
    ("unconfirmed", GOOD, LIST, "auth: {grant: authorization_code}"),
    (
        "version",
        GOOD,
        |r| if r.contains("system") { refusal("400", "canary", r) } else { LIST(r) },
        "version: true",
    ),
    (
        "dead-refresh",
        |r| refusal("401", "invalid_request", &format!("The refresh token is invalid. {r}")),
        LIST,
        "auth: {grant: refresh_token, refresh_token: canary-refresh-token}",
    ),
    ("wrong-secret", |r| refusal("401", "invalid_client", r), LIST, ""),
    ("wrong-basic", |r| refusal("401", "invalid_client", r), LIST, "auth: {client_auth: basic}"),
    (
        "wrong-password",
        |r| refusal("400", "invalid_grant", r),
        LIST,
        "auth: {grant: password, username: u, password: canary-password}",
    ),
    ("own-words", |r| refusal("400", "canary-error", r), LIST, ""),
    (
        "crash",
        |r| told("500", FIELDS, &json!({"error": {"type": SECRETS[0], "message": r, "file": r}}).to_string()),
        LIST,
        "",
    ),
    ("page", |r| told("502", FIELDS, &format!("<html>{r}</html>")), LIST, ""),
    ("cut-json", |_| ok(r#"{"access_token":"canary-access-token","#), LIST, ""),
    ("no-json", |r| ok(r), LIST, ""),
    ("spaces", |_| ok(r#"{"access_token":"canary access token\n\"","token_type":"Bearer"}"#), LIST, ""),
    ("letters", |_| ok(r#"{"access_token":"canary-\u0410-\u0000","refresh_token":"canary"}"#), LIST, ""),
    ("types", |_| ok(r#"{"access_token":{"canary":"canary"},"expires_in":"canary"}"#), LIST, ""),
    ("rejected", GOOD, |r| refusal("401", "access_denied", r), ""),
    (
        "declined",
        GOOD,
        |r| told("403", FIELDS, &json!({"error": format!("ajaxRequest declined {r}")}).to_string()),
        "call: {path: '/admin/api/api/extensions?site=canary-query', method: POST, body: '{\"query\":\"{ canary-body-key }\"}'}",
    ),
    (
        "graphql",
        GOOD,
        |r| {
            told(
                "200",
                FIELDS,
                &json!({"errors": [{"message": format!("Cannot query field {r}")}]}).to_string(),
            )
        },
        "",
    ),
    (
        "elsewhere",
        GOOD,
        |_| redirect(307, "https://canary:canary@other.example.com/canary?canary=canary#canary"),
        "",
    ),
    ("loop", GOOD, |_| redirect(307, "/admin/api/api/gql?canary=canary"), ""),
    ("no-http", GOOD, |r| format!("canary {r}\r\n\r\n"), ""),
    (
        "expected",
        GOOD,
        |_| {
            ok(
                r#"{"data":{"fetchAllExtensions":{"status":true,"totalCount":1,"message":"canary","extension":[
                {"extensionId":"2000","tech":"pjsip","user":{"extPassword":"canary"}}]}}}"#,
            )
        },
        "expected_extensions: [2001]",
    ),
];

async fn pbx(token: Answer, list: Answer) -> Server {
    Server::answering(move |request| {
        if request.starts_with("POST /admin/api/api/token") { token(request) } else { list(request) }
    })
    .await
}

/// All cases and those without an HTTP answer, as one configuration.
async fn everything() -> (String, Vec<String>) {
    let mut targets = vec![];
    for (name, token, list, keys) in CASES {
        targets.push((name, pbx(token, list).await.http(""), keys.to_owned()));
    }
    let plain = pbx(GOOD, LIST).await;
    let closed = closed_port().await;
    // Speaks unasked.
    let rude = Server::scripted(|_, mut stream| async move {
        let _ = stream.write_all(told("400", FIELDS, MARK).as_bytes()).await;
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    let proxy =
        Server::answering(|request| told("407", "proxy-authenticate: Basic realm=canary\r\n", request)).await;
    let through =
        |url: String| format!("proxy: {{url: '{url}', username: u, password: canary-proxy-password}}");
    targets.push(("refused", format!("http://{closed}"), String::new()));
    targets.push(("not-tls", rude.https(""), String::new()));
    targets.push(("proxy", plain.http(""), through(proxy.http(""))));
    targets.push(("proxy-tunnel", "https://pbx.invalid".into(), through(proxy.http(""))));
    targets.push(("proxy-refused", plain.http(""), through(format!("http://{closed}"))));
    targets.push(("socks", plain.http(""), through(format!("socks5h://{}", rude.address))));
    let mut text = "limits: {probes_per_host: 100}\nstorage: {path: tokens}\n\
                    defaults: {failure_interval: 1s, headers: {x-key: canary-header-value},\n  \
                    auth: {client_id: app, client_secret: canary-client-secret}}\ntargets:\n"
        .to_owned();
    for (name, url, keys) in &targets {
        text.extend(["- ", &super::target(name, url, keys), "\n"]);
    }
    (text, targets.into_iter().map(|(name, ..)| name.to_owned()).collect())
}

/// Configurations that are wrong just where secrets are.
const BAD: [&str; 9] = [
    "targets: [{name: a, url: 'https://canary:canary@pbx.example.com', auth: {client_id: a, client_secret: canary}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: [canary]}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: {canary: canary}}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: 'canary}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret_env: canary-secret}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: canary, client_secret: canary}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: x}, headers: {x-key: \"canary\\u0007\"}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: x}, proxy: {url: 'http://u:canary@p.example.com'}}]",
    "targets: [{name: a, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: x}, call: {path: '/a', body: canary}}]",
];

/// All that a running service says, asked in every way.
async fn said(service: &mut Service, targets: &[String]) -> Vec<(String, String)> {
    let mut said = Vec::new();
    eventually("every target is probed", async || {
        let metrics = service.metrics().await;
        let probed = |name: &String| value(&metrics, &super::of("pbx_probes_total", name)) >= Some(1.0);
        targets.iter().all(probed).then_some(())
    })
    .await;
    for name in targets {
        let reply = service.post(&format!("/-/probe?target={name}")).await;
        said.push((format!("probe of {name}"), reply.whole()));
    }
    for bad in BAD {
        service.write(CONFIG, bad);
        let reply = service.post("/-/reload").await;
        assert_eq!(reply.status, 500, "{bad}");
        said.push(("reload".into(), reply.whole()));
    }
    let accept = "accept: application/openmetrics-text; version=1.0.0";
    said.push(("OpenMetrics".into(), service.ask("GET", "/metrics", &[accept]).await.whole()));
    for path in ["/metrics", "/", "/-/ready", "/-/healthy"] {
        said.push((path.into(), service.get(path).await.whole()));
    }
    service.signal("TERM").await;
    let ended = service.ended(super::SECOND * 5).await;
    assert_eq!(ended.code, Some(0));
    said.extend([("stdout".into(), ended.stdout), ("stderr".into(), ended.stderr)]);
    said
}

#[tokio::test]
async fn nothing_that_the_service_says_holds_a_secret_or_a_token() {
    for format in ["logfmt", "json"] {
        let (text, targets) = everything().await;
        let arguments = ["--log.level=trace", "--log.format", format];
        let mut service = Service::start(&text, &arguments).await;
        let said = said(&mut service, &targets).await;
        // The cases are what they are meant to be.
        let metrics = &said.iter().find(|(what, _)| what == "/metrics").expect("it was asked for").1;
        for (target, reason) in REASONS {
            let condition = format!("reason=\"{reason}\"}} 1");
            let shown = metrics.lines().any(|line| {
                line.starts_with(&format!("pbx_target_condition{{target=\"{target}\","))
                    && line.ends_with(&condition)
            });
            assert!(shown, "{target} has no {reason}:\n{metrics}");
        }
        for name in ["well", "basic", "password", "refresh", "expected"] {
            assert_eq!(value(metrics, &super::of("pbx_up", name)), Some(1.0), "{name}");
        }
        for (what, text) in &said {
            assert_silent(what, text);
        }
    }
}

const REASONS: [(&str, &str); 17] = [
    ("unconfirmed", "authorization_required"),
    ("dead-refresh", "authorization_required"),
    ("wrong-secret", "invalid_client"),
    ("wrong-password", "invalid_grant"),
    ("crash", "server_error"),
    ("page", "server_error"),
    ("cut-json", "unexpected_response"),
    ("spaces", "unexpected_response"),
    ("letters", "unexpected_response"),
    ("rejected", "token_rejected"),
    ("declined", "ajax_declined"),
    ("elsewhere", "redirect_refused"),
    ("loop", "redirect_refused"),
    ("no-http", "unexpected_response"),
    ("refused", "connect"),
    ("not-tls", "tls"),
    ("proxy", "proxy"),
];

#[tokio::test]
async fn neither_check_nor_a_failed_start_repeats_a_secret() {
    let (text, _) = everything().await;
    let good = Program::new(&["check", "--config.file", CONFIG]).file(CONFIG, &text).run().await;
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert_silent("check", &format!("{}{}", good.stdout, good.stderr));
    for bad in BAD {
        for arguments in [&["check", "--config.file", CONFIG][..], &["--config.file", CONFIG]] {
            let ended = Program::new(arguments).file(CONFIG, bad).run().await;
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{bad}");
            assert!(ended.stderr.contains(CONFIG), "{}", ended.stderr);
            assert_silent(bad, &ended.stderr);
        }
    }
}

#[tokio::test]
async fn commands_for_the_operator_show_no_secret() {
    let (text, names) = everything().await;
    for arguments in [
        &["diagnose"][..],
        &["diagnose-api", "--output", "json", "--log.level", "trace"],
        &["diagnose", "--color", "always"],
        &["test-connection", "--log.level", "trace"],
        &["test-connection", "--output", "json"],
    ] {
        let arguments = [&["--config.file", CONFIG], arguments].concat();
        let ended = Program::new(&arguments).file(CONFIG, &text).run().await;
        assert_silent(&arguments.join(" "), &format!("{}{}", ended.stdout, ended.stderr));
        for name in &names {
            assert!(ended.stdout.contains(name.as_str()), "{arguments:?} says nothing of {name}");
        }
    }
}

#[tokio::test]
async fn what_a_browser_brings_is_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = format!("path: '{}'", settings(folder.path()).path.display());
    let text = everything().await.0.replace("path: tokens", &storage);
    for brought in
        ["code=canary&state=canary", "error=canary&error_description=canary&state=canary", "canary"]
    {
        let arguments = ["authorize", "unconfirmed", "--paste", "--config.file", CONFIG, "--log.level=trace"];
        let program = Program::new(&arguments).file(CONFIG, &text);
        let ended = program.input(&format!("http://127.0.0.1:8765/callback?{brought}\n")).run().await;
        assert_eq!(ended.code, Some(6), "{}", ended.stderr);
        assert!(ended.stderr.contains("unconfirmed: not confirmed: "), "{}", ended.stderr);
        assert_silent(brought, &format!("{}{}", ended.stdout, ended.stderr));
    }
}

#[tokio::test]
async fn a_list_of_extensions_shows_no_secret() {
    let (text, names) = everything().await;
    let accounts = "extension;secret\n2000;canary\n2001;canary\n";
    for name in &names {
        for arguments in [
            &["extensions", "--log.level", "trace"][..],
            &["sync-sip-accounts", "--output", "json"],
            &["extensions", "--output", "csv"],
            &["extensions", "--expected", "-"],
        ] {
            let arguments = [arguments, &["--config.file", CONFIG, name]].concat();
            let ended = Program::new(&arguments).file(CONFIG, &text).input(accounts).run().await;
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert_silent(&arguments.join(" "), &said);
            assert!(said.contains(name.as_str()), "{arguments:?} says nothing of {name}: {said}");
            assert_eq!(ended.code == Some(3), name == "expected", "{arguments:?}: {said}");
        }
    }
}

#[tokio::test]
async fn a_diagnosis_with_credentials_from_the_environment_shows_no_secret() {
    for (name, token, list, _) in CASES {
        let server = pbx(token, list).await;
        for (platform, prefix) in [("freepbx", "FREEPBX_API"), ("ringme", "PBX_API"), ("portsip", "PBX_API")]
        {
            for arguments in [&["--log.level", "trace"][..], &["--output", "json"]] {
                let url = server.http("");
                let arguments = [&["diagnose", "--ad-hoc", &url, "--platform", platform], arguments].concat();
                let variable = |key| format!("{prefix}_{key}");
                let program = Program::new(&arguments)
                    .env(&variable("CLIENT_ID"), "app")
                    .env(&variable("CLIENT_SECRET"), SECRETS[0])
                    .env(&variable("USERNAME"), "u")
                    .env(&variable("PASSWORD"), SECRETS[1]);
                let ended = program.run().await;
                assert_silent(name, &format!("{}{}", ended.stdout, ended.stderr));
                assert!(ended.stdout.contains("127.0.0.1"), "{name}: {ended:?}");
                assert_ne!(ended.code, Some(4), "{name}: {ended:?}");
            }
        }
    }
}

#[tokio::test]
async fn debug_output_shows_no_secret() {
    let (text, _) = everything().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(CONFIG);
    // What one calls is no secret of the exporter's.
    std::fs::write(&path, text.replace("canary-query", "query").replace("canary-body-key", "text"))
        .expect("a file");
    let config = config::load(&[path.display().to_string()], &|_| None).expect("valid");
    assert_silent("Config", &format!("{config:?}{config:#?}"));
    for target in &config.targets {
        assert_silent("Target", &format!("{target:?}{:?}", target.auth));
    }
    assert_silent(
        "TokenAnswer",
        &format!("{:?}", serde_json::from_str::<pbx_exporter::oauth::IssuedToken>(&token_json(ACCESS))),
    );
}
