//! What is kept, shared and let go; and what each phase says of it.

use http::HeaderValue;
use http::header::USER_AGENT;
use pbx_exporter::domain::target::{ClientSettings, TlsVersion};
use pbx_exporter::domain::{Exchange, Request, TransportError as E};
use pbx_exporter::transport::{HttpTransport, Transport};
use tokio::io::AsyncWriteExt;

use super::{LIMITS, body, get, kept, post};
use crate::support::raw::{Server, ok};

#[tokio::test]
async fn a_kept_connection_serves_the_next_exchange_which_then_dials_nothing() {
    let server = Server::answering(|_| ok("fine")).await;
    let (transport, settings) = (HttpTransport::new(), ClientSettings::default());
    let url = format!("http://localhost:{}/", server.address.port());
    let first = transport.exchange(&settings, LIMITS, kept(&url)).await.phases;
    assert!(first.resolve.is_some() && first.connect.is_some() && first.tls.is_none(), "{first:?}");
    assert!(first.processing.is_some() && first.transfer.is_some(), "{first:?}");
    let second = transport.exchange(&settings, LIMITS, get(&url)).await.phases;
    assert_eq!((second.resolve, second.connect, second.tls), (None, None, None));
    assert!(second.processing.is_some() && second.transfer.is_some(), "{second:?}");
    assert_eq!(server.connections(), 1);
    let third = transport.exchange(&settings, LIMITS, get(&url)).await.phases;
    assert!(third.resolve.is_some() && third.connect.is_some(), "{third:?}");
    assert_eq!(server.connections(), 2);
    let closing = server.requests().iter().map(|r| r.contains("connection: close")).collect::<Vec<_>>();
    assert_eq!(closing, [false, true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_exchanges_in_a_row_need_hardly_more_than_one_connection() {
    let server = Server::answering(|_| ok(&"x".repeat(20_000))).await;
    let (transport, settings) = (HttpTransport::new(), ClientSettings::default());
    for _ in 0..50 {
        let exchange = transport.exchange(&settings, LIMITS, kept(&server.http("/"))).await;
        assert_eq!(body(&exchange).len(), 20_000);
    }
    // Another task puts the connection back; one time in a hundred the next exchange is faster.
    assert!(server.connections() <= 10, "{}", server.connections());
}

#[tokio::test]
async fn an_address_needs_no_resolution() {
    let server = Server::answering(|_| ok("fine")).await;
    let phases = super::exchange(&ClientSettings::default(), LIMITS, get(&server.http("/"))).await.phases;
    assert!(phases.resolve.is_none() && phases.connect.is_some(), "{phases:?}");
}

#[tokio::test]
async fn phases_add_up_to_no_more_than_the_duration() {
    let server = Server::answering(|_| ok("fine")).await;
    let exchange = super::exchange(&ClientSettings::default(), LIMITS, get(&server.http("/"))).await;
    let p = exchange.phases;
    let sum: f32 = [p.resolve, p.connect, p.tls, p.processing, p.transfer].into_iter().flatten().sum();
    assert!(sum > 0.0 && sum <= exchange.duration.as_secs_f32() + 1e-6, "{p:?} of {:?}", exchange.duration);
}

#[tokio::test]
async fn equal_settings_share_a_client_until_it_is_no_longer_used() {
    let server = Server::answering(|_| ok("fine")).await;
    let (transport, settings) = (HttpTransport::new(), ClientSettings::default());
    let other = ClientSettings { min_version: TlsVersion::Tls13, ..ClientSettings::default() };
    let run = async |settings: &ClientSettings| {
        transport.exchange(settings, LIMITS, kept(&server.http("/"))).await;
        server.connections()
    };
    assert_eq!(run(&settings).await, 1);
    assert_eq!(run(&settings.clone()).await, 1);
    assert_eq!(run(&other).await, 2);
    transport.retain(&[&settings]);
    assert_eq!(run(&settings).await, 2);
    assert_eq!(run(&other).await, 3);
}

#[tokio::test]
async fn requests_name_the_exporter_unless_the_target_says_otherwise() {
    let server = Server::answering(|_| ok("fine")).await;
    let settings = ClientSettings::default();
    super::exchange(&settings, LIMITS, get(&server.http("/"))).await;
    let mut named = get(&server.http("/"));
    named.headers.insert(USER_AGENT, HeaderValue::from_static("portal/1"));
    super::exchange(&settings, LIMITS, named).await;
    let requests = server.requests();
    assert!(requests[0].contains(concat!("user-agent: pbx_exporter/", env!("CARGO_PKG_VERSION"))));
    assert!(requests[1].contains("user-agent: portal/1") && !requests[1].contains("pbx_exporter"));
    assert!(requests.iter().all(|r| r.contains("accept-encoding: identity\r\n")), "{requests:?}");
}

/// Answers the first request of each connection, and to the second says `last_words` and closes.
async fn closing_after_one(last_words: &'static str) -> Server {
    Server::scripted(move |server, mut stream| async move {
        server.request(&mut stream).await;
        let _ = stream.write_all(ok("fine").as_bytes()).await;
        server.request(&mut stream).await;
        let _ = stream.write_all(last_words.as_bytes()).await;
    })
    .await
}

/// What `second` gives on a connection that has served one request and ends on it; how many requests were seen.
async fn on_a_dying_connection(last_words: &'static str, second: fn(&str) -> Request) -> (Exchange, usize) {
    let server = closing_after_one(last_words).await;
    let (transport, settings) = (HttpTransport::new(), ClientSettings::default());
    let first = transport.exchange(&settings, LIMITS, kept(&server.http("/"))).await;
    assert_eq!(body(&first), b"fine");
    let second = transport.exchange(&settings, LIMITS, second(&server.http("/"))).await;
    assert_eq!(second.phases.connect.is_some(), server.connections() == 2, "{second:?}");
    (second, server.requests().len())
}

#[tokio::test]
async fn what_only_reads_is_sent_once_more_where_a_kept_connection_ends_without_an_answer() {
    let (exchange, seen) = on_a_dying_connection("", get).await;
    assert_eq!((body(&exchange), seen), (&b"fine"[..], 3));
    let query = |url: &str| Request { reads: true, ..post(url) };
    let (exchange, seen) = on_a_dying_connection("", query).await;
    assert_eq!((body(&exchange), seen), (&b"fine"[..], 3));
}

#[tokio::test]
async fn what_may_change_things_is_never_sent_again() {
    let (exchange, seen) = on_a_dying_connection("", post).await;
    assert_eq!(exchange.result.err(), Some(E::ConnectionLost("closed before an answer".into())));
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn an_answer_that_had_begun_is_not_asked_for_again() {
    let (exchange, seen) =
        on_a_dying_connection("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", get).await;
    assert_eq!(exchange.result.err(), Some(E::ConnectionLost("closed in the middle of the answer".into())));
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn a_fresh_connection_that_ends_without_an_answer_is_a_failure_at_once() {
    let server = Server::saying("").await;
    let exchange = super::exchange(&ClientSettings::default(), LIMITS, get(&server.http("/"))).await;
    assert_eq!(exchange.result.err(), Some(E::ConnectionLost("closed before an answer".into())));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_cookies_of_a_pbx_go_back_with_the_requests_of_the_same_target() {
    let server =
        Server::answering(|_| ok("fine").replace("\r\n\r\n", "\r\nset-cookie: s=canary-9f3b\r\n\r\n")).await;
    let (transport, settings) = (HttpTransport::new(), ClientSettings::default());
    for target in ["a", "a", "b"] {
        let request = Request { session: Some(target.into()), ..get(&server.http("/")) };
        let exchange = transport.exchange(&settings, LIMITS, request).await;
        assert_eq!(body(&exchange), b"fine");
        assert!(!format!("{exchange:?}").contains(super::CANARY));
    }
    transport.exchange(&settings, LIMITS, get(&server.http("/"))).await;
    let sent = server.requests().iter().map(|r| r.contains("cookie: s=canary-9f3b\r\n")).collect::<Vec<_>>();
    assert_eq!(sent, [false, true, false, false]);
}
