//! Several addresses, unix sockets, systemd, external URL and prefix; the health check over them.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};

use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::Command;

use super::{WEB, hash, nothing, program};
use crate::support::http::{self, Reply};
use crate::support::process::{CONFIG, Ended, Program, Service, eventually};
use crate::support::raw::closed_port;

/// Flags of a service that listens on `address` alone.
fn on(address: &str, more: &[&str]) -> Program {
    let flag = format!("--web.listen-address={address}");
    Program::new(&[&[flag.as_str(), "--config.file", CONFIG], more].concat()).file(CONFIG, &nothing())
}

async fn over_unix(path: &str, request: &str) -> Option<Reply> {
    let stream = UnixStream::connect(path).await.ok()?;
    http::over(stream, &format!("{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
}

async fn healthcheck(arguments: &[&str]) -> Ended {
    Program::new(&[&["healthcheck"], arguments].concat()).run().await
}

fn socket(folder: &TempDir) -> String {
    folder.path().join("pbx.sock").display().to_string()
}

#[tokio::test]
async fn a_unix_socket_has_its_mode_may_act_and_goes_with_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = socket(&folder);
    drop(UnixListener::bind(&path).expect("a dead socket"));
    let address = format!("unix:{path}?mode=0660");
    let mut service = on(&address, &[]).serve().await;
    assert_eq!(service.address, format!("unix:{path}"));
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    for (request, status) in
        [("GET / HTTP/1.1", 200), ("GET /metrics HTTP/1.1", 200), ("POST /-/reload HTTP/1.1", 200)]
    {
        assert_eq!(over_unix(&path, request).await.expect("an answer").status, status, "{request}");
    }
    let ended = healthcheck(&[&format!("--web.listen-address={address}")]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), format!("unix:{path} /-/healthy answers HTTP 200\n").as_str())
    );
    let second = on(&address, &[]).run().await;
    assert!(
        second.code == Some(1) && second.stderr.contains("another process listens there"),
        "{}",
        second.stderr
    );
    service.signal("TERM").await;
    assert_eq!(service.ended(std::time::Duration::from_secs(10)).await.code, Some(0));
    assert!(!std::path::Path::new(&path).exists());
    std::fs::write(&path, "precious").expect("a file");
    let refused = on(&address, &[]).run().await;
    assert!(
        refused.stderr.contains("is no socket") && std::path::Path::new(&path).exists(),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn each_address_that_is_given_serves() {
    let (folder, port) = (tempfile::tempdir().expect("a folder"), closed_port().await);
    let path = socket(&folder);
    let service =
        program(&[&format!("--web.listen-address={port}"), &format!("--web.listen-address=unix:{path}")])
            .serve()
            .await;
    assert_eq!(service.get("/metrics").await.status, 200);
    assert_eq!(http::send(&port.to_string(), "GET", "/metrics", &[]).await.expect("an answer").status, 200);
    assert_eq!(over_unix(&path, "GET /metrics HTTP/1.1").await.expect("an answer").status, 200);
}

#[tokio::test]
async fn external_url_and_prefix_are_those_of_prometheus() {
    let service = program(&["--web.external-url=https://watch.example.com/pbx"]).serve().await;
    for (path, status) in [
        ("/pbx/metrics", 200),
        ("/pbx/", 200),
        ("/pbx/-/healthy", 200),
        ("/metrics", 404),
        ("/pbxmetrics", 404),
    ] {
        assert_eq!(service.get(path).await.status, status, "{path}");
    }
    for path in ["/", "/pbx"] {
        let home = service.get(path).await;
        assert_eq!((home.status, home.header("location")), (302, "/pbx/"), "{path}");
    }
    assert_eq!(service.ask("GET", "/pbx/", &["host: watch.example.com"]).await.status, 200);
    let post = service.post("/pbx/-/reload").await;
    assert_eq!(post.status, 403, "behind a proxy every stranger comes from loopback");
    let address = format!("--web.listen-address={}", service.address);
    let checked = healthcheck(&[&address, "--web.external-url=https://watch.example.com/pbx"]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);

    let stripped = ["--web.external-url=https://watch.example.com/pbx", "--web.route-prefix=/"];
    assert_eq!(program(&stripped).serve().await.get("/metrics").await.status, 200);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("set");
    let page = "authorization: {external_url: 'https://a.example.com'}";
    let text = format!("storage: {{path: '{}'}}\n{page}\n{}", folder.path().display(), nothing());
    let both = program(&["--web.external-url=https://b.example.com"]).file(CONFIG, &text).run().await;
    assert!(both.stderr.contains("remove one of them"), "{}", both.stderr);
    let text = text.replace("external_url: 'https://a.example.com'", "");
    let neither = program(&[]).file(CONFIG, &text).run().await;
    assert!(neither.stderr.contains("or give --web.external-url"), "{}", neither.stderr);
    let shared = program(&["--web.external-url=https://b.example.com"]).file(CONFIG, &text).serve().await;
    assert_eq!(shared.get("/oauth/start").await.status, 200, "the page is on");
}

#[tokio::test]
async fn the_health_check_knows_a_service_behind_tls_and_password() {
    let authority = crate::support::tls::Authority::new();
    let own = authority.good();
    let web = format!(
        "tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nbasic_auth_users: {{a: '{}'}}\n",
        hash("a")
    );
    let service: Service = program(&["--web.config.file", WEB])
        .file(WEB, &web)
        .file("cert.pem", &own.certificate_pem)
        .file("key.pem", &own.key_pem())
        .serve()
        .await;
    let (address, file) = (format!("--web.listen-address={}", service.address), service.folder().join(WEB));
    let file = format!("--web.config.file={}", file.display());
    let checked = healthcheck(&[&address, &file]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stdout.ends_with("/-/healthy answers HTTP 401\n"), "{}", checked.stdout);
    assert_ne!(healthcheck(&[&address]).await.code, Some(0), "no TLS without the flag");
}

#[tokio::test]
async fn systemd_is_told_of_start_reload_and_end_and_that_it_is_alive() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_nonblocking(true).expect("set");
    let mut service = program(&[])
        .env("NOTIFY_SOCKET", &path.display().to_string())
        .env("WATCHDOG_USEC", "200000")
        .serve()
        .await;
    let heard = |expected: &str| {
        let (socket, expected) = (&socket, expected.to_owned());
        async move {
            eventually(&expected.clone(), async || {
                let mut buffer = [0; 256];
                let length = socket.recv(&mut buffer).ok()?;
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                text.starts_with(&expected).then_some(text)
            })
            .await
        }
    };
    heard("READY=1").await;
    heard("WATCHDOG=1").await;
    service.signal("HUP").await;
    let reloading = heard("RELOADING=1").await;
    let micros = reloading.split_once("\nMONOTONIC_USEC=").expect("a time").1;
    assert!(micros.parse::<u64>().is_ok_and(|micros| micros > 0), "{reloading}");
    heard("READY=1").await;
    service.signal("TERM").await;
    heard("STOPPING=1").await;
    assert_eq!(service.ended(std::time::Duration::from_secs(10)).await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs systemd"]
async fn sockets_of_systemd_are_taken_with_the_flag_alone() {
    let port = closed_port().await;
    let mut command = Command::new("systemd-socket-activate");
    command.arg(format!("--listen={port}")).arg("--setenv=PATH=/usr/bin:/bin");
    command.arg(env!("CARGO_BIN_EXE_pbx_exporter")).args(["--web.systemd-socket", "--config.file", CONFIG]);
    let _activated = Program::run_by(command).file(CONFIG, &nothing()).spawn();
    eventually("the first connection starts it", async || {
        http::send(&port.to_string(), "GET", "/metrics", &[]).await.filter(|reply| reply.status == 200)
    })
    .await;
    let alone = program(&["--web.systemd-socket"]).run().await;
    assert!(alone.stderr.contains("no socket activation file descriptors found"), "{}", alone.stderr);
}

#[tokio::test]
#[ignore = "needs systemd"]
async fn systemd_takes_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    let units = ["pbx_exporter.service", "pbx_exporter.socket"].map(|name| {
        let unit = format!("{}/deploy/systemd/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&unit).expect("a unit");
        // The program need not be installed on this machine.
        let path = folder.path().join(name);
        std::fs::write(
            &path,
            text.replace("/usr/local/bin/pbx_exporter", env!("CARGO_BIN_EXE_pbx_exporter")),
        )
        .expect("a file");
        path
    });
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).output().await;
    let verified = verified.expect("systemd-analyze runs (Debian: systemd)");
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("pbx_exporter."), "{said}");
}
