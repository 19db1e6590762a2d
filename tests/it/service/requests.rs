//! What exactly is sent.

use std::collections::BTreeMap;

use serde_json::json;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{GRAPHQL_PATH, TOKEN_PATH, answer, config, issues, lists, of, recorder, target};
use crate::support::process::{CONFIG, Program, Service, eventually};
use pbx_exporter::sim::target::{MACHINE_ID, SECRET};

/// A healthy recorder with its service, once it is up and was probed `probes` times.
async fn watched(server: &MockServer, keys: &str, probes: f64) -> Service {
    let service = Service::start(&config(&[target("hq", server.uri(), keys)]), &[]).await;
    let counted = of("pbx_probes_total", "hq");
    eventually("probed often enough", async || (service.value(&counted).await >= Some(probes)).then_some(()))
        .await;
    service
}

async fn sent(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.expect("recording")
}

fn form(request: &Request) -> BTreeMap<String, String> {
    assert_eq!(field(request, "content-type"), "application/x-www-form-urlencoded");
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn pairs(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn field<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn a_healthy_target_costs_one_token_request_and_a_list_a_probe() {
    let server = recorder().await;
    answer(&server, GRAPHQL_PATH, lists(3)).await;
    let service = watched(&server, "interval: 1s, timeout: 900ms", 3.0).await;
    drop(service);
    let sent = sent(&server).await;
    assert_eq!(sent[0].url.path(), TOKEN_PATH);
    assert!(sent.len() >= 4 && sent[1..].iter().all(|request| request.url.path() == GRAPHQL_PATH));

    let client = ("client_id", MACHINE_ID);
    let expected = [("grant_type", "client_credentials"), client, ("client_secret", SECRET)];
    assert_eq!(form(&sent[0]), pairs(&expected));
    assert_eq!(field(&sent[0], "authorization"), "");
    for request in &sent {
        assert_eq!((request.method.as_str(), request.url.query()), ("POST", None));
        assert_eq!(field(request, "user-agent"), concat!("pbx_exporter/", env!("CARGO_PKG_VERSION")));
        assert_eq!(field(request, "accept"), "application/json");
        assert_eq!(field(request, "accept-encoding"), "identity");
    }
    for list in &sent[1..] {
        assert_eq!(field(list, "authorization"), "Bearer recorded-token");
        assert_eq!(field(list, "content-type"), "application/json");
        let body: serde_json::Value = serde_json::from_slice(&list.body).expect("JSON");
        let query = "query { fetchAllExtensions(first: 1) { status message totalCount } }";
        assert_eq!(body, json!({ "query": query }));
    }
}

#[tokio::test]
async fn the_client_may_authenticate_by_basic_and_ask_for_scopes() {
    let server = recorder().await;
    answer(&server, GRAPHQL_PATH, lists(3)).await;
    let keys = "headers: {x-tenant: north}, \
                auth: {client_id: 'a b', client_secret: 'c:d', client_auth: basic, scopes: ['gql:core:read', rest]}";
    watched(&server, keys, 1.0).await;
    let sent = sent(&server).await;
    let expected = [("grant_type", "client_credentials"), ("scope", "gql:core:read rest")];
    assert_eq!(form(&sent[0]), pairs(&expected));
    // RFC 6749 section 2.3.1: each part form-encoded, then as in RFC 7617: `a+b:c%3Ad`.
    assert_eq!(field(&sent[0], "authorization"), "Basic YStiOmMlM0Fk");
    assert_eq!(field(&sent[1], "authorization"), "Bearer recorded-token");
    assert!(sent.iter().all(|request| field(request, "x-tenant") == "north"));
}

#[tokio::test]
async fn a_header_value_is_read_anew_from_its_file_and_missed_when_it_is_gone() {
    let server = recorder().await;
    answer(&server, GRAPHQL_PATH, lists(3)).await;
    let keys = "headers: {x-key: {file: key.txt}}, interval: 1s, timeout: 900ms";
    let program = Program::new(&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG]);
    let program =
        program.file(CONFIG, &config(&[target("hq", server.uri(), keys)])).file("key.txt", "first\n");
    let service = program.serve().await;
    service.until(&of("pbx_up", "hq"), 1.0).await;
    assert!(sent(&server).await.iter().all(|request| field(request, "x-key") == "first"));
    service.write("key.txt", "second");
    eventually("the new value is sent", async || {
        sent(&server).await.iter().any(|request| field(request, "x-key") == "second").then_some(())
    })
    .await;
    service.write("key.txt", "");
    service.until(&of("pbx_up", "hq"), 0.0).await;
    let condition = "pbx_target_condition{target=\"hq\",operation=\"extensions\",reason=\"exporter_error\"}";
    assert_eq!(service.value(condition).await, Some(1.0));
    let page = service.get("/").await.body;
    assert!(page.contains("key.txt: empty; restore the file or give this user permission"), "{page}");
    assert!(sent(&server).await.iter().all(|request| !field(request, "x-key").is_empty()));
    service.write("key.txt", "third");
    service.until(&of("pbx_up", "hq"), 1.0).await;
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_replaced_by_its_successor() {
    let server = MockServer::start().await;
    answer(&server, GRAPHQL_PATH, lists(3)).await;
    for (asks, access, refresh) in [
        ("grant_type=password", "token-1", "refresh-1"),
        ("refresh_token=refresh-1", "token-2", "refresh-2"),
        ("refresh_token=refresh-2", "token-3", "refresh-3"),
        ("refresh_token=refresh-3", "token-4", "refresh-4"),
    ] {
        let token = json!({
            "token_type": "Bearer", "expires_in": 1, "access_token": access, "refresh_token": refresh,
        });
        let respond = ResponseTemplate::new(200).set_body_json(token);
        let token = Mock::given(method("POST")).and(path(TOKEN_PATH)).and(body_string_contains(asks));
        token.respond_with(respond).up_to_n_times(1).mount(&server).await;
    }
    let keys = "interval: 1s, timeout: 900ms, \
                auth: {grant: password, username: monitor, password: made-up}";
    let service = Service::start(&config(&[target("hq", server.uri(), keys)]), &[]).await;
    let refreshed = "pbx_token_refreshes_total{target=\"hq\",grant=\"refresh_token\"}";
    eventually("two refreshes", async || (service.value(refreshed).await >= Some(2.0)).then_some(())).await;
    assert_eq!(service.value(&of("pbx_probe_failures_total", "hq")).await, Some(0.0));
    drop(service);
    let sent = sent(&server).await;
    let tokens: Vec<_> = sent.iter().filter(|request| request.url.path() == TOKEN_PATH).map(form).collect();
    let client = [("client_id", MACHINE_ID), ("client_secret", SECRET)];
    let first = [("grant_type", "password"), ("username", "monitor"), ("password", "made-up")];
    assert_eq!(tokens[0], pairs(&[&first[..], &client].concat()));
    let second = [("grant_type", "refresh_token"), ("refresh_token", "refresh-1")];
    assert_eq!(tokens[1], pairs(&[&second[..], &client].concat()));
    assert_eq!(tokens[2]["refresh_token"], "refresh-2");
    let bearers: Vec<_> = sent.iter().map(|request| field(request, "authorization")).collect();
    for (n, token) in ["Bearer token-1", "Bearer token-2"].iter().enumerate() {
        let expected = bearers.iter().position(|bearer| bearer == token);
        assert!(expected.is_some(), "token {n} in {bearers:?}");
    }
}

#[tokio::test]
async fn credentials_go_to_no_other_origin() {
    let (server, other) = (MockServer::start().await, recorder().await);
    answer(&other, GRAPHQL_PATH, lists(3)).await;
    for (at, status) in [(TOKEN_PATH, 307), (GRAPHQL_PATH, 302)] {
        let to = format!("{}{at}", other.uri());
        answer(&server, at, ResponseTemplate::new(status).insert_header("location", to)).await;
    }
    let service = watched(&server, "", 1.0).await;
    let condition = "pbx_target_condition{target=\"hq\",operation=\"token\",reason=\"redirect_refused\"}";
    assert_eq!(service.value(condition).await, Some(1.0));
    assert!(sent(&other).await.is_empty());
    assert!(sent(&server).await.iter().all(|request| request.url.path() == TOKEN_PATH));
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_and_the_list_asked_once_more() {
    let server = MockServer::start().await;
    answer(&server, GRAPHQL_PATH, lists(3)).await;
    let token = |name: &str| Mock::given(path(TOKEN_PATH)).respond_with(issues(name));
    token("first").up_to_n_times(1).mount(&server).await;
    let service = watched(&server, "interval: 1s, timeout: 900ms", 1.0).await;
    server.reset().await;
    token("second").mount(&server).await;
    let denied = json!({"error": "access_denied", "hint": "Access token has been revoked"});
    let list = |bearer: &str| {
        Mock::given(path(GRAPHQL_PATH)).and(wiremock::matchers::header("authorization", bearer))
    };
    list("Bearer first").respond_with(ResponseTemplate::new(401).set_body_json(denied)).mount(&server).await;
    list("Bearer second").respond_with(lists(5)).mount(&server).await;
    service.until(&of("pbx_extensions", "hq"), 5.0).await;
    assert_eq!(service.value(&of("pbx_token_rejections_total", "hq")).await, Some(1.0));
    assert_eq!(service.value(&of("pbx_probe_failures_total", "hq")).await, Some(0.0));
    assert_eq!(super::seen(&server, TOKEN_PATH).await, 1);
}
