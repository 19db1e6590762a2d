//! The second count of the extensions: the series, the page, the log.

use std::fmt::Display;

use pbx_exporter::sim::{Fault, Generation};

use super::{broken, config, of, pbx, target};
use crate::host_count::{ENDPOINTS, fake_asterisk, prints};
use crate::support::mariadb::{DEVICES, MariaDb, PASSWORD};
use crate::support::process::{Service, eventually};

/// A configuration of one target with this `reference`.
fn with(url: impl Display, keys: &str) -> String {
    config(&[target("office", url, &format!("reference: {{{keys}}}"))])
}

fn series(source: &str) -> String {
    format!("pbx_extensions_reference{{target=\"office\",source=\"{source}\"}}")
}

#[tokio::test]
async fn asterisks_count_stands_beside_the_apis() {
    let (pbx, folder) = (pbx(Generation::V16).await, tempfile::tempdir().expect("a folder"));
    let program = fake_asterisk(folder.path(), &prints(ENDPOINTS));
    let host_count = format!("asterisk: {{program: '{}'}}", program.display());
    let service = Service::start(&with(pbx.origin(), &host_count), &[]).await;
    service.until(&series("asterisk"), 2.0).await;
    service.until(&of("pbx_extensions", "office"), 3.0).await;
    assert_eq!(service.value(&of("pbx_up", "office")).await, Some(1.0));
    let page = service.get("/").await.body;
    assert!(page.contains("3<br><span class=\"dim\">asterisk: 2</span>"), "{page}");
    assert!(page.contains("The API reports 3, and Asterisk has 2 loaded."), "{page}");
}

#[tokio::test]
async fn a_failing_api_is_told_from_extensions_that_are_gone() {
    let pbx = broken(Generation::V16, Fault::SecretRegenerated).await;
    let folder = tempfile::tempdir().expect("a folder");
    let program = fake_asterisk(folder.path(), &prints(ENDPOINTS));
    let host_count = format!("asterisk: {{program: '{}'}}", program.display());
    let service = Service::start(&with(pbx.origin(), &host_count), &[]).await;
    service.until(&series("asterisk"), 2.0).await;
    service.until(&of("pbx_up", "office"), 0.0).await;
    let page = service.get("/").await.body;
    assert!(page.contains("The extensions exist: Asterisk has 2."), "{page}");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_count_that_begins_to_fail_loses_its_series_and_is_logged_once() {
    let pbx = pbx(Generation::V17).await;
    let server = MariaDb::start().await;
    let host_count = format!(
        "interval: 1s, database: {{socket: '{}', username: watcher, password: {PASSWORD}}}",
        server.socket().display()
    );
    let service = Service::start(&with(pbx.origin(), &host_count), &["--log.level=trace"]).await;
    service.until(&series("database"), DEVICES as f64).await;
    server.run("SET PASSWORD FOR watcher@localhost = PASSWORD('another')");
    let refused = "No second count: the database rejects this user or password";
    eventually("the page tells it", async || service.get("/").await.body.contains(refused).then_some(()))
        .await;
    assert_eq!(service.value(&series("database")).await, None);
    server.run(&format!("SET PASSWORD FOR watcher@localhost = PASSWORD('{PASSWORD}')"));
    service.until(&series("database"), DEVICES as f64).await;
    assert_eq!(service.value(&of("pbx_up", "office")).await, Some(1.0));
    let log = service.stderr();
    assert_eq!(log.matches("failed to count extensions on the PBX host").count(), 1, "{log}");
    assert_eq!(log.matches("extensions counted again on the PBX host").count(), 1, "{log}");
    let everything = format!("{log}{}{}", service.metrics().await, service.get("/").await.body);
    assert!(!everything.contains("canary"), "{everything}");
}
