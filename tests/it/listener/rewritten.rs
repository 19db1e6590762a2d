//! The web configuration file, certificate and key while the service runs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{WEB, basic, curl, hash, secured};
use crate::support::process::{Service, eventually};
use crate::support::tls::Authority;

const RELOADED: &str = "pbx_exporter_web_config_last_reload_successful";

fn users(names: &[&str]) -> String {
    let users: Vec<_> = names.iter().map(|name| format!("  {name}: '{}'\n", hash(name))).collect();
    format!("basic_auth_users:\n{}", users.concat())
}

async fn status(service: &Service, user: &str) -> u16 {
    service.ask("GET", "/metrics", &[&basic(user, user)]).await.status
}

/// Waits until the metric has this value, asked for by a user who is let in all the time.
async fn reloaded(service: &Service, value: &str) {
    let expected = format!("{RELOADED} {value}");
    eventually(&expected, async || {
        let body = service.ask("GET", "/metrics", &[&basic("alice", "alice")]).await.body;
        body.lines().any(|line| line == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_half_written_emptied_or_gone_never_opens_the_pages() {
    let whole = users(&["alice", "bob"]);
    let service = secured(&whole, &[]).await;
    reloaded(&service, "1").await;
    for broken in
        ["", "basic_auth_users:\n", "basic_auth_users:\n  alice: '$2b$04$", "basic_auth_users: {}\n"]
    {
        service.write(WEB, broken);
        reloaded(&service, "0").await;
        assert_eq!(service.get("/metrics").await.status, 401, "{broken}");
        assert_eq!(service.get("/").await.status, 401, "{broken}");
        let page = service.ask("GET", "/", &[&basic("alice", "alice")]).await.body;
        assert!(page.contains("The web configuration file cannot be used"), "{page}");
        service.write(WEB, &whole);
        reloaded(&service, "1").await;
    }
    std::fs::remove_file(service.folder().join(WEB)).expect("it was there");
    reloaded(&service, "0").await;
    assert_eq!(service.get("/metrics").await.status, 401);
    service.write(WEB, &users(&["alice"]));
    reloaded(&service, "1").await;
    assert_eq!((status(&service, "alice").await, status(&service, "bob").await), (200, 401), "bob is gone");
    let page = service.ask("GET", "/", &[&basic("alice", "alice")]).await.body;
    assert!(!page.contains("The web configuration file cannot be used"));
    assert!(service.stderr().contains("it may be half written"), "{}", service.stderr());
}

#[tokio::test]
async fn only_who_asks_for_a_reload_takes_the_passwords_away() {
    let service = secured(&users(&["alice"]), &[]).await;
    service.write(WEB, "");
    reloaded(&service, "0").await;
    let alice = basic("alice", "alice");
    assert_eq!(service.ask("POST", "/-/reload", &[&alice, "content-length: 0"]).await.status, 200);
    assert_eq!(service.get("/metrics").await.status, 200);
    service.write(WEB, "nonsense: true\n");
    let reply = service.post("/-/reload").await;
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("field nonsense not found in type web.Config"), "{}", reply.body);
}

#[tokio::test]
#[ignore = "needs curl"]
async fn certificate_key_and_users_are_replaced_under_load_without_a_failed_scrape() {
    let authority = Authority::new();
    let first = authority.good();
    let web = |names: &[&str]| {
        format!("tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\n{}", users(names))
    };
    let flags = ["--web.config.file", WEB];
    let service = super::program(&flags)
        .file(WEB, &web(&["alice", "bob"]))
        .file("cert.pem", &first.certificate_pem)
        .file("key.pem", &first.key_pem())
        .file("ca.pem", &authority.ca_pem())
        .serve()
        .await;
    let port = service.address.rsplit(':').next().expect("a port");
    let url = format!("https://localhost:{port}/metrics");
    let scrape = ["--cacert", "ca.pem", "-u", "alice:alice", url.as_str()];
    let (started, mut scrapes) = (Instant::now(), 0);
    let mut next = 0;
    while started.elapsed() < Duration::from_secs(5) || scrapes < 20 {
        let step = started.elapsed().as_millis() / 1200;
        if step > next {
            next = step;
            let identity = authority.good();
            // One after the other, so that for a moment they do not belong together.
            service.write("cert.pem", &identity.certificate_pem);
            sleep(Duration::from_millis(300)).await;
            service.write("key.pem", &identity.key_pem());
            service.write(WEB, &web(if next % 2 == 0 { &["alice", "bob"] } else { &["alice", "carol"] }));
        }
        let (status, said) = curl(service.folder(), &scrape).await;
        assert_eq!(status, 200, "{said}");
        scrapes += 1;
    }
    let log = service.stderr();
    assert!(log.matches("web configuration in force").count() >= 2, "{log}");
}

#[tokio::test]
async fn a_file_that_hangs_keeps_nobody_waiting() {
    let mut service = secured(&users(&["alice"]), &[]).await;
    let alice = basic("alice", "alice");
    let path = service.folder().join(WEB);
    std::fs::remove_file(&path).expect("it was there");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(made.success());
    let reload = service.ask("POST", "/-/reload", &[&alice, "content-length: 0"]).await;
    assert_eq!(reload.status, 500);
    assert!(reload.body.contains("could not be read in time"), "{}", reload.body);
    assert_eq!((status(&service, "alice").await, service.get("/").await.status), (200, 401));
    service.signal("TERM").await;
    assert_eq!(service.ended(Duration::from_secs(10)).await.code, Some(0));
}
