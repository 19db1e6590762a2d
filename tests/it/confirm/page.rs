//! The page for confirmations of the running service.

use std::path::Path;

use pbx_exporter::domain::Operation;
use pbx_exporter::sim::{Fault, SimServer};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use url::Url;

use super::{NEEDS_PERSON, UP, allowed, authorize, config, pbx, secrets, serve};
use crate::support::http::{self, Reply};
use crate::support::person::{Press, press};
use crate::support::process::{PATIENCE, Service, eventually};

const EXTERNAL: &str = "https://exporter.example.com/pbx";
const REQUESTS: &str = "pbx_token_refreshes_total{target=\"head office\",grant=\"authorization_code\"}";

fn failures(reason: &str) -> String {
    format!(
        "pbx_token_refresh_failures_total{{target=\"head office\",grant=\"authorization_code\",reason=\"{reason}\"}}"
    )
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A service with the page, reached past the proxy that its address speaks of.
struct Stage {
    server: SimServer,
    folder: TempDir,
    config: String,
    service: Service,
}

impl Stage {
    async fn new() -> Self {
        let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
        let page = format!("authorization: {{external_url: '{EXTERNAL}'}}");
        let config = config(&server, &folder.path().join("tokens"), &page);
        let service = serve(&config).await;
        service.until(NEEDS_PERSON, 1.0).await;
        Self { server, folder, config, service }
    }

    fn storage(&self) -> std::path::PathBuf {
        Path::join(self.folder.path(), "tokens")
    }

    /// A code from the command.
    async fn code(&self) -> String {
        let ended = authorize(&self.config, &["--page"]).run().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stdout.contains(&format!("Open {EXTERNAL}/oauth/start?target=head+office")),
            "{}",
            ended.stdout
        );
        ended.stdout.trim_end().rsplit(' ').next().expect("a code").to_owned()
    }

    async fn post(&self, code: &str, headers: &[&str]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("target", super::TARGET)
            .append_pair("code", code)
            .finish();
        let sent = http::send_body(&self.service.address, "POST", "/oauth/start", headers, FORM, &body);
        sent.await.expect("an answer")
    }

    /// Enters a good code; where the browser is sent, and its cookie.
    async fn begin(&self) -> (Url, String) {
        let reply = self.post(&self.code().await, &[]).await;
        assert_eq!(reply.status, 303, "{}", reply.whole());
        let cookie = reply.header("set-cookie");
        assert!(
            cookie.ends_with("; Path=/pbx/oauth/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        (Url::parse(reply.header("location")).expect("an address"), pair)
    }

    /// The browser comes back, through the proxy that takes `/pbx` away.
    async fn back(&self, back: &Url, cookie: &str) -> Reply {
        assert!(back.as_str().starts_with(&format!("{EXTERNAL}/oauth/callback?")), "{back}");
        let path = format!("/oauth/callback?{}", back.query().expect("a query"));
        self.service.ask("GET", &path, &[&format!("cookie: other=1; {cookie}")]).await
    }
}

#[tokio::test]
async fn a_person_with_a_code_confirms_on_the_page_and_the_target_goes_on_at_once() {
    let mut stage = Stage::new().await;
    let form = stage.service.get("/oauth/start?target=head+office").await;
    assert!(form.status == 200 && form.body.contains("value=\"head office\""), "{}", form.body);
    assert_eq!(form.header("referrer-policy"), "same-origin", "or it is posted with `Origin: null`");
    let (location, cookie) = stage.begin().await;
    let back = allowed(&stage.server, &location);
    let page = stage.back(&back, &cookie).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Access to head office is confirmed."), "{}", page.body);
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    assert!(page.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(stage.service.value(UP).await, Some(1.0), "no wait");
    assert_eq!(stage.service.value(REQUESTS).await, Some(1.0));
    assert!(stage.service.value(NEEDS_PERSON).await.is_none());

    let again = stage.back(&back, &cookie).await;
    assert!(again.status == 400 && again.body.contains("already used"), "{}", again.body);
    assert_eq!(stage.server.pbx().requests(Operation::Token), 1, "a replay is not even sent");
    let all = format!("{}{}{}{}", form.whole(), page.whole(), again.whole(), stage.service.metrics().await);
    let secrets = secrets(&back, &stage.storage());
    assert_eq!(secrets.len(), 3);
    stage.service.signal("TERM").await;
    let ended = stage.service.ended(PATIENCE).await;
    let sent = location.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    for secret in secrets.iter().chain([&sent, &cookie]) {
        assert!(
            ![&all, &ended.stdout, &ended.stderr].iter().any(|text| text.contains(secret.as_str())),
            "{secret}"
        );
    }
}

#[tokio::test]
async fn without_a_good_code_nothing_begins() {
    let stage = Stage::new().await;
    let reply = stage.post("guess", &[]).await;
    assert!(reply.status == 403 && reply.body.contains("there is no code for this target"), "{}", reply.body);
    assert_eq!(reply.header("referrer-policy"), "same-origin", "its form is posted again");
    let code = stage.code().await;
    for _ in 0..50 {
        let reply = stage.post("guess", &[]).await;
        assert!(reply.status == 403 && reply.body.contains("the code is wrong"), "{}", reply.body);
    }
    assert_eq!(stage.post(&code, &[]).await.status, 303, "no stranger ends it by guessing");
    let unknown =
        http::send_body(&stage.service.address, "POST", "/oauth/start", &[], FORM, "target=other&code=x")
            .await;
    assert_eq!(unknown.expect("an answer").status, 403);
    let code = stage.code().await;
    let foreign = stage.post(&code, &["origin: https://evil.example.com"]).await;
    assert_eq!(foreign.status, 403);
    let foreign = stage.post(&code, &["sec-fetch-site: cross-site"]).await;
    assert!(foreign.status == 403 && foreign.body.contains("another site"), "{}", foreign.body);
    assert_eq!(stage.post(&code, &[]).await.status, 303, "which did not use the code up");
    assert_eq!(stage.post(&code, &[]).await.status, 403, "but this did");
}

#[tokio::test]
async fn only_the_browser_that_began_can_end_it_and_a_refusal_changes_nothing() {
    let stage = Stage::new().await;
    let (location, cookie) = stage.begin().await;
    let denied = press(&**stage.server.pbx(), &location, Press::Deny);
    let allowed_back = allowed(&stage.server, &location);
    for wrong in ["", "pbx_exporter_confirmation=", "pbx_exporter_confirmation=x"] {
        let reply = stage.back(&allowed_back, wrong).await;
        assert!(reply.status == 400 && reply.body.contains("Nothing has changed"), "{}", reply.body);
    }
    let altered = Url::parse(&allowed_back.as_str().replace("state=", "state=x")).expect("an address");
    assert_eq!(stage.back(&altered, &cookie).await.status, 400);
    let reply = stage.back(&denied, &cookie).await;
    assert!(reply.status == 400 && reply.body.contains("access was denied at the PBX"), "{}", reply.body);
    assert_eq!(stage.back(&allowed_back, &cookie).await.status, 400, "it is over");
    assert_eq!(stage.server.pbx().requests(Operation::Token), 0);
    assert_eq!(stage.service.value(NEEDS_PERSON).await, Some(1.0));
}

#[tokio::test]
async fn once_the_code_was_sent_it_is_not_said_that_nothing_has_changed() {
    let stage = Stage::new().await;
    let (location, cookie) = stage.begin().await;
    let back = allowed(&stage.server, &location);
    stage.server.pbx().set_fault(Some(Fault::SecretRegenerated));
    let reply = stage.back(&back, &cookie).await;
    assert!(reply.status == 400 && reply.body.contains("invalid_client"), "{}", reply.body);
    assert!(reply.body.contains("works only once: start again."), "{}", reply.body);
    assert!(!reply.body.contains("Nothing has changed"), "{}", reply.body);
    stage.service.until(&failures("invalid_client"), 1.0).await;
    assert_eq!(stage.service.value(REQUESTS).await, Some(1.0));
}

#[tokio::test]
async fn refused_codes_are_counted_and_spend_the_budget_of_the_pbx() {
    let stage = Stage::new().await;
    for _ in 0..5 {
        let (location, cookie) = stage.begin().await;
        let back = allowed(&stage.server, &location);
        stage.server.pbx().set_fault(Some(Fault::SecretRegenerated));
        let reply = stage.back(&back, &cookie).await;
        assert!(reply.status == 400 && reply.body.contains("invalid_client"), "{}", reply.body);
        stage.server.pbx().set_fault(None);
    }
    stage.service.until(&failures("invalid_client"), 5.0).await;
    let code = stage.code().await;
    let reply = stage.post(&code, &[]).await;
    assert!(reply.status == 403 && reply.body.contains("could get it banned"), "{}", reply.body);
    assert!(
        reply.body.contains("start again in 39m") || reply.body.contains("start again in 40m"),
        "{}",
        reply.body
    );
    assert_eq!(
        (stage.service.value(REQUESTS).await, stage.service.value(NEEDS_PERSON).await),
        (Some(5.0), Some(1.0))
    );
}

#[tokio::test]
async fn tokens_that_cannot_be_written_stay_in_memory_until_they_can() {
    let mut stage = Stage::new().await;
    let handover = stage.storage().join("handover");
    let confirm_without_room = async || {
        let (location, cookie) = stage.begin().await;
        let back = allowed(&stage.server, &location);
        stage.server.pbx().set_fault(Some(Fault::Hang));
        let known = stage.server.pbx().requests(Operation::Token);
        let spoil = eventually("the code is under way", async || {
            (stage.server.pbx().requests(Operation::Token) > known).then(|| {
                std::fs::remove_dir_all(&handover).expect("removed");
                std::fs::write(&handover, "in the way").expect("written");
                stage.server.pbx().set_fault(None);
            })
        });
        let (reply, ()) = tokio::join!(stage.back(&back, &cookie), spoil);
        reply
    };
    let reply = confirm_without_room().await;
    assert!(reply.status == 200 && reply.body.contains("cannot be written yet"), "{}", reply.body);
    assert!(reply.body.contains("is not a folder; move it away"), "{}", reply.body);
    assert_eq!(stage.service.value(UP).await, Some(0.0));
    std::fs::remove_file(&handover).expect("removed");
    stage.service.until(UP, 1.0).await;
    // What could not be written until the end is told.
    let reply = confirm_without_room().await;
    assert!(reply.body.contains("cannot be written yet"), "{}", reply.body);
    stage.service.signal("TERM").await;
    let ended = stage.service.ended(PATIENCE).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("the tokens of a confirmation are lost"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_browser_that_goes_away_meanwhile_takes_nothing_along() {
    let stage = Stage::new().await;
    let (location, cookie) = stage.begin().await;
    let back = allowed(&stage.server, &location);
    stage.server.pbx().set_fault(Some(Fault::Hang));
    let query = back.query().expect("a query");
    let request =
        format!("GET /oauth/callback?{query} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\n\r\n");
    let mut stream = TcpStream::connect(&stage.service.address).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    eventually("the code is under way", async || {
        (stage.server.pbx().requests(Operation::Token) == 1).then_some(())
    })
    .await;
    drop(stream);
    stage.server.pbx().set_fault(None);
    stage.service.until(UP, 1.0).await;
}

#[tokio::test]
async fn the_page_is_off_unless_it_is_configured_and_for_configured_targets_only() {
    let (server, folder) = (pbx().await, tempfile::tempdir().expect("a folder"));
    let service = serve(&config(&server, &folder.path().join("tokens"), "")).await;
    for path in ["/oauth/start", "/oauth/callback?code=x&state=y"] {
        assert_eq!(service.get(path).await.status, 404, "{path}");
    }
    let posted =
        http::send_body(&service.address, "POST", "/oauth/start", &[], FORM, "target=a&code=b").await;
    assert_eq!(posted.expect("an answer").status, 404);
}
