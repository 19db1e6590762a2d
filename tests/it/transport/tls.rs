//! Handshakes good and bad, and what the chain served tells in either case.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pbx_exporter::domain::target::{ClientSettings, ServerName, TlsVersion};
use pbx_exporter::domain::tls_fault::{ClientCertificate, TlsFault, Whose};
use pbx_exporter::domain::{Exchange, Phase, TransportError as E};
use pbx_exporter::transport::{HttpTransport, Limits, Transport};
use rcgen::SanType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

async fn refusal(settings: &ClientSettings, server: &Server) -> (TlsFault, Exchange) {
    let (error, exchange) = failure(settings, LIMITS, post(&server.https("/"))).await;
    assert!(error.never_sent(), "{error:?}");
    assert!(exchange.phases.tls.is_some(), "{:?}", exchange.phases);
    assert!(server.requests().is_empty());
    match error {
        E::Tls(fault) => (fault, exchange),
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
    let (fault, exchange) = refusal(&trusting(&other), &server).await;
    assert!(matches!(fault, TlsFault::UnknownAuthority(_)), "{fault:?}");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    let authority = Authority::new();
    let server = serving(&authority.issue("localhost", 2020)).await;
    let (fault, exchange) = refusal(&trusting(&authority), &server).await;
    assert_eq!(fault.to_string(), "certificate expired on 01 Jan 2020");
    assert_eq!(exchange.certificate_expiry, Some(EXPIRED_ON));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_its_names() {
    let authority = Authority::new();
    let server = serving(&authority.issue("pbx.example.com", 2100)).await;
    let (fault, exchange) = refusal(&trusting(&authority), &server).await;
    assert_eq!(fault.to_string(), "certificate is for pbx.example.com, not for localhost");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
}

#[tokio::test]
async fn names_in_a_certificate_are_few_short_and_obeyed_by_no_terminal() {
    let authority = Authority::new();
    let named = |names: Vec<String>| {
        authority.odd(|params| {
            let name = |name: String| SanType::DnsName(name.try_into().expect("ASCII"));
            params.subject_alt_names = names.into_iter().map(name).collect();
        })
    };
    let said = async |identity: &Identity| {
        refusal(&trusting(&authority), &serving(identity).await).await.0.to_string()
    };
    let many = said(&named((0..700).map(|i| format!("n{i}.example.com")).collect())).await;
    assert!(many.contains("n9.example.com, and 690 more, not for localhost"), "{many}");
    let long = said(&named(vec![format!("{}.example.com", "x".repeat(5000))])).await;
    assert!(long.len() < 200, "{long}");
    let odd = "\u{1b}[2Jpbx\r\nlevel=error\u{7}";
    let odd = said(&named(vec![odd.to_owned()])).await;
    assert_eq!(odd, "certificate is for [2Jpbx  level=error, not for localhost");

    let turned = Authority::new();
    let identity = turned.below("\u{1b}[31m\u{202e}evil\r\n", 2100).good();
    let (fault, _) = refusal(&trusting(&authority), &serving(&identity).await).await;
    let text = fault.to_string();
    assert!(text.contains("evil"), "{text}");
    assert!(!text.contains(['\u{1b}', '\r', '\n', '\u{202e}']), "{text:?}");
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
    let (fault, exchange) = refusal(&self::trusting(&folder), &server).await;
    assert_eq!(fault, TlsFault::SelfSigned);
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
    let trusted = super::exchange(&trusting(&own), LIMITS, get(&server.https("/"))).await;
    assert_eq!(body(&trusted), b"fine");

    let expired = Identity::self_signed("localhost", 2020);
    let (fault, _) = refusal(&trusting(&expired), &serving(&expired).await).await;
    assert_eq!(fault.to_string(), "certificate expired on 01 Jan 2020");
    let misnamed = Identity::self_signed("pbx.example.com", 2100);
    let (fault, _) = refusal(&trusting(&misnamed), &serving(&misnamed).await).await;
    assert_eq!(fault.to_string(), "certificate is for pbx.example.com, not for localhost");
}

#[tokio::test]
async fn plain_http_on_the_port_is_called_so() {
    let server = Server::scripted(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let (fault, exchange) = refusal(&ClientSettings::default(), &server).await;
    assert_eq!(fault, TlsFault::NotTls);
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
    let (fault, exchange) = refusal(&settings, &server).await;
    assert_eq!(fault, TlsFault::Version);
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
        let (fault, exchange) = refusal(&trusting(&authority), &server).await;
        assert_eq!(fault, TlsFault::ClientCertificate(ClientCertificate::Missing));
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
    assert_eq!(error, E::Timeout { limit: limits.timeout, phase: Phase::Processing });
    assert!(!error.never_sent());
    assert_eq!((exchange.phases.connect, exchange.phases.tls), (None, None));
}

async fn refused(identity: &Identity, authority: &Authority) -> TlsFault {
    refusal(&trusting(authority), &serving(identity).await).await.0
}

#[tokio::test]
async fn a_chain_that_lacks_its_middle_names_who_is_missing() {
    let root = Authority::new();
    let below = root.below("Made-up Issuing CA", 2100);
    let mut identity = below.good();
    let missing = TlsFault::MissingIntermediate {
        subject: "CN=rcgen self signed cert".into(),
        issuer: "CN=Made-up Issuing CA".into(),
    };
    assert_eq!(refused(&identity, &root).await, missing);
    identity.above = vec![below.certificate()];
    let server = serving(&identity).await;
    assert_eq!(body(&exchange(&trusting(&root), LIMITS, get(&server.https("/"))).await), b"fine");
    let stranger = refused(&identity, &Authority::new()).await;
    assert!(matches!(stranger, TlsFault::UnknownAuthority(_)), "{stranger:?}");
}

#[tokio::test]
async fn it_is_told_which_certificate_is_over_or_not_yet_valid() {
    let root = Authority::new();
    let below = root.below("Made-up Issuing CA", 2020);
    let mut identity = below.good();
    identity.above = vec![below.certificate()];
    let middle = || Whose::Intermediate("CN=Made-up Issuing CA".into());
    assert_eq!(refused(&identity, &root).await, TlsFault::Expired(middle(), 1_577_836_800));
    let early = root.odd(|params| params.not_before = rcgen::date_time_ymd(2099, 1, 1));
    let fault = refused(&early, &root).await;
    let TlsFault::NotYetValid { whose, from, now } = &fault else { panic!("{fault:?}") };
    assert_eq!((whose, *from), (&Whose::Server, 4_070_908_800));
    assert!(*now < *from && !fault.clock_is_wrong());
    assert!(
        fault
            .to_string()
            .starts_with("certificate not valid before 01 Jan 2099, and this host's clock says ")
    );
}

#[tokio::test]
async fn a_certificate_without_names_is_not_called_one_for_others() {
    let root = Authority::new();
    let nameless = root.odd(|params| params.subject_alt_names.clear());
    assert_eq!(refused(&nameless, &root).await, TlsFault::NoAltName("localhost".into()));
    let client_only = root.odd(|params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(refused(&client_only, &root).await, TlsFault::WrongUse);
}

#[tokio::test]
async fn each_alert_of_a_server_is_told_by_what_it_is_about() {
    use ClientCertificate as C;
    for (alert, fault) in [
        (40, TlsFault::Ciphers),
        (42, TlsFault::ClientCertificate(C::Refused)),
        (43, TlsFault::ClientCertificate(C::Refused)),
        (44, TlsFault::ClientCertificate(C::Revoked)),
        (45, TlsFault::ClientCertificate(C::Expired)),
        (46, TlsFault::ClientCertificate(C::Refused)),
        (48, TlsFault::ClientCertificate(C::UnknownAuthority)),
        (49, TlsFault::ClientCertificate(C::Denied)),
        (70, TlsFault::Version),
        (71, TlsFault::Ciphers),
        (80, TlsFault::Alert(80)),
        (112, TlsFault::UnrecognisedName),
        (116, TlsFault::ClientCertificate(C::Missing)),
        (255, TlsFault::Alert(255)),
    ] {
        let server = Server::scripted(move |_, mut stream| async move {
            let mut hello = [0; 5];
            let _ = stream.read_exact(&mut hello).await;
            let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
            let _ = stream.read_exact(&mut rest).await;
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
        })
        .await;
        let (got, _) = refusal(&ClientSettings::default(), &server).await;
        assert_eq!(got, fault, "{alert}");
        assert!(!got.to_string().contains("Unknown"), "{got}");
    }
}

#[tokio::test]
async fn a_client_certificate_of_an_unknown_authority_is_refused_as_such() {
    let (authority, other) = (Authority::new(), Authority::new());
    let client = other.issue("client", 2100);
    let files = (other.file("c.pem", &client.certificate_pem), other.file("c.key", &client.key_pem()));
    for version in [&TLS12, &TLS13] {
        let server =
            Server::answering_tls(authority.requiring_client(&authority.good(), version), |_| ok("")).await;
        let settings = ClientSettings { client_certificate: Some(files.clone()), ..trusting(&authority) };
        let (fault, _) = refusal(&settings, &server).await;
        assert_eq!(fault, TlsFault::ClientCertificate(ClientCertificate::UnknownAuthority));
    }
}

#[tokio::test]
async fn a_pbx_reached_by_its_address_is_asked_for_the_name_in_its_certificate() {
    let authority = Authority::new();
    let server = serving(&authority.issue("pbx.example.com", 2100)).await;
    let url = format!("https://{}/", server.address);
    let (error, _) = failure(&trusting(&authority), LIMITS, get(&url)).await;
    assert!(matches!(error, E::Tls(TlsFault::WrongName { .. })), "{error:?}");
    let named = |name: &str| ClientSettings {
        server_name: Some(ServerName { host: "127.0.0.1".into(), name: name.into() }),
        ..trusting(&authority)
    };
    let transport = HttpTransport::new();
    for _ in 0..2 {
        let exchange = transport.exchange(&named("pbx.example.com"), LIMITS, kept(&url)).await;
        assert_eq!(body(&exchange), b"fine");
    }
    let told = transport.exchange(&named("pbx.example.com"), LIMITS, get(&url)).await;
    assert_eq!((told.certificate_expiry, told.phases.resolve), (None, None));
    let host = format!("host: {}\r\n", server.address);
    assert!(server.requests().iter().all(|request| request.contains(&host)), "{:?}", server.requests());
    let (error, exchange) = failure(&named("other.example.com"), LIMITS, get(&url)).await;
    let there = vec!["pbx.example.com".to_owned()];
    assert_eq!(error, E::Tls(TlsFault::WrongName { asked: "other.example.com".into(), names: there }));
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_way_to_a_self_signed_certificate_is_one() {
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no openssl");
        return;
    }
    let server = serving(&Identity::self_signed("localhost", 2100)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let here = format!("localhost:{}", server.address.port());
    let page = std::fs::read_to_string("docs/configuration.md").expect("the page");
    let commands: Vec<_> = page.lines().map(str::trim).filter(|line| line.starts_with("openssl ")).collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    let run = |command: &str| {
        let command = command.replace("pbx.example.com:443", &here).replace("localhost:443", &here);
        let output =
            std::process::Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output();
        let output = output.expect("a shell");
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let told: Vec<_> = commands.into_iter().map(run).collect();
    let fingerprint = |text: &str| text.lines().find(|line| line.contains("Fingerprint=")).map(str::to_owned);
    assert!(told[1].contains("DNS:localhost"), "{told:?}");
    assert_eq!(fingerprint(&told[1]), fingerprint(&told[2]));
    let ca_file = Some(folder.path().join("pbx.pem"));
    let settings = ClientSettings { ca_file, ..ClientSettings::default() };
    assert_eq!(body(&exchange(&settings, LIMITS, get(&server.https("/"))).await), b"fine");
}
