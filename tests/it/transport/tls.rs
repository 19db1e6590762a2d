//! Handshakes good and bad, and what the chain served tells in either case.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pbx_exporter::domain::target::{ClientSettings, TlsVersion};
use pbx_exporter::domain::{Exchange, TransportError as E};
use pbx_exporter::transport::{HttpTransport, Limits, Transport};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ALL_VERSIONS;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::{LIMITS, body, exchange, failed, failure, get, kept, post};
use crate::support::raw::{Server, ok};
use crate::support::tls::{Authority, EXPIRED_ON, GOOD_UNTIL, Identity};

fn trusting(authority: &Authority) -> ClientSettings {
    ClientSettings { ca_file: Some(authority.ca_file()), ..ClientSettings::default() }
}

async fn serving(identity: &Identity) -> Server {
    Server::answering_tls(identity.server(ALL_VERSIONS), |_| ok("fine")).await
}

async fn refusal(settings: &ClientSettings, server: &Server) -> (String, Exchange) {
    let (error, exchange) = failure(settings, LIMITS, post(&server.https("/"))).await;
    assert!(error.never_sent(), "{error:?}");
    assert!(exchange.phases.tls.is_some(), "{:?}", exchange.phases);
    assert!(server.requests().is_empty());
    match error {
        E::Tls(words) => (words, exchange),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_chain_of_the_ca_file_is_trusted_and_its_expiry_told() {
    let authority = Authority::new();
    for versions in [[&TLS12], [&TLS13]] {
        let config = authority.good().server(&versions);
        let server = Server::answering_tls(config, |_| ok("fine")).await;
        let exchange = exchange(&trusting(&authority), LIMITS, get(&server.https("/"))).await;
        assert_eq!(body(&exchange), b"fine");
        assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
        let phases = exchange.phases;
        assert!(phases.resolve.is_some() && phases.connect.is_some() && phases.tls.is_some(), "{phases:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_has_no_handshake_and_a_new_one_shows_the_chain_again() {
    let authority = Authority::new();
    let server = serving(&authority.good()).await;
    let (transport, settings) = (HttpTransport::new(), trusting(&authority));
    let first = transport.exchange(&settings, LIMITS, kept(&server.https("/"))).await;
    let second = transport.exchange(&settings, LIMITS, get(&server.https("/"))).await;
    let third = transport.exchange(&settings, LIMITS, get(&server.https("/"))).await;
    assert_eq!(server.connections(), 2);
    let handshakes = [&first, &second, &third].map(|e| e.phases.tls.is_some());
    assert_eq!(handshakes, [true, false, true]);
    let told = [first, second, third].map(|e| e.certificate_expiry);
    assert_eq!(told, [Some(GOOD_UNTIL), None, Some(GOOD_UNTIL)]);
}

#[tokio::test]
async fn an_unknown_issuer_is_refused_with_the_expiry_told() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = serving(&authority.good()).await;
    let (words, exchange) = refusal(&trusting(&other), &server).await;
    assert_eq!(words, "certificate of an unknown issuer: self-signed, or its CA is not trusted here");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    let authority = Authority::new();
    let server = serving(&authority.issue("localhost", 2020)).await;
    let (words, exchange) = refusal(&trusting(&authority), &server).await;
    assert_eq!(words, "certificate expired on 01 Jan 2020");
    assert_eq!(exchange.certificate_expiry, Some(EXPIRED_ON));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_its_names() {
    let authority = Authority::new();
    let server = serving(&authority.issue("pbx.example.com", 2100)).await;
    let (words, exchange) = refusal(&trusting(&authority), &server).await;
    assert_eq!(words, "certificate is not for localhost but for pbx.example.com");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
}

#[tokio::test]
async fn any_certificate_does_when_verification_is_off_and_its_expiry_is_still_told() {
    let server = serving(&Identity::self_signed("other.example.com", 2020)).await;
    let settings = ClientSettings { insecure_skip_verify: true, ..ClientSettings::default() };
    let exchange = exchange(&settings, LIMITS, get(&server.https("/"))).await;
    assert_eq!(body(&exchange), b"fine");
    assert_eq!(exchange.certificate_expiry, Some(EXPIRED_ON));
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_the_ca_file_names_it_and_only_then() {
    let folder = Authority::new();
    let trusting = |identity: &Identity| ClientSettings {
        ca_file: Some(folder.file("own.pem", &identity.certificate_pem)),
        ..ClientSettings::default()
    };
    let own = Identity::self_signed("localhost", 2100);
    let server = serving(&own).await;
    let (words, exchange) = refusal(&self::trusting(&folder), &server).await;
    assert!(words.starts_with("certificate of an unknown issuer"), "{words}");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
    let trusted = super::exchange(&trusting(&own), LIMITS, get(&server.https("/"))).await;
    assert_eq!(body(&trusted), b"fine");

    let expired = Identity::self_signed("localhost", 2020);
    let (words, _) = refusal(&trusting(&expired), &serving(&expired).await).await;
    assert_eq!(words, "certificate expired on 01 Jan 2020");
    let misnamed = Identity::self_signed("pbx.example.com", 2100);
    let (words, _) = refusal(&trusting(&misnamed), &serving(&misnamed).await).await;
    assert_eq!(words, "certificate is not for localhost but for pbx.example.com");
}

#[tokio::test]
async fn plain_http_on_the_port_is_called_so() {
    let server = Server::scripted(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let (words, exchange) = refusal(&ClientSettings::default(), &server).await;
    assert_eq!(words, E::NOT_TLS);
    assert_eq!(exchange.certificate_expiry, None);
}

#[tokio::test]
async fn a_server_that_closes_in_the_handshake_is_a_tls_failure() {
    let server = Server::scripted(|_, stream| async move { drop(stream) }).await;
    let (error, _) = failure(&ClientSettings::default(), LIMITS, get(&server.https("/"))).await;
    assert!(matches!(error, E::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_below_the_minimum_version_is_refused() {
    let authority = Authority::new();
    let server = Server::answering_tls(authority.good().server(&[&TLS12]), |_| ok("fine")).await;
    let settings = ClientSettings { min_version: TlsVersion::Tls13, ..trusting(&authority) };
    let (words, exchange) = refusal(&settings, &server).await;
    assert_eq!(words, "protocol version: the server speaks none of those allowed");
    assert_eq!(exchange.certificate_expiry, None);
}

#[tokio::test]
async fn a_required_client_certificate_is_asked_for_and_accepted() {
    let authority = Authority::new();
    let client = authority.issue("client", 2100);
    let files =
        (authority.file("c.pem", &client.certificate_pem), authority.file("c.key", &client.key_pem()));
    for version in [&TLS12, &TLS13] {
        let config = authority.requiring_client(&authority.good(), version);
        let server = Server::answering_tls(config, |_| ok("known")).await;
        let (words, exchange) = refusal(&trusting(&authority), &server).await;
        assert_eq!(words, "the server requires a client certificate");
        assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
        let settings = ClientSettings { client_certificate: Some(files.clone()), ..trusting(&authority) };
        let known = super::exchange(&settings, LIMITS, get(&server.https("/"))).await;
        assert_eq!(body(&known), b"known");
    }
}

#[tokio::test]
async fn unusable_files_are_told_by_name_and_never_quoted() {
    let authority = Authority::new();
    let junk = authority.file("junk.pem", "-----BEGIN CERTIFICATE-----\ncanary-9f3b\n");
    let empty = authority.file("empty.pem", "");
    let missing = authority.file("x", "").with_file_name("missing.pem");
    let (one, two) = (authority.good(), authority.good());
    let chain = authority.file("one.pem", &one.certificate_pem);
    let ca =
        |path: &std::path::Path| ClientSettings { ca_file: Some(path.into()), ..ClientSettings::default() };
    let client = |key: &std::path::Path| ClientSettings {
        client_certificate: Some((chain.clone(), key.into())),
        ..ClientSettings::default()
    };
    let other_key = authority.file("two.key", &two.key_pem());
    let transport = HttpTransport::new();
    let settings = [ca(&junk), ca(&empty), ca(&missing), client(&junk), client(&other_key)];
    for (settings, name) in settings.iter().zip(["junk", "empty", "missing", "junk", "two.key"]) {
        let (_, told) = HttpTransport::validate(settings).expect_err("an unusable file");
        assert!(told.contains(name) && !told.contains(super::CANARY), "{told}");
        let (error, exchange) =
            failed(transport.exchange(settings, LIMITS, get("https://localhost:1/")).await);
        assert!(matches!(&error, E::Exporter(cause) if told.starts_with(&format!("{cause}; "))), "{error:?}");
        assert_eq!(exchange.phases, pbx_exporter::domain::Phases::default());
    }
    let own_key = authority.file("one.key", &one.key_pem());
    assert_eq!(HttpTransport::validate(&client(&own_key)), Ok(()));
}

#[tokio::test]
async fn a_ca_file_replaced_on_disk_takes_effect() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = serving(&new.good()).await;
    let (transport, settings) = (HttpTransport::new(), trusting(&old));
    let request = || get(&server.https("/"));
    failed(transport.exchange(&settings, LIMITS, request()).await);
    std::fs::copy(new.ca_file(), old.ca_file()).expect("a copy");
    std::fs::File::options()
        .append(true)
        .open(settings.ca_file.as_ref().expect("a file"))
        .and_then(|file| file.set_modified(std::time::UNIX_EPOCH))
        .expect("another time of change");
    failed(transport.exchange(&settings, LIMITS, request()).await);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    let exchange = transport.exchange(&settings, LIMITS, request()).await;
    assert_eq!(body(&exchange), b"fine");
}

/// The first connection answers `answers` requests once a second one was made, which never gets through
/// its handshake.
async fn racing(authority: &Authority, answers: usize) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(authority.good().server(ALL_VERSIONS)));
    let dialled = Arc::new(Notify::new());
    let taken = AtomicBool::new(false);
    Server::scripted(move |server, stream| {
        let second = taken.swap(true, Ordering::SeqCst);
        let (acceptor, dialled) = (acceptor.clone(), Arc::clone(&dialled));
        async move {
            if second {
                let _kept = stream;
                dialled.notify_one();
                return std::future::pending().await;
            }
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            for answered in 0.. {
                server.request(&mut stream).await;
                if answered == 0 {
                    dialled.notified().await;
                }
                if answered == answers {
                    return std::future::pending().await;
                }
                stream.write_all(ok("fine").as_bytes()).await.expect("a reader");
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_dial_that_lost_to_a_freed_connection_leaves_no_phases() {
    let authority = Authority::new();
    let server = racing(&authority, 2).await;
    let (transport, settings) = (HttpTransport::new(), trusting(&authority));
    let run = || transport.exchange(&settings, LIMITS, kept(&server.https("/")));
    let (first, second) = tokio::join!(run(), run());
    assert_eq!(server.connections(), 2);
    let (own, freed) = if first.phases.tls.is_some() { (first, second) } else { (second, first) };
    assert_eq!((body(&own), body(&freed)), (&b"fine"[..], &b"fine"[..]));
    assert!(own.phases.connect.is_some() && own.certificate_expiry.is_some());
    assert_eq!((freed.phases.resolve, freed.phases.connect, freed.phases.tls), (None, None, None));
    assert!(freed.phases.processing.is_some());
}

#[tokio::test]
async fn a_request_sent_on_a_freed_connection_is_not_called_unsent() {
    let authority = Authority::new();
    let server = racing(&authority, 1).await;
    let (transport, settings) = (HttpTransport::new(), trusting(&authority));
    let limits = Limits { timeout: Duration::from_secs(2), ..LIMITS };
    let run = || transport.exchange(&settings, limits, kept(&server.https("/")));
    let (first, second) = tokio::join!(run(), run());
    let (error, exchange) = failed(if first.result.is_err() { first } else { second });
    assert_eq!(error, E::Timeout { limit: limits.timeout, phase: "processing" });
    assert!(!error.never_sent());
    assert_eq!((exchange.phases.connect, exchange.phases.tls), (None, None));
}
