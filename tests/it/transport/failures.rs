//! Far sides that hang, break off, talk nonsense or too much; and those that are not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pbx_exporter::domain::target::ClientSettings;
use pbx_exporter::domain::{Garbled, Phase, TransportError as E};
use tokio::io::AsyncWriteExt;

use super::{LIMITS, SHORT, exchange, failure, get, post};
use crate::support::raw::{Server, closed_port, ok};

fn direct() -> ClientSettings {
    ClientSettings::default()
}

#[tokio::test]
async fn a_server_that_hangs_before_its_answer_times_out_while_processing() {
    let server = Server::hanging_after("").await;
    let (error, exchange) = failure(&direct(), SHORT, get(&server.http("/"))).await;
    assert_eq!(error, E::Timeout { limit: SHORT.timeout, phase: Phase::Processing });
    assert!(!error.never_sent());
    assert_eq!(exchange.status, None);
    assert!(exchange.phases.processing.is_some_and(|s| s > 0.03), "{:?}", exchange.phases);
    assert!(exchange.duration >= SHORT.timeout);
}

#[tokio::test]
async fn a_server_that_hangs_in_its_body_times_out_in_transfer_with_the_status_known() {
    let server = Server::hanging_after("HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nhalf").await;
    let (error, exchange) = failure(&direct(), SHORT, get(&server.http("/"))).await;
    assert_eq!(error, E::Timeout { limit: SHORT.timeout, phase: Phase::Transfer });
    assert_eq!(exchange.status.map(|s| s.as_u16()), Some(201));
    assert!(exchange.phases.transfer.is_some());
}

#[tokio::test]
async fn a_reset_is_a_lost_connection() {
    let server = Server::scripted(|server, mut stream| async move {
        server.request(&mut stream).await;
        stream.set_zero_linger().expect("a socket");
    })
    .await;
    let (error, _) = failure(&direct(), LIMITS, post(&server.http("/"))).await;
    assert_eq!(error, E::ConnectionLost("connection reset by the far side".into()));
    assert!(!error.never_sent());
}

#[tokio::test]
async fn what_breaks_off_is_a_lost_connection_that_says_so() {
    for (bytes, words) in [
        ("", "closed before an answer"),
        ("HTTP/1.1 20", "closed before an answer"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "closed in the middle of the answer"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
            "closed in the middle of the answer",
        ),
    ] {
        let server = Server::saying(bytes).await;
        let (error, exchange) = failure(&direct(), LIMITS, get(&server.http("/"))).await;
        assert_eq!(error, E::ConnectionLost(words.into()), "{bytes:?}");
        assert_eq!(
            exchange.status.is_some(),
            bytes.contains("-encoding") || bytes.contains("half"),
            "{bytes:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_says_what_it_is_and_not_that_something_broke_off() {
    for (bytes, what) in [
        ("SSH-2.0-canary-9f3b\r\n\r\n", Garbled::StatusLine),
        ("HTTP/1.1 canary OK\r\n\r\n", Garbled::StatusLine),
        ("HTTP/1.1 200 OK\r\nx-canary-9f3b: \0\r\n\r\n", Garbled::HeaderField),
        ("HTTP/1.1 200 OK\r\ncontent-length: canary-9f3b\r\n\r\n", Garbled::Length),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", Garbled::Length),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Garbled::Transfer),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\ncanary-9f3b\r\n", Garbled::Chunk),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx", Garbled::Coding("br")),
    ] {
        let server = Server::saying(bytes).await;
        let (error, _) = failure(&direct(), LIMITS, get(&server.http("/"))).await;
        assert_eq!(error, E::Garbled(what), "{bytes:?}");
        assert!(!error.never_sent());
    }
    let fields = "x-field: v\r\n".repeat(300);
    let server = Server::answering(move |_| format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).await;
    let (error, _) = failure(&direct(), LIMITS, get(&server.http("/"))).await;
    assert_eq!(error, E::Garbled(Garbled::TooMuchHeader));
}

#[tokio::test]
async fn odd_header_fields_are_read_as_other_clients_read_them() {
    let many = "x-field: v\r\n".repeat(200);
    for fields in [
        "x-policy: default-src self;\r\n img-src *\r\n",
        "x-powered-by : PHP/8.2\r\n",
        "PHP Warning:  PHP Startup: Unable to load dynamic library 'made.so'\r\n",
        "no field at all\r\n",
        "x-name: caf\u{e9}\r\n",
        &many,
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 4\r\n\r\nfine");
        let server = Server::answering(move |_| answer.clone()).await;
        let exchange = exchange(&direct(), LIMITS, get(&server.http("/"))).await;
        assert_eq!(super::body(&exchange), b"fine", "{fields}");
    }
}

/// Writes without end; tells how much was taken.
async fn gushing(head: &'static str) -> (Server, Arc<AtomicUsize>) {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let server = Server::scripted(move |server, mut stream| {
        let count = Arc::clone(&count);
        async move {
            server.request(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
            while count.load(Ordering::SeqCst) < 1 << 30 && stream.write_all(chunk.as_bytes()).await.is_ok() {
                count.fetch_add(chunk.len(), Ordering::SeqCst);
            }
            server.request(&mut stream).await;
        }
    })
    .await;
    (server, written)
}

#[tokio::test]
async fn a_gigabyte_is_refused_after_the_limit() {
    for head in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n",
    ] {
        let (server, written) = gushing(head).await;
        let (error, exchange) = failure(&direct(), LIMITS, get(&server.http("/"))).await;
        assert_eq!(error, E::TooLarge(LIMITS.body));
        assert_eq!(exchange.status.map(|s| s.as_u16()), Some(200));
        // The kernel's socket buffers take a few megabytes whoever reads.
        assert!(written.load(Ordering::SeqCst) < 32 << 20, "{written:?} bytes for {head:?}");
    }
}

#[tokio::test]
async fn a_body_as_large_as_the_limit_is_an_answer() {
    let server = Server::answering(|_| ok(&"x".repeat(64 * 1024))).await;
    let exchange = exchange(&direct(), LIMITS, get(&server.http("/"))).await;
    assert_eq!(super::body(&exchange).len(), 64 * 1024);
}

#[tokio::test]
async fn a_closed_port_refuses_the_connection() {
    let address = closed_port().await;
    let (error, exchange) = failure(&direct(), LIMITS, get(&format!("http://{address}/"))).await;
    assert_eq!(error, E::Connect("connection refused".into()));
    assert!(error.never_sent());
    assert!(exchange.phases.connect.is_some() && exchange.phases.resolve.is_none());
    assert_eq!(exchange.phases.processing, None);
}

#[tokio::test]
async fn an_unknown_name_does_not_resolve() {
    // RFC 6761 section 6.4: never resolves.
    let (error, exchange) = failure(&direct(), LIMITS, get("http://pbx.invalid/")).await;
    assert!(matches!(&error, E::Dns(words) if !words.is_empty()), "{error:?}");
    assert!(exchange.phases.resolve.is_some() && exchange.phases.connect.is_none());
}

#[tokio::test]
async fn a_timeout_before_the_request_was_sent_says_so() {
    // Accepts by the kernel's backlog alone and never speaks TLS.
    let server = Server::scripted(|_, stream| async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let (error, exchange) = failure(&direct(), SHORT, get(&server.https("/"))).await;
    assert_eq!(error, E::Timeout { limit: SHORT.timeout, phase: Phase::Tls });
    assert!(error.never_sent());
    assert!(exchange.phases.tls.is_some_and(|s| s > 0.03), "{:?}", exchange.phases);
    assert_eq!(exchange.phases.processing, None);
}
