//! Ways through a proxy, and what is its fault.

use pbx_exporter::domain::target::{ClientSettings, ProxySettings};
use pbx_exporter::domain::tls_fault::TlsFault;
use pbx_exporter::domain::{Reason, SecretSource, TransportError as E};
use pbx_exporter::transport::{HttpTransport, Transport};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ALL_VERSIONS;

use super::{CANARY, LIMITS, SHORT, body, exchange, failure, get};
use crate::support::raw::{Server, closed_port, ok};
use crate::support::tls::{Authority, GOOD_UNTIL, Identity};

fn through(url: &str) -> ClientSettings {
    let proxy = ProxySettings {
        url: url.parse().expect("an address"),
        credentials: Some(("monitor".into(), SecretSource::Literal(SecretString::from(CANARY)))),
        no_proxy: None,
    };
    ClientSettings { proxy: Some(proxy), ..ClientSettings::default() }
}

/// A proxy that tunnels CONNECT to `target`, whatever is asked for.
async fn tunnelling(target: &Server) -> Server {
    let address = target.address;
    Server::scripted(move |server, mut stream| async move {
        let request = server.request(&mut stream).await.unwrap_or_default();
        assert!(request.starts_with("CONNECT "), "{request}");
        stream.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").await.expect("a client");
        let mut target = TcpStream::connect(address).await.expect("a target");
        let _ = copy_bidirectional(&mut stream, &mut target).await;
    })
    .await
}

#[tokio::test]
async fn a_plain_request_goes_to_the_proxy_with_its_credentials() {
    let proxy = Server::answering(|_| ok("relayed")).await;
    let settings = through(&proxy.http(""));
    let exchange = exchange(&settings, LIMITS, get("http://pbx.invalid/api")).await;
    assert_eq!(body(&exchange), b"relayed");
    assert_eq!(exchange.phases.resolve, None, "the proxy resolves the name");
    let request = &proxy.requests()[0];
    assert!(request.starts_with("GET http://pbx.invalid/api "), "{request}");
    // "monitor:canary-9f3b" in base64.
    assert!(request.contains("proxy-authorization: Basic bW9uaXRvcjpjYW5hcnktOWYzYg=="), "{request}");
}

#[tokio::test]
async fn a_new_password_in_its_file_is_used_without_a_restart() {
    let proxy = Server::answering(|_| ok("relayed")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    let mut settings = through(&proxy.http(""));
    let password = SecretSource::File(file.clone());
    settings.proxy.as_mut().expect("a proxy").credentials = Some(("monitor".into(), password));
    let transport = HttpTransport::new();
    HttpTransport::validate(&settings).expect("a file that is not there is told elsewhere");
    let send = async || transport.exchange(&settings, LIMITS, get("http://pbx.invalid/")).await;

    let (error, _) = super::failed(send().await);
    assert!(matches!(&error, E::Exporter(words) if words.contains("; restore the file")), "{error:?}");
    std::fs::write(&file, "old").expect("a file");
    assert_eq!(body(&send().await), b"relayed");
    std::fs::write(&file, "newer").expect("a file");
    // Files are looked at at most once a second.
    crate::support::process::eventually("the new password is sent", async || {
        send().await;
        // "monitor:newer" in base64.
        let last = proxy.requests().pop().expect("a request");
        last.contains("proxy-authorization: Basic bW9uaXRvcjpuZXdlcg==").then_some(())
    })
    .await;
    // "monitor:old" in base64.
    assert!(proxy.requests()[0].contains("proxy-authorization: Basic bW9uaXRvcjpvbGQ="));
}

#[tokio::test]
async fn a_tls_target_is_tunnelled_and_its_own_chain_told() {
    let authority = Authority::new();
    let target = Server::answering_tls(authority.good().server(ALL_VERSIONS), |_| ok("inside")).await;
    let proxy = tunnelling(&target).await;
    let settings = ClientSettings { ca_file: Some(authority.ca_file()), ..through(&proxy.http("")) };
    let exchange = exchange(&settings, LIMITS, get(&target.https("/"))).await;
    assert_eq!(body(&exchange), b"inside");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
    assert!(exchange.phases.connect.is_some() && exchange.phases.tls.is_some());
    let connect = &proxy.requests()[0];
    assert!(connect.to_lowercase().contains("proxy-authorization: basic") && !connect.contains("Bearer"));
    assert!(!target.requests()[0].to_lowercase().contains("proxy-authorization"));
}

#[tokio::test]
async fn a_bad_certificate_behind_a_tunnel_is_the_targets_fault() {
    let target =
        Server::answering_tls(Identity::self_signed("localhost", 2100).server(ALL_VERSIONS), |_| ok(""))
            .await;
    let proxy = tunnelling(&target).await;
    let authority = Authority::new();
    let settings = ClientSettings { ca_file: Some(authority.ca_file()), ..through(&proxy.http("")) };
    let (error, exchange) = failure(&settings, LIMITS, get(&target.https("/"))).await;
    assert!(matches!(&error, E::Tls(TlsFault::SelfSigned)), "{error:?}");
    assert_eq!(exchange.certificate_expiry, Some(GOOD_UNTIL));
}

#[tokio::test]
async fn a_proxy_with_tls_of_its_own_shows_no_chain_and_no_phase_of_the_target() {
    let proxy_identity = Identity::self_signed("localhost", 2100);
    let proxy = Server::answering_tls(proxy_identity.server(ALL_VERSIONS), |_| ok("relayed")).await;
    let settings = ClientSettings { insecure_skip_verify: true, ..through(&proxy.https("")) };
    let relayed = exchange(&settings, LIMITS, get("http://pbx.invalid/")).await;
    assert_eq!(body(&relayed), b"relayed");
    assert_eq!((relayed.certificate_expiry, relayed.phases.tls), (None, None));
    let authority = Authority::new();
    let strict = ClientSettings { ca_file: Some(authority.ca_file()), ..through(&proxy.https("")) };
    let (error, exchange) = failure(&strict, LIMITS, get("http://pbx.invalid/")).await;
    assert!(matches!(&error, E::Proxy(words) if words.contains("self-signed")), "{error:?}");
    assert_eq!(exchange.certificate_expiry, None);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_the_proxys_fault() {
    for scheme in ["http", "socks5", "socks5h"] {
        let settings = through(&format!("{scheme}://{}", closed_port().await));
        for url in ["http://127.0.0.9/", "https://127.0.0.9/"] {
            let (error, _) = failure(&settings, LIMITS, get(url)).await;
            let words = match scheme {
                "http" => "connection refused",
                _ => "SOCKS error: failed to create underlying connection",
            };
            assert_eq!(error, E::Proxy(words.into()), "{scheme} {url}");
            assert!(error.never_sent());
        }
    }
    let (error, _) = failure(&through("http://proxy.invalid:3128"), LIMITS, get("http://127.0.0.9/")).await;
    assert!(matches!(error, E::Proxy(_)), "{error:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_its_credentials_is_the_proxys_fault() {
    let proxy = Server::saying("HTTP/1.1 407 Authenticate\r\ncontent-length: 0\r\n\r\n").await;
    for url in ["http://pbx.invalid/", "https://pbx.invalid/"] {
        let (error, exchange) = failure(&through(&proxy.http("")), LIMITS, get(url)).await;
        assert_eq!((&error, error.reason()), (&E::Tunnel(407), Reason::Proxy));
        assert_eq!(exchange.status, None);
    }
}

#[tokio::test]
async fn a_407_without_a_proxy_is_an_answer() {
    let server = Server::saying("HTTP/1.1 407 Odd\r\ncontent-length: 0\r\n\r\n").await;
    let exchange = exchange(&ClientSettings::default(), LIMITS, get(&server.http("/"))).await;
    assert_eq!(exchange.status.map(|s| s.as_u16()), Some(407));
    assert!(exchange.result.is_ok());
}

#[tokio::test]
async fn a_proxy_that_cannot_reach_the_target_says_so_for_tunnels() {
    for (answer, told, reason) in [
        ("HTTP/1.1 502 canary-9f3b\r\n\r\n", E::Tunnel(502), Reason::Connect),
        ("HTTP/1.0 503 canary-9f3b\r\n\r\n", E::Tunnel(503), Reason::Connect),
        ("HTTP/1.1 504 canary-9f3b\r\n\r\n", E::Tunnel(504), Reason::Connect),
        ("HTTP/1.1 403 canary-9f3b\r\n\r\n", E::Tunnel(403), Reason::Proxy),
        ("HTTP/1.1 405 canary-9f3b\r\n\r\n", E::Tunnel(405), Reason::Proxy),
        ("canary-9f3b\r\n\r\n", E::Proxy("it does not answer like a proxy".into()), Reason::Proxy),
    ] {
        let proxy = Server::saying(answer).await;
        let (error, _) = failure(&through(&proxy.http("")), LIMITS, get("https://pbx.invalid/")).await;
        assert_eq!((&error, error.reason()), (&told, reason), "{answer}");
        assert!(error.never_sent());
    }
    let hanging = Server::hanging_after("").await;
    let (error, _) = failure(&through(&hanging.http("")), SHORT, get("https://pbx.invalid/")).await;
    assert_eq!(error, E::Proxy("no connection through it within 1s".into()));
}

#[tokio::test]
async fn addresses_excepted_go_direct_and_fail_as_such() {
    let proxy = Server::answering(|_| ok("relayed")).await;
    let mut settings = through(&proxy.http(""));
    settings.proxy.as_mut().expect("a proxy").no_proxy = Some("127.0.0.0/8,.invalid".into());
    let server = Server::answering(|_| ok("direct")).await;
    let direct = exchange(&settings, LIMITS, get(&server.http("/"))).await;
    assert_eq!(body(&direct), b"direct");
    assert!(!server.requests()[0].contains("proxy-authorization"));
    let (error, _) = failure(&settings, LIMITS, get("http://pbx.invalid/")).await;
    assert!(matches!(error, E::Dns(_)), "{error:?}");
    let refused = format!("http://{}/", closed_port().await);
    let (error, _) = failure(&settings, LIMITS, get(&refused)).await;
    assert!(matches!(error, E::Connect(_)), "{error:?}");
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_here_is_no_fault_of_a_socks_proxy() {
    let proxy = format!("socks5://{}", closed_port().await);
    let (error, _) = failure(&through(&proxy), LIMITS, get("https://pbx.invalid/")).await;
    assert!(matches!(error, E::Dns(_)), "{error:?}");
}

#[tokio::test]
async fn a_socks_proxy_is_given_user_and_password_and_carries_the_exchange() {
    let target = Server::answering(|_| ok("by socks")).await;
    let address = target.address;
    let proxy = Server::scripted(move |_, mut stream| async move {
        // RFC 1928 and 1929: greeting, method 2, user and password, request, reply.
        let mut seen = [0; 256];
        assert!(stream.read(&mut seen).await.expect("a greeting") > 0);
        stream.write_all(&[5, 2]).await.expect("a client");
        let n = stream.read(&mut seen).await.expect("credentials");
        assert!(seen[..n].ends_with(CANARY.as_bytes()));
        stream.write_all(&[1, 0]).await.expect("a client");
        assert!(stream.read(&mut seen).await.expect("a request") > 0);
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("a client");
        let mut target = TcpStream::connect(address).await.expect("a target");
        let _ = copy_bidirectional(&mut stream, &mut target).await;
    })
    .await;
    let settings = through(&format!("socks5h://{}", proxy.address));
    let exchange = exchange(&settings, LIMITS, get("http://pbx.invalid/")).await;
    assert_eq!(body(&exchange), b"by socks");
    assert_eq!(exchange.phases.resolve, None);
}
