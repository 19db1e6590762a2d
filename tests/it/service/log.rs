//! A service that follows logs of the PBX: counts, page, reloads, and nothing of a line anywhere.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use pbx_exporter::sim::Generation;

use super::{config, of, pbx, target};
use crate::support::process::{CONFIG, Service, eventually};

fn append(folder: &Path, name: &str, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(folder.join(name));
    file.expect("a file").write_all(text.as_bytes()).expect("written");
}

fn events(kind: &str) -> String {
    format!("pbx_log_events_total{{target=\"hq\",kind=\"{kind}\"}}")
}

fn token_line(status: u16, hostile: &str) -> String {
    format!(
        "192.0.2.7 - {hostile} [21/Nov/2026:22:51:32 +0000] \"POST /admin/api/api/token?{hostile} HTTP/1.1\" {status} 9 \
         \"{hostile}\" \"{hostile}\"\n"
    )
}

#[tokio::test]
async fn events_are_counted_over_a_reload_and_problems_are_told_once() {
    let server = pbx(Generation::V17).await;
    let folder = tempfile::tempdir().expect("a folder");
    append(folder.path(), "access.log", &token_line(401, "-").repeat(5));
    let keys = format!(
        "log: [{{path: '{0}/access.log', format: access_log}}, {{path: '{0}/gone.log', format: freepbx_log}}]",
        folder.path().display()
    );
    let text = config(&[target("hq", server.origin(), &keys), target("other", server.origin(), "")]);
    let service = Service::start(&text, &["--log.level=trace"]).await;
    service.until(&of("pbx_up", "hq"), 1.0).await;
    service.until(&events("token_refused"), 0.0).await;
    assert!(!service.metrics().await.contains("pbx_log_events_total{target=\"other\""));
    let told = "log of the PBX cannot be followed";
    eventually("the absent file is told", async || service.stderr().contains(told).then_some(())).await;

    append(folder.path(), "access.log", &token_line(401, "canary").repeat(2));
    service.until(&events("token_refused"), 2.0).await;
    service.write(CONFIG, &text.replace("'other'", "'another'"));
    assert_eq!(service.post("/-/reload").await.status, 200);
    append(folder.path(), "access.log", &token_line(200, "canary"));
    service.until(&events("token_granted"), 1.0).await;
    assert_eq!(service.value(&events("token_refused")).await, Some(2.0));

    let page = service.get("/").await.body;
    for part in ["<code>token_refused</code> 2 (", "gone.log does not exist"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let fatal = "[21-Nov-2026 22:51:32 UTC] PHP Fatal error:  Uncaught Exception: canary in /var/www/html/admin/modules/api/a.php:1\n\
                 [21-Nov-2026 22:51:32 UTC] canary\n";
    append(folder.path(), "gone.log", fatal);
    service.until(&events("php_error"), 1.0).await;
    let page = service.get("/").await.body;
    assert!(!page.contains("does not exist"), "{page}");
    let metrics = service.metrics().await;
    assert_eq!(service.value(&of("pbx_up", "hq")).await, Some(1.0));
    for (what, said) in [("metrics", &metrics), ("page", &page), ("log", &service.stderr())] {
        assert!(!said.contains("canary"), "{what}: {said}");
    }
    assert_eq!(service.stderr().matches(told).count(), 1, "{}", service.stderr());

    service.write(CONFIG, &text.replace(&keys, ""));
    assert_eq!(service.post("/-/reload").await.status, 200);
    assert!(!service.metrics().await.contains("pbx_log_events_total{"));
}
