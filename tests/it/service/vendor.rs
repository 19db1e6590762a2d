//! A platform that is written in the configuration alone, by the real program: a made-up vendor whose token request
//! is JSON, whose token travels in a header of its own, and which denies with HTTP 200.

use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::process::{CONFIG, Program, Service, eventually, value};

const PLATFORM: &str = r#"
platforms:
  orchard:
    title: Orchard Voice
    grants:
      client_credentials: {application: Orchard key, grant_type: orchard_key}
    token:
      path: /v9/session
      request: json
      names: {client_id: name, client_secret: secret}
      parameters: [{name: garden, about: the number of the garden}]
      answer: {access_token: /session/word, expires_in: /session/minutes}
      lifetime: {unit: minutes}
      success: {pointer: /ok, values: [true]}
    sent_as: {header: X-Orchard-Word}
    headers: {X-Orchard-Api: "9"}
    calls:
      - name: trees
        request: {path: /v9/trees?kind=apple}
        list: /orchard/trees
        id: /number
        success: {pointer: /ok, values: [true]}
        paging: {by: cursor, parameter: after, cursor: /orchard/more}
    rules:
      - {of: token, pointer: /why, values: [NO_SUCH_KEY], reason: invalid_client}
      - of: resource
        pointer: /why
        values: [FENCED]
        reason: access_denied
        diagnosis: "{title} keeps {asked} behind a fence: open the gate for the {application}."
      - {of: resource, pointer: /why, prefix: STALE_, reason: token_rejected}
    reasons:
      access_denied:
        title: the gate is closed
        certainty: certain
        because: The vendor says so.
        avoid: ["Do not climb over the fence."]
"#;

fn target(server: &MockServer) -> String {
    let auth = "auth: {client_id: gardener, client_secret: made-up-secret, parameters: {garden: '12'}}";
    let keys = "interval: 1s, failure_interval: 1s, timeout: 900ms";
    format!(
        "{PLATFORM}targets:\n- {{name: farm, url: '{}', platform: orchard, {keys}, {auth}}}\n",
        server.uri()
    )
}

fn json_answer(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

async fn vendor() -> MockServer {
    let server = MockServer::start().await;
    let asked =
        json!({"grant_type": "orchard_key", "name": "gardener", "secret": "made-up-secret", "garden": "12"});
    Mock::given(method("POST"))
        .and(path("/v9/session"))
        .and(header("content-type", "application/json"))
        .and(header("x-orchard-api", "9"))
        .and(body_json(asked))
        .respond_with(json_answer(&json!({"ok": true, "session": {"word": "made-up-word", "minutes": 60}})))
        .mount(&server)
        .await;
    server
}

fn trees() -> wiremock::MockBuilder {
    Mock::given(method("GET"))
        .and(path("/v9/trees"))
        .and(query_param("kind", "apple"))
        .and(header("x-orchard-word", "made-up-word"))
        .and(header("x-orchard-api", "9"))
}

#[tokio::test]
async fn a_vendor_of_the_configuration_alone_is_watched_over_all_its_pages() {
    let server = vendor().await;
    let first =
        json!({"ok": true, "orchard": {"trees": {"a": {"number": 1}, "b": {"number": 2}}, "more": "c"}});
    let last = json!({"ok": true, "orchard": {"trees": {"c": {"number": "3"}}, "more": null}});
    trees().and(query_param_is_missing("after")).respond_with(json_answer(&first)).mount(&server).await;
    trees().and(query_param("after", "c")).respond_with(json_answer(&last)).mount(&server).await;
    let service = Service::start(&target(&server), &[]).await;
    service.until("pbx_extensions{target=\"farm\"}", 3.0).await;
    let metrics = service.metrics().await;
    assert!(
        metrics
            .contains("pbx_target_info{target=\"farm\",platform=\"orchard\",grant=\"client_credentials\"} 1"),
        "{metrics}"
    );
    let series = |family: &str| value(&metrics, family);
    assert_eq!(series("pbx_up{target=\"farm\"}"), Some(1.0));
    let (issued, expiry) = (
        series("pbx_token_issued_timestamp_seconds{target=\"farm\"}").expect("a token"),
        series("pbx_token_expiry_timestamp_seconds{target=\"farm\"}").expect("a lifetime"),
    );
    assert!((expiry - issued - 3600.0).abs() < 1.0, "60 minutes, not seconds");
    let program = |arguments: &[&str]| Program::new(arguments).file(CONFIG, &target(&server));
    let told = program(&["check", "--config.file", CONFIG]).run().await.stdout;
    assert!(told.contains("farm: orchard http://127.0.0.1:"), "{told}");
    assert!(told.contains("grant client_credentials, calls trees every 1s"), "{told}");
    let told = program(&["extensions", "farm", "--config.file", CONFIG]).run().await;
    assert!(told.stdout.contains("farm lists 3 extensions."), "{}{}", told.stdout, told.stderr);
    let log = service.stderr();
    assert!(!log.contains("made-up-word") && !log.contains("made-up-secret"), "{log}");
}

#[tokio::test]
async fn its_denial_has_a_reason_and_its_own_words_in_metrics_and_diagnosis() {
    let server = vendor().await;
    trees().respond_with(json_answer(&json!({"ok": false, "why": "FENCED"}))).mount(&server).await;
    let service = Service::start(&target(&server), &[]).await;
    service
        .until("pbx_target_condition{target=\"farm\",operation=\"extensions\",reason=\"access_denied\"}", 1.0)
        .await;
    let said = "Orchard Voice keeps GET /v9/trees behind a fence: open the gate for the Orchard key.";
    eventually("the page says so", async || service.get("/").await.body.contains(said).then_some(())).await;
    drop(service);

    let program = Program::new(&["diagnose", "--config.file", CONFIG]).file(CONFIG, &target(&server));
    let ended = program.run().await;
    assert_eq!(ended.code, Some(7), "{}{}", ended.stdout, ended.stderr);
    let out = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("access_denied at the extensions endpoint: the gate is closed"), "{out}");
    assert!(out.contains(said) && out.contains("Do not climb over the fence."), "{out}");
    assert!(out.contains("certain: The vendor says so."), "{out}");
    assert!(out.contains("HTTP 200, JSON, why FENCED"), "{out}");
}

#[tokio::test]
async fn each_of_its_answers_has_the_reason_that_its_rules_give() {
    for (answer, operation, reason) in [
        (json!({"ok": false, "why": "STALE_WORD"}), "extensions", "token_rejected"),
        (json!({"ok": false, "why": "rain"}), "extensions", "query_failed"),
        (json!({"ok": true, "orchard": {}}), "extensions", "unexpected_response"),
    ] {
        let server = vendor().await;
        trees().respond_with(json_answer(&answer)).mount(&server).await;
        let service = Service::start(&target(&server), &[]).await;
        let series =
            format!("pbx_target_condition{{target=\"farm\",operation=\"{operation}\",reason=\"{reason}\"}}");
        service.until(&series, 1.0).await;
    }
    for (answer, reason) in [
        (json!({"ok": false, "why": "NO_SUCH_KEY"}), "invalid_client"),
        (json!({"ok": false, "why": "rain"}), "unexpected_response"),
        (json!({"ok": true, "session": {}}), "unexpected_response"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/v9/session")).respond_with(json_answer(&answer)).mount(&server).await;
        let service = Service::start(&target(&server), &[]).await;
        service
            .until(
                &format!("pbx_target_condition{{target=\"farm\",operation=\"token\",reason=\"{reason}\"}}"),
                1.0,
            )
            .await;
    }
}
