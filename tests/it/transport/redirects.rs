//! Credentials stay on their origin.

use http::Method;
use pbx_exporter::domain::target::ClientSettings;
use pbx_exporter::domain::{Request, TransportError as E};

use super::{CANARY, LIMITS, body, exchange, failure, get, post};
use crate::support::raw::{Server, ok, redirect};

fn direct() -> ClientSettings {
    ClientSettings::default()
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused() {
    let server = Server::answering(|_| redirect(302, "https://user:pw@other.example.com:8443/api?x=1")).await;
    for request in [get(&server.http("/")), post(&server.http("/"))] {
        let (error, exchange) = failure(&direct(), LIMITS, request).await;
        assert_eq!(error, E::RedirectElsewhere("https://other.example.com:8443".into()));
        assert_eq!(exchange.status.map(|s| s.as_u16()), Some(302));
    }
}

#[tokio::test]
async fn credentials_never_reach_another_port() {
    let other = Server::answering(|_| ok("caught")).await;
    let location = other.http("/api");
    let server = Server::answering(move |_| redirect(307, &location)).await;
    let (error, _) = failure(&direct(), LIMITS, post(&server.http("/"))).await;
    assert_eq!(error, E::RedirectElsewhere(other.http("")));
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_redirect_that_leads_back_is_a_loop() {
    let server =
        Server::answering(|request| redirect(302, if request.starts_with("GET /a ") { "/b" } else { "/a" }))
            .await;
    let (error, _) = failure(&direct(), LIMITS, get(&server.http("/a"))).await;
    assert_eq!(error, E::RedirectLoop);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn at_most_five_redirects_are_followed() {
    let hops = |request: &str| {
        let hop: u32 = request[5..6].parse().expect("a digit");
        if hop == 9 { ok("there") } else { redirect(301, &format!("/{}", hop + 1)) }
    };
    let server = Server::answering(hops).await;
    let there = exchange(&direct(), LIMITS, get(&server.http("/4"))).await;
    assert_eq!(body(&there), b"there");
    let (error, _) = failure(&direct(), LIMITS, get(&server.http("/3"))).await;
    assert_eq!(error, E::RedirectLoop);
}

#[tokio::test]
async fn a_redirect_within_the_origin_takes_authorization_along_and_no_referer() {
    let server = Server::answering(|request| {
        if request.starts_with("GET /new ") { ok("moved") } else { redirect(308, "/new#part") }
    })
    .await;
    let exchange = exchange(&direct(), LIMITS, get(&server.http("/old"))).await;
    assert_eq!(body(&exchange), b"moved");
    assert_eq!(exchange.status.map(|s| s.as_u16()), Some(200));
    for request in server.requests() {
        assert!(request.contains(CANARY) && !request.contains("referer"), "{request}");
    }
}

#[tokio::test]
async fn a_post_is_repeated_only_where_the_status_says_so() {
    let server = Server::answering(|request| match request {
        _ if request.starts_with("POST /new ") => ok("posted"),
        _ if request.starts_with("POST /307 ") => redirect(307, "/new"),
        _ => redirect(302, "/new"),
    })
    .await;
    let repeated = exchange(&direct(), LIMITS, post(&server.http("/307"))).await;
    assert_eq!(body(&repeated), b"posted");
    assert!(server.requests()[1].ends_with("secret=canary-9f3b"));
    let answer = exchange(&direct(), LIMITS, post(&server.http("/302"))).await;
    assert_eq!(answer.result.expect("the redirect itself").status, 302);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_head_request_is_followed_too_and_a_redirect_to_nowhere_is_the_answer() {
    let server = Server::answering(|request| match request {
        _ if request.starts_with("HEAD /new ") => "HTTP/1.1 204 Fine\r\n\r\n".into(),
        _ if request.starts_with("HEAD") => redirect(303, "/new"),
        _ => "HTTP/1.1 301 Where\r\ncontent-length: 0\r\n\r\n".into(),
    })
    .await;
    let head = Request { method: Method::HEAD, ..get(&server.http("/")) };
    assert_eq!(exchange(&direct(), LIMITS, head).await.status.map(|s| s.as_u16()), Some(204));
    let nowhere = exchange(&direct(), LIMITS, get(&server.http("/"))).await;
    assert_eq!(nowhere.result.expect("the redirect itself").status, 301);
}
