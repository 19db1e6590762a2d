//! What is kept, shared and let go; and what each phase says of it.

use http::HeaderValue;
use http::header::USER_AGENT;
use pbx_exporter::domain::target::{ClientSettings, TlsVersion};
use pbx_exporter::transport::{HttpTransport, Transport};

use super::{LIMITS, body, get, kept};
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
    assert!(requests.iter().all(|r| !r.contains("accept-encoding")), "{requests:?}");
}
