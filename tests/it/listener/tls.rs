//! TLS with curl and Prometheus, and client certificates.

use super::{WEB, curl, hash, program};
use crate::support::process::{Program, Service, eventually};
use crate::support::prometheus::Prometheus;
use crate::support::tls::{Authority, Identity};

/// A service with TLS, these further keys for clients, and users.
async fn service(authority: &Authority, keys: &str, more: &str, flags: &[&str]) -> Service {
    let own = authority.good();
    let (alice, stranger) =
        (authority.issue("alice.example.com", 2100), Identity::self_signed("alice.example.com", 2100));
    let web = format!("tls_server_config: {{cert_file: cert.pem, key_file: key.pem{keys}}}\n{more}");
    let program: Program = program(&[&["--web.config.file", WEB], flags].concat());
    let program = program.file(WEB, &web).file("ca.pem", &authority.ca_pem());
    let program = program.file("cert.pem", &own.certificate_pem).file("key.pem", &own.key_pem());
    let program = program.file("alice.pem", &alice.certificate_pem).file("alice.key", &alice.key_pem());
    let program =
        program.file("stranger.pem", &stranger.certificate_pem).file("stranger.key", &stranger.key_pem());
    program.serve().await
}

fn url(service: &Service, path: &str) -> String {
    format!("https://localhost:{}{path}", service.address.rsplit(':').next().expect("a port"))
}

/// The status for curl with the certificate of this name.
async fn as_client(service: &Service, name: Option<&str>, more: &[&str]) -> (u16, String) {
    let (cert, key) =
        (format!("{}.pem", name.unwrap_or_default()), format!("{}.key", name.unwrap_or_default()));
    let identity: &[&str] = if name.is_some() { &["--cert", &cert, "--key", &key] } else { &[] };
    let url = url(service, "/metrics");
    let url: &[&str] =
        if more.iter().any(|argument| argument.starts_with("https://")) { &[] } else { &[&url] };
    curl(service.folder(), &[&["--cacert", "ca.pem"], identity, more, url].concat()).await
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_speaks_both_versions_of_tls_and_of_http() {
    let authority = Authority::new();
    let served = service(&authority, "", "", &[]).await;
    for (arguments, version) in [
        (&["--http1.1"][..], "1.1"),
        (&["--http2"], "2"),
        (&["--tls-max", "1.2", "--http2"], "2"),
        (&["--tls-max", "1.2", "--http1.1"], "1.1"),
    ] {
        let (status, said) = as_client(&served, None, arguments).await;
        assert_eq!(status, 200, "{arguments:?}: {said}");
        assert!(said.contains(&format!("\n200 {version}")), "{arguments:?}: {said}");
        assert!(said.contains("pbx_exporter_targets 1\n"), "{said}");
    }
    assert_eq!(
        curl(served.folder(), &[&url(&served, "/metrics")]).await.0,
        0,
        "the authority is not trusted"
    );
    let plain = format!("http://{}/metrics", served.address);
    assert_eq!(curl(served.folder(), &[&plain]).await.0, 0, "no plain text");
    let off = service(&authority, ", min_version: TLS13", "http_server_config: {http2: false}\n", &[]).await;
    assert_eq!(as_client(&off, None, &["--tls-max", "1.2"]).await.0, 0);
    let (status, said) = as_client(&off, None, &["--http2"]).await;
    assert!(status == 200 && said.contains("\n200 1.1"), "{said}");
}

#[tokio::test]
#[ignore = "needs curl"]
async fn client_certificates_as_a_table() {
    let authority = Authority::new();
    let ca = "client_ca_file: ca.pem";
    for (kind, more, alice, stranger, nobody) in [
        ("NoClientCert", String::new(), 200, 200, 200),
        ("RequestClientCert", String::new(), 200, 200, 200),
        ("RequireAnyClientCert", String::new(), 200, 200, 0),
        ("VerifyClientCertIfGiven", format!(", {ca}"), 200, 0, 200),
        ("RequireAndVerifyClientCert", format!(", {ca}"), 200, 0, 0),
        (
            "RequireAndVerifyClientCert",
            format!(", {ca}, client_allowed_sans: [alice.example.com]"),
            200,
            0,
            0,
        ),
        ("RequireAndVerifyClientCert", format!(", {ca}, client_allowed_sans: [bob.example.com]"), 0, 0, 0),
        ("RequireAndVerifyClientCert", format!(", {ca}, client_allowed_sans: []"), 0, 0, 0),
        ("VerifyClientCertIfGiven", format!(", {ca}, client_allowed_sans: [alice.example.com]"), 200, 0, 0),
    ] {
        let served = service(&authority, &format!(", client_auth_type: {kind}{more}"), "", &[]).await;
        for (name, expected) in [(Some("alice"), alice), (Some("stranger"), stranger), (None, nobody)] {
            for version in ["1.2", "1.3"] {
                let (status, said) = as_client(&served, name, &["--tls-max", version]).await;
                assert_eq!(status, expected, "{kind}{more}, {name:?}, TLS {version}: {said}");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs curl"]
async fn a_verified_certificate_may_act_and_none_may_not() {
    let authority = Authority::new();
    let keys = ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem";
    let served = service(&authority, keys, "", &[]).await;
    let reload = url(&served, "/-/reload");
    let far = ["-X", "POST", "-H", "X-Forwarded-For: 192.0.2.1", &reload];
    assert_eq!(as_client(&served, Some("alice"), &far).await.0, 200);
    assert_eq!(as_client(&served, None, &far).await.0, 403);
}

#[tokio::test]
#[ignore = "needs Prometheus"]
async fn prometheus_scrapes_with_tls_password_and_client_certificate() {
    let authority = Authority::new();
    let keys = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, \
                client_allowed_sans: [alice.example.com]";
    let users = format!("basic_auth_users: {{scraper: '{}'}}\n", hash("canary-scraper"));
    let served = service(&authority, keys, &users, &[]).await;
    let folder = served.folder().display();
    let job = |password: &str| {
        format!(
            "{{job_name: pbx, scheme: https, basic_auth: {{username: scraper, password: {password}}}, \
             tls_config: {{ca_file: {folder}/ca.pem, cert_file: {folder}/alice.pem, key_file: {folder}/alice.key, \
             server_name: localhost}}, static_configs: [{{targets: ['{}']}}]}}",
            served.address
        )
    };
    let prometheus = Prometheus::with(&job("canary-scraper"), "", &[]).await;
    eventually("it is up", async || (prometheus.query("up").await == Some(1.0)).then_some(())).await;
    let wrong = Prometheus::with(&job("wrong"), "", &[]).await;
    eventually("it is down", async || (wrong.query("up").await == Some(0.0)).then_some(())).await;
}
