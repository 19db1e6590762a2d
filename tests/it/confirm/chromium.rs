//! The same as a person sees it: headless Chromium.

use std::sync::Arc;

use pbx_exporter::clock::Clock;
use pbx_exporter::sim::ringme::PUBLIC_ID;
use pbx_exporter::sim::{SimRingme, SimServer};

use super::{NEEDS_PERSON, UP, authorize, config_of, serve, shown};
use crate::support::browser::Browser;
use crate::support::person::settings;
use crate::support::process::PATIENCE;

const RINGME: (&str, &str) = ("ringme", PUBLIC_ID);

async fn ringme() -> SimServer<SimRingme> {
    SimServer::start(Arc::new(SimRingme::new(Clock::System))).await.expect("a port")
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_person_confirms_in_a_browser_that_the_command_waits_for() {
    let (server, folder) = (ringme().await, tempfile::tempdir().expect("a folder"));
    let config = config_of(RINGME, server.origin(), &settings(folder.path()).path, "");
    let service = serve(&config).await;
    let browser = Browser::start().await;
    for (button, said, code) in
        [("deny", "access was denied at the PBX", 6), ("allow", "Access to head office is confirmed.", 0)]
    {
        service.until(NEEDS_PERSON, 1.0).await;
        let mut command = authorize(&config, &[]).spawn();
        browser.open(shown(&command).await.as_str()).await;
        browser.reads("Allow access?").await;
        browser.press(&format!("button[value={button}]")).await;
        browser.reads(said).await;
        let ended = command.ended(PATIENCE).await;
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    }
    service.until(UP, 1.0).await;
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn a_person_confirms_on_the_page_of_the_service() {
    let (server, folder) = (ringme().await, tempfile::tempdir().expect("a folder"));
    let storage = settings(folder.path()).path;
    // The page's address is the service's own, which is known only once it listens.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("bound")
        .port();
    let page = format!("authorization: {{external_url: 'http://127.0.0.1:{port}'}}");
    let config = config_of(RINGME, server.origin(), &storage, &page);
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let program = crate::support::process::Program::new(&[&listen, "--config.file", super::CONFIG]);
    let service = program.file(super::CONFIG, &config).serve().await;
    service.until(NEEDS_PERSON, 1.0).await;
    let browser = Browser::start().await;
    for (button, said) in
        [("deny", "Nothing has changed: access was denied"), ("allow", "Access to head office is confirmed.")]
    {
        let ended = authorize(&config, &["--page"]).run().await;
        let (page, code) = ended.stdout.split_once('\n').expect("two lines");
        browser.open(page.strip_prefix("Open ").expect("an address")).await;
        browser.write("input[name=code]", "not the code").await;
        browser.press("form button").await;
        browser.reads("the code is wrong; enter the latest one").await;
        browser.write("input[name=code]", code.trim().rsplit(' ').next().expect("a code")).await;
        browser.press("form button").await;
        browser.reads("Allow access?").await;
        assert!(browser.address().await.starts_with(server.origin().as_str()));
        browser.press(&format!("button[value={button}]")).await;
        browser.reads(said).await;
        assert!(browser.address().await.starts_with(&format!("http://127.0.0.1:{port}/oauth/callback?")));
    }
    // The same page once more: its code and state are used up, and its cookie is gone.
    let address = browser.address().await;
    browser.open(&address).await;
    browser.reads("is wrong, missing or already used").await;
    service.until(UP, 1.0).await;
    assert_eq!(service.value(NEEDS_PERSON).await, None);
}
