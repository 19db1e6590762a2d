//! A pass over each shipped platform by the real program: the token request as sent, and the list as read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::process::{CONFIG, Program, Service};

type Pair = (&'static str, &'static str);
/// Path, form or JSON members, and `Authorization`.
type TokenRequest = (&'static str, &'static [Pair], &'static str);

/// What one platform is sent and answers.
struct Case {
    platform: &'static str,
    auth: &'static str,
    token: Option<TokenRequest>,
    token_answer: Value,
    /// Path and query of the list, and the header that carries the token.
    list: (&'static str, &'static str, Pair),
    list_answer: Value,
    total: Option<f64>,
}

const CLIENT: &str = "client_id: made-up-id, client_secret: made-up-secret";
/// `made-up-id:made-up-secret`.
const BASIC: &str = "Basic bWFkZS11cC1pZDptYWRlLXVwLXNlY3JldA==";
const BEARER: Pair = ("authorization", "Bearer made-up-token");
const KEY: Pair = ("authorization", "Bearer made-up-key");
const ID: Pair = ("client_id", "made-up-id");
const SECRET: Pair = ("client_secret", "made-up-secret");

fn usual() -> Value {
    json!({"access_token": "made-up-token", "token_type": "Bearer", "expires_in": 3600})
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let keyed = |platform, list, list_answer, total| Case {
        platform,
        auth: "grant: static, key: made-up-key",
        token: None,
        token_answer: Value::Null,
        list,
        list_answer,
        total,
    };
    vec![
        Case {
            platform: "ringme",
            auth: CLIENT,
            token: Some(("/oauth/token", &[("grant_type", "client_credentials"), ID, SECRET], "")),
            token_answer: usual(),
            list: ("/api/ver1.0/client/@me/extension/", "per_page=100&page=1", BEARER),
            list_answer: json!([{"id": 1, "name": "0003*101"}]),
            total: Some(1.0),
        },
        Case {
            platform: "3cx",
            auth: CLIENT,
            token: Some(("/connect/token", &[("grant_type", "client_credentials"), ID, SECRET], "")),
            token_answer: json!({"token_type": "Bearer", "expires_in": 60, "access_token": "made-up-token", "refresh_token": null}),
            list: ("/xapi/v1/Users", "$top=1&$count=true", BEARER),
            list_answer: json!({"@odata.count": 12, "value": [{"Number": "100"}]}),
            total: Some(12.0),
        },
        Case {
            platform: "zoom-phone",
            auth: "client_id: made-up-id, client_secret: made-up-secret, parameters: {account_id: made-up-account}",
            token: Some((
                "/oauth/token",
                &[("grant_type", "account_credentials"), ("account_id", "made-up-account")],
                BASIC,
            )),
            token_answer: usual(),
            list: ("/v2/phone/users", "page_size=1", BEARER),
            list_answer: json!({"total_records": 7, "users": [{}]}),
            total: Some(7.0),
        },
        Case {
            platform: "ringcentral",
            auth: "client_id: made-up-id, client_secret: made-up-secret, parameters: {assertion: made-up-jwt}",
            token: Some((
                "/restapi/oauth/token",
                &[
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", "made-up-jwt"),
                ],
                BASIC,
            )),
            token_answer: json!({"access_token": "made-up-token", "expires_in": 3600, "refresh_token": "made-up-refresh"}),
            list: ("/restapi/v1.0/account/~/extension", "perPage=1", BEARER),
            list_answer: json!({"records": [{"id": 1}], "paging": {"totalElements": 31}}),
            total: Some(31.0),
        },
        Case {
            platform: "netsapiens",
            auth: "grant: password, client_id: made-up-id, client_secret: made-up-secret, username: u, password: made-up",
            token: Some((
                "/ns-api/oauth2/token/",
                &[("grant_type", "password"), ID, SECRET, ("username", "u"), ("password", "made-up")],
                "",
            )),
            token_answer: usual(),
            list: ("/ns-api/v2/domains/~/users", "limit=100", BEARER),
            list_answer: json!([{"user": "100"}, {"user": "101"}]),
            total: Some(2.0),
        },
        Case {
            platform: "portsip",
            auth: "client_id: made-up-id, username: u, password: made-up",
            token: Some((
                "/api/login/oauth/token",
                &[
                    ("grant_type", "password"),
                    ID,
                    ("username", "u"),
                    ("password", "made-up"),
                    ("scope", "all"),
                ],
                "",
            )),
            token_answer: usual(),
            list: ("/api/users", "", BEARER),
            list_answer: json!({"count": 4, "items": []}),
            total: Some(4.0),
        },
        Case {
            platform: "yeastar",
            auth: CLIENT,
            token: Some((
                "/openapi/v1.0/get_token",
                &[("username", "made-up-id"), ("password", "made-up-secret")],
                "",
            )),
            token_answer: json!({"errcode": 0, "errmsg": "SUCCESS", "access_token": "made-up-token",
                "access_token_expire_time": 1800, "refresh_token": "x", "refresh_token_expire_time": 86400}),
            list: (
                "/openapi/v1.0/extension/list",
                "page=1&page_size=1&access_token=made-up-token",
                ("user-agent", "OpenAPI"),
            ),
            list_answer: json!({"errcode": 0, "errmsg": "SUCCESS", "total_number": 9, "data": [{}]}),
            total: Some(9.0),
        },
        keyed(
            "8x8",
            ("/admin-provisioning/users", "", ("x-api-key", "made-up-key")),
            json!({"data": []}),
            None,
        ),
        keyed(
            "wildix",
            ("/api/v1/Colleagues/", "count=1", KEY),
            json!({"result": {"records": [{}], "total": "15"}}),
            Some(15.0),
        ),
        keyed(
            "dialpad",
            ("/api/v2/users", "limit=100", KEY),
            json!({"items": [{"id": 1}, {"id": 2}]}),
            Some(2.0),
        ),
    ]
}

async fn mount(case: &Case) -> MockServer {
    let server = MockServer::start().await;
    if let Some((at, ..)) = case.token {
        let answer = ResponseTemplate::new(200).set_body_json(&case.token_answer);
        Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    let answer = ResponseTemplate::new(200).set_body_json(&case.list_answer);
    Mock::given(method("GET")).and(path(case.list.0)).respond_with(answer).mount(&server).await;
    server
}

fn members(request: &Request) -> BTreeMap<String, String> {
    let content_type = request.headers["content-type"].to_str().expect("text");
    if content_type == "application/json" {
        return serde_json::from_slice(&request.body).expect("JSON of texts");
    }
    assert_eq!(content_type, "application/x-www-form-urlencoded");
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

#[tokio::test]
async fn headers_for_the_pbx_go_to_no_token_endpoint_elsewhere() {
    let cases = cases();
    let case = cases.iter().find(|case| case.platform == "zoom-phone").expect("a case");
    let (pbx, elsewhere) = tokio::join!(mount(case), mount(case));
    let config = format!(
        "targets:\n- {{name: zoom, url: '{}', platform: zoom-phone, headers: {{X-Gate: canary-gate}}, auth: {{{}, url: '{}'}}}}\n",
        pbx.uri(),
        case.auth,
        elsewhere.uri()
    );
    let service = Service::start(&config, &[]).await;
    service.until("pbx_up{target=\"zoom\"}", 1.0).await;
    let (listed, issued) = tokio::join!(pbx.received_requests(), elsewhere.received_requests());
    let has_gate = |requests: Option<Vec<wiremock::Request>>| {
        requests.expect("recording").iter().map(|one| one.headers.contains_key("x-gate")).collect::<Vec<_>>()
    };
    assert_eq!((has_gate(listed), has_gate(issued)), (vec![true], vec![false]));
}

#[tokio::test]
async fn each_platform_is_asked_in_its_way_and_its_list_is_read() {
    let cases = cases();
    let mut servers = Vec::new();
    let mut config = "defaults: {interval: 1d}\ntargets:\n".to_owned();
    for case in &cases {
        let server = mount(case).await;
        let url = server.uri();
        // Zoom issues tokens elsewhere.
        let elsewhere = if case.platform == "zoom-phone" { format!(", url: '{url}'") } else { String::new() };
        let (name, auth) = (case.platform, case.auth);
        let target =
            format!("- {{name: {name}, url: '{url}', platform: {name}, auth: {{{auth}{elsewhere}}}}}\n");
        config += &target;
        servers.push(server);
    }
    let service = Service::start(&config, &["--log.level=trace"]).await;
    for (case, server) in cases.iter().zip(&servers) {
        let name = case.platform;
        service.until(&format!("pbx_up{{target=\"{name}\"}}"), 1.0).await;
        assert_eq!(
            service.value(&format!("pbx_extensions{{target=\"{name}\"}}")).await,
            case.total,
            "{name}"
        );
        let sent = server.received_requests().await.expect("recording");
        if let Some((at, expected, authorization)) = case.token {
            assert_eq!(sent[0].url.path(), at, "{name}");
            let expected = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(members(&sent[0]), expected, "{name}");
            let given =
                sent[0].headers.get("authorization").map_or("", |value| value.to_str().expect("text"));
            assert_eq!(given, authorization, "{name}");
        }
        let mut lists = sent[usize::from(case.token.is_some())..].iter();
        let list = lists.next().expect("a list");
        assert_eq!(list.method.as_str(), "GET", "{name}");
        assert_eq!(
            (list.url.path(), list.url.query().unwrap_or_default()),
            (case.list.0, case.list.1),
            "{name}"
        );
        let (header, value) = case.list.2;
        assert_eq!(list.headers[header].to_str().expect("text"), value, "{name}");
        // Whether a short page is all is asked once.
        let more: Vec<_> = lists.map(|list| list.url.query().unwrap_or_default()).collect();
        let expected: &[_] = match name {
            "ringme" => &["per_page=100&page=2"],
            "netsapiens" => &["limit=100&start=2"],
            _ => &[],
        };
        assert_eq!(more, expected, "{name}");
    }
    let metrics = service.metrics().await;
    for keyed in ["8x8", "wildix", "dialpad"] {
        let token = format!("target=\"{keyed}\",operation=\"token\"");
        assert!(!metrics.contains(&token), "a fixed key has no token endpoint: {keyed}");
    }
    for shown in [service.stderr(), metrics, service.get("/").await.body] {
        for secret in ["made-up-token", "made-up-secret", "made-up-key", "made-up-jwt", "made-up-refresh"] {
            assert!(!shown.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_refused_key_waits_and_a_fixed_file_ends_the_wait() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v2/users"))
        .and(wiremock::matchers::header("authorization", "Bearer good-key"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"items": []})))
        .mount(&server)
        .await;
    Mock::given(path("/api/v2/users")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let config = format!(
        "targets:\n- {{name: pad, url: '{}', platform: dialpad, interval: 2s, failure_interval: 1s, \
         auth: {{grant: static, key_file: key}}}}\n",
        server.uri()
    );
    let first = ["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG];
    let program = Program::new(&first);
    let service = program.file("key", "bad-key\n").file(CONFIG, &config).serve().await;
    let condition = "pbx_target_condition{target=\"pad\",operation=\"extensions\",reason=\"token_rejected\"}";
    service.until(condition, 1.0).await;
    // Five minutes, and no second key to try.
    service.until("pbx_probe_interval_seconds{target=\"pad\"}", 300.0).await;
    assert_eq!(server.received_requests().await.expect("recording").len(), 1);
    service.write("key", "good-key\n");
    service.until("pbx_up{target=\"pad\"}", 1.0).await;
    assert_eq!(service.value("pbx_token_rejections_total{target=\"pad\"}").await, Some(1.0));
}

#[tokio::test]
async fn a_key_file_that_is_not_there_yet_is_our_own_error_and_sends_nothing() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(json!({"items": []}));
    Mock::given(path("/api/v2/users")).respond_with(answer).mount(&server).await;
    let config = format!(
        "targets:\n- {{name: pad, url: '{}', platform: dialpad, interval: 2s, failure_interval: 1s, \
         auth: {{grant: static, key_file: key}}}}\n",
        server.uri()
    );
    let service = Service::start(&config, &[]).await;
    let condition = "pbx_target_condition{target=\"pad\",operation=\"extensions\",reason=\"exporter_error\"}";
    service.until(condition, 1.0).await;
    let cause = "pbx_target_cause{target=\"pad\",operation=\"extensions\",cause=\"key_unreadable\"}";
    service.until(cause, 1.0).await;
    assert_eq!(server.received_requests().await.expect("recording").len(), 0);
    service.write("key", "good-key\n");
    service.until("pbx_up{target=\"pad\"}", 1.0).await;
}
