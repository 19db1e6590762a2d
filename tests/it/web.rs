//! The HTTP service on a hand-made board.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use pbx_exporter::board::Board;
use pbx_exporter::clock::Clock;
use pbx_exporter::control::{BoxFuture, Control, ProbeNow};
use pbx_exporter::domain::extensions::{Drift, Id};
use pbx_exporter::domain::{Extension, Operation, Reason, Warning};
use pbx_exporter::listener::MayAct;
use pbx_exporter::metrics::{ExporterMetrics, Kept};
use pbx_exporter::web::{WebState, router};
use tower::Service;

use crate::support::board::{NOW, board, condition, failing, healthy, info, probed, slot};

/// Answers as told and notes what was asked.
struct Puppet {
    ready: bool,
    reload: Result<(), String>,
    probe: ProbeNow,
    asked: Mutex<Vec<String>>,
}

impl Control for Puppet {
    fn ready(&self) -> bool {
        self.ready
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        self.asked.lock().unwrap().push("reload".into());
        Box::pin(async { self.reload.clone() })
    }

    fn probe_now(&self, target: &str) -> BoxFuture<'_, ProbeNow> {
        self.asked.lock().unwrap().push(format!("probe {target}"));
        Box::pin(async { self.probe })
    }
}

struct Web {
    board: Arc<Board>,
    control: Arc<Puppet>,
}

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn puppet() -> Puppet {
    Puppet { ready: true, reload: Ok(()), probe: ProbeNow::Done, asked: Mutex::default() }
}

fn web(board: Arc<Board>, control: Puppet) -> Web {
    Web { board, control: Arc::new(control) }
}

impl Web {
    fn state(&self, telemetry_path: &str) -> WebState {
        WebState {
            board: self.board.clone(),
            exporter: ExporterMetrics::new(),
            kept: Kept::default(),
            clock: Clock::steered(NOW),
            control: self.control.clone(),
            telemetry_path: telemetry_path.into(),
        }
    }

    async fn ask(&self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Seen {
        let mut request = Request::builder().method(method).uri(uri).header("host", "watch.example.com");
        request = request.extension(MayAct(true));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut router = router(self.state("/metrics")).unwrap();
        let response = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Seen { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, uri: &str) -> Seen {
        self.ask(Method::GET, uri, &[]).await
    }

    async fn post(&self, uri: &str) -> Seen {
        self.ask(Method::POST, uri, &[]).await
    }
}

/// Every path that the router knows, read from itself.
pub fn routes() -> Vec<String> {
    let router = format!("{:?}", router(web(board(vec![]), puppet()).state("/metrics")).unwrap());
    let paths = router.split("RouteId(").filter_map(|part| part.split_once("): \"")?.1.split('"').next());
    let mut paths: Vec<_> = paths.filter(|path| path.starts_with('/')).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[tokio::test]
async fn the_exposition_is_negotiated() {
    let web = web(board(vec![healthy("hq")]), puppet());
    let plain = web.get("/metrics").await;
    assert_eq!(plain.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(plain.header("vary"), "Accept, Accept-Encoding");
    assert!(plain.body.contains("\npbx_up{target=\"hq\"} 1\n") && !plain.body.contains("# EOF"));

    let accept = [("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")];
    let open = web.ask(Method::GET, "/metrics", &accept).await;
    assert_eq!(open.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.body.ends_with("# EOF\n"));

    for coding in ["gzip", "zstd"] {
        let coded = web.ask(Method::GET, "/metrics", &[("accept-encoding", coding)]).await;
        assert_eq!(coded.header("content-encoding"), coding);
        assert!(coded.body.len() < plain.body.len() / 2);
    }
    let head = web.ask(Method::HEAD, "/metrics", &[]).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("content-type"), plain.header("content-type"));
}

#[tokio::test]
async fn a_telemetry_path_that_hides_the_page_is_refused() {
    let web = web(board(vec![]), puppet());
    assert!(router(web.state("/")).is_err());
    assert!(router(web.state("/-/ready")).is_err());
    let mut router = router(web.state("/other/path")).unwrap();
    let request = Request::get("/other/path").body(Body::empty()).unwrap();
    assert_eq!(router.call(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let web = web(board(vec![]), Puppet { ready: false, ..puppet() });
    let healthy = web.get("/-/healthy").await;
    assert_eq!((healthy.status, healthy.body.as_str()), (StatusCode::OK, "Healthy\n"));
    assert_eq!(web.get("/-/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let web = self::web(board(vec![]), puppet());
    assert_eq!(web.get("/-/ready").await.status, StatusCode::OK);
    assert_eq!(web.get("/nowhere").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_reload_answers_with_the_whole_error() {
    let error = "failed to read pbx.yml: line 3: unknown key `intervall`";
    let web = web(board(vec![]), Puppet { reload: Err(error.into()), ..puppet() });
    let seen = web.post("/-/reload").await;
    assert_eq!((seen.status, seen.body.trim_end()), (StatusCode::INTERNAL_SERVER_ERROR, error));
    let web = self::web(board(vec![]), puppet());
    assert_eq!(web.post("/-/reload").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_triggers_something_is_no_get() {
    let web = web(board(vec![]), puppet());
    for uri in ["/-/reload", "/-/probe?target=hq"] {
        let seen = web.get(uri).await;
        assert_eq!((seen.status, seen.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    }
    assert!(web.control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn pages_of_other_sites_can_trigger_nothing() {
    let web = web(board(vec![healthy("hq")]), puppet());
    for uri in ["/-/reload", "/-/probe?target=hq"] {
        for foreign in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example.com")] {
            assert_eq!(web.ask(Method::POST, uri, &[foreign]).await.status, StatusCode::FORBIDDEN);
        }
        assert!(web.control.asked.lock().unwrap().is_empty());
        for own in [("sec-fetch-site", "same-origin"), ("origin", "http://watch.example.com")] {
            assert_eq!(web.ask(Method::POST, uri, &[own]).await.status, StatusCode::OK);
        }
        assert_eq!(web.control.asked.lock().unwrap().drain(..).count(), 2);
    }
}

#[tokio::test]
async fn a_probe_on_request_tells_what_the_board_then_shows() {
    let warns = slot(info("warns"), |state| {
        probed(state, true);
        condition(state, Operation::Token, Reason::Timeout, "no answer within 10s");
    });
    let web = web(board(vec![healthy("a b"), failing("branch"), warns]), puppet());
    for (uri, line) in [
        ("/-/probe?target=a+b", "a b: up\n"),
        ("/-/probe?target=branch", "branch: down; token: invalid_client: the client secret is refused\n"),
        ("/-/probe?target=warns", "warns: up; token: timeout: no answer within 10s\n"),
    ] {
        let seen = web.post(uri).await;
        assert_eq!((seen.status, seen.body.as_str()), (StatusCode::OK, line));
    }
    assert_eq!(*web.control.asked.lock().unwrap(), ["probe a b", "probe branch", "probe warns"]);
    assert_eq!(web.post("/-/probe").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(web.post("/-/probe?target=").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(web.post("/-/probe?target=gone-by-now").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_probe_that_cannot_be_says_when_it_can() {
    let retry_after = Duration::from_millis(41_200);
    for (probe, status, retry) in [
        (ProbeNow::UnknownTarget, StatusCode::NOT_FOUND, ""),
        (ProbeNow::TooSoon { retry_after }, StatusCode::TOO_MANY_REQUESTS, "42"),
        (ProbeNow::RefusalBudget { retry_after }, StatusCode::TOO_MANY_REQUESTS, "42"),
        (ProbeNow::Stopping, StatusCode::SERVICE_UNAVAILABLE, ""),
    ] {
        let web = web(board(vec![healthy("hq")]), Puppet { probe, ..puppet() });
        let seen = web.post("/-/probe?target=absent").await;
        assert_eq!((seen.status, seen.header("retry-after")), (status, retry), "{probe:?}");
        let budget = matches!(probe, ProbeNow::RefusalBudget { .. });
        assert_eq!(seen.body.contains("limits.refusals_per_origin"), budget);
        assert!(!seen.body.contains("hq") && !seen.body.contains("absent"), "{}", seen.body);
    }
}

#[tokio::test]
async fn the_page_lists_the_failing_first_and_escapes_everything() {
    let hostile = slot(info("<script>&\"'"), |state| {
        probed(state, false);
        condition(state, Operation::Extensions, Reason::Forbidden, "<img src=x onerror=alert(1)> & more");
    });
    let warns = slot(info("warns"), |state| {
        probed(state, true);
        condition(state, Operation::Token, Reason::Timeout, "no answer within 10s");
    });
    let slots = vec![healthy("alpha"), slot(info("new"), |_| {}), warns, failing("zeta"), hostile];
    let page = web(board(slots), puppet()).get("/").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let rows: Vec<_> =
        page.body.split("<tr id=\"").skip(1).map(|row| row.split('"').next().unwrap()).collect();
    assert_eq!(rows, ["%3Cscript%3E%26%22%27", "zeta", "warns", "new", "alpha"]);
    assert!(!page.body.contains("<script") && !page.body.contains("<img"));
    for text in [
        "&lt;img src=x onerror=alert(1)&gt; &amp; more",
        "<title>(2 failing) pbx_exporter</title>",
        ">token: invalid_client</code>",
        "title=\"cause: ",
        "the client secret is refused",
        "http://pbx.example.com:83",
        "http-equiv=\"refresh\" content=\"30\"",
        "href=\"./metrics\"",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    for count in ["</span> 2 failing", "</span> 1 warning", "</span> 1 not yet probed", "</span> 1 up"] {
        assert!(page.body.contains(count), "{count}");
    }
}

#[tokio::test]
async fn the_page_tells_what_is_put_off_and_until_when() {
    let put_off = |seconds: f64, up| {
        slot(info("later"), |state| {
            if let Some(up) = up {
                probed(state, up);
            }
            state.put_off = Some(NOW + seconds);
        })
    };
    let sentence = "this PBX rejected many requests lately, and one more rejection could make fail2ban ban this exporter";
    for (seconds, up, badge, next) in [
        (2300.0, None, "put off", "next in 38 min"),
        (2300.0, Some(false), "failing", "next in 38 min"),
        (20.0, Some(false), "failing", "next in 47 s"),
        (-1.0, None, "not yet probed", ""),
    ] {
        let page = web(board(vec![put_off(seconds, up)]), puppet()).get("/").await.body;
        let text = text_of(&page);
        assert_eq!(text.contains(sentence), seconds > 0.0, "{text}");
        assert!(text.contains(badge) && text.contains(next), "{text}");
        let until = text.contains("Not probed for another 38 min (until 20:23 UTC)");
        assert_eq!(until, seconds > 2000.0, "{text}");
    }
    let page =
        web(board(vec![put_off(2300.0, None), healthy("hq"), failing("branch")]), puppet()).get("/").await;
    let order = ["branch", "later", "hq"].map(|name| page.body.find(&format!("<tr id=\"{name}\"")).unwrap());
    assert!(order.is_sorted(), "{order:?}");
}

fn text_of(page: &str) -> String {
    page.split('<').skip(1).map(|part| part.split_once('>').unwrap().1).collect()
}

#[tokio::test]
async fn the_page_shows_ages_waits_and_extensions() {
    let page = web(board(vec![healthy("hq")]), puppet()).get("/").await.body;
    let text = text_of(&page);
    for shown in ["10 min old", "expires in 4", "12 s ago, took 266 ms", "next in 47 s", "Extensions✓ uphq"]
    {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(web(board(vec![]), puppet()).get("/").await.body.contains("No target is configured."));
}

#[tokio::test]
async fn the_page_says_that_an_empty_list_is_in_doubt() {
    let doubted = slot(info("emptied"), |state| {
        probed(state, true);
        state.extensions = Some(0);
        let endpoint = state.endpoint_mut(Operation::Extensions);
        (endpoint.up, endpoint.warning) = (Some(true), Some(Warning::EmptyList));
    });
    let page = web(board(vec![doubted, healthy("hq")]), puppet()).get("/").await.body;
    assert!(page.contains("extensions: empty_list_in_doubt"), "{page}");
    assert!(text_of(&page).contains("! warningemptied"), "{}", text_of(&page));
}

#[tokio::test]
async fn the_page_names_the_first_extensions_that_are_missing_or_not_expected() {
    let expected: Vec<_> =
        (1000..1030).map(|n: u32| Id::from(n.to_string())).chain(["0200".into()]).collect();
    let listed = ["200", "<b>"].map(|id| Extension { id: id.into(), tech: None, name: None });
    let drift = Drift::between(&expected, &listed).cut(20);
    let compared = |name, drift| {
        slot(info(name), |state| {
            probed(state, true);
            state.drift = Some(Arc::new(drift));
        })
    };
    let cause = "failed to read accounts.csv: it is empty";
    let slots = vec![
        compared("drifts", Ok(drift)),
        compared("unknown", Err(cause.into())),
        compared("agrees", Ok(Drift { expected: 2, ..Drift::default() })),
    ];
    let page = web(board(slots), puppet()).get("/").await.body;
    for part in [
        "compared with 31 expected",
        "31 missing: 0200, 1000, 1001, ",
        "1018 and 11 more<",
        "2 not expected: 200, &lt;b&gt;<",
        "0200 and 200 differ only in leading zeros",
        cause,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("1019") && !page.contains("agrees: "), "{page}");
    let order = ["#drifts", "#unknown", "#agrees"].map(|anchor| page.find(anchor).expect(anchor));
    assert!(order.is_sorted(), "what differs comes first");
    assert_eq!(page.matches("badge warning").count(), 3, "two rows and their number");
}
