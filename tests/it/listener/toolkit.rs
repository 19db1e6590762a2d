//! The same files and clients before a server on exporter-toolkit and before ours.

use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::Command;

use super::{WEB, curl, hash, program};
use crate::support::kept::kept_file;
use crate::support::process::eventually;
use crate::support::raw::closed_port;
use crate::support::tls::{Authority, Identity};

/// Files that both read: what stands for TLS, and what besides.
const FILES: [(&str, &str); 12] = [
    ("", ""),
    ("{}", ""),
    ("{}", "USERS"),
    ("", "USERS"),
    ("{client_auth_type: RequestClientCert}", ""),
    ("{client_auth_type: RequireAnyClientCert}", "USERS"),
    ("{client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}", ""),
    ("{client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}", "USERS"),
    (
        "{client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [alice.example.com]}",
        "",
    ),
    (
        "{client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [bob.example.com]}",
        "",
    ),
    ("{min_version: TLS13}", "http_server_config: {http2: false, headers: {X-Frame-Options: deny}}"),
    ("{}", "rate_limit: {interval: 1h, burst: 0}"),
];

/// What a client brings.
const CLIENTS: [&[&str]; 9] = [
    &[],
    &["--http1.1"],
    &["--tls-max", "1.2"],
    &["-u", "alice:canary-alice"],
    &["-u", "alice:wrong"],
    &["-u", "nobody:canary-alice"],
    &["--cert", "alice.pem", "--key", "alice.key"],
    &["--cert", "alice.pem", "--key", "alice.key", "-u", "alice:canary-alice"],
    &["--cert", "stranger.pem", "--key", "stranger.key"],
];

#[tokio::test]
#[ignore = "needs curl"]
async fn the_same_files_and_clients_come_to_the_same() {
    let Some(server) = kept_file("toolkit", "server") else { return };
    let authority = Authority::new();
    let ours = authority.good();
    let (alice, stranger) =
        (authority.issue("alice.example.com", 2100), Identity::self_signed("alice.example.com", 2100));
    for (name, text) in [
        ("ca.pem", authority.ca_pem()),
        ("cert.pem", ours.certificate_pem.clone()),
        ("key.pem", ours.key_pem()),
        ("alice.pem", alice.certificate_pem.clone()),
        ("alice.key", alice.key_pem()),
        ("stranger.pem", stranger.certificate_pem.clone()),
        ("stranger.key", stranger.key_pem()),
    ] {
        authority.file(name, &text);
    }
    let folder = authority.ca_file().parent().expect("a folder").to_owned();
    for (tls, more) in FILES {
        let keys = tls.replacen('{', "{cert_file: cert.pem, key_file: key.pem, ", 1);
        let tls_keys = if tls.is_empty() { String::new() } else { format!("tls_server_config: {keys}\n") };
        let users = format!("basic_auth_users: {{alice: '{}'}}", hash("canary-alice"));
        let web = authority.file(WEB, &format!("{tls_keys}{}\n", more.replace("USERS", &users)));
        let flag = format!("--web.config.file={}", web.display());
        let service = program(&[&flag]).serve().await;
        let peer = closed_port().await;
        let mut command = Command::new(&server);
        let _peer = command.arg(peer.to_string()).arg(&web).stderr(Stdio::null()).kill_on_drop(true).spawn();
        eventually("the toolkit listens", async || TcpStream::connect(peer).await.ok()).await;
        let scheme = if tls.is_empty() { "http" } else { "https" };
        for client in CLIENTS {
            let mut seen = Vec::new();
            for address in [service.address.clone(), peer.to_string()] {
                let port = address.rsplit(':').next().expect("a port").to_owned();
                let url = format!("{scheme}://localhost:{port}/metrics");
                let common = ["-D", "-", "-o", "/dev/null", "--cacert", "ca.pem", url.as_str()];
                let (status, said) = curl(&folder, &[client, &common].concat()).await;
                let head = said.lines().filter(|line| {
                    let line = line.to_ascii_lowercase();
                    line.starts_with("www-authenticate:") || line.starts_with("x-frame-options:")
                });
                let mut head: Vec<_> = head.map(str::to_ascii_lowercase).collect();
                head.sort();
                let version =
                    said.lines().find(|line| line.starts_with(&format!("{status} "))).map(str::to_owned);
                seen.push((status, version, head));
            }
            assert_eq!(seen[0], seen[1], "{tls} {more} {client:?}");
        }
    }
}
