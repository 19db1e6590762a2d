//! An OAuth2 server that others wrote (oidc-provider, on Node.js) agrees with what is sent here, and detects what must
//! not be sent: a wrong verifier, a refresh token used twice.

use std::path::Path;
use std::process::Stdio;

use pbx_exporter::control::Redirected;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::Url;

use super::{NEEDS_PERSON, TARGET, UP, authorize, serve, shown};
use crate::support::http::{self, Reply};
use crate::support::kept::kept;
use crate::support::person::settings;
use crate::support::process::{PATIENCE, eventually};

const SECRET: &str = "made-up-secret-of-the-independent-server";

struct Independent {
    origin: String,
    _process: Child,
    _folder: TempDir,
}

impl Independent {
    /// Its access tokens live so many seconds.
    async fn start(lifetime: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        let file = |path: &Path| Stdio::from(std::fs::File::create(path).expect("a file"));
        // Node.js looks for packages beside the source.
        std::fs::copy("tests/oauth2-server/server.mjs", folder.path().join("server.mjs"))
            .expect("the source");
        let packages = kept("oauth2_server").join("node_modules");
        std::os::unix::fs::symlink(packages, folder.path().join("node_modules")).expect("a link");
        let process = Command::new("node")
            .arg(folder.path().join("server.mjs"))
            .env("SECRET", SECRET)
            .env("LIFETIME", lifetime.to_string())
            .stdin(Stdio::null())
            .stdout(file(&out))
            .stderr(file(&err))
            .kill_on_drop(true)
            .spawn()
            .expect("node, which ./run-tests installs");
        let origin = eventually("the independent server listens", async || {
            let text = std::fs::read_to_string(&out).expect("text");
            Some(text.split_once("listening at ")?.1.split_once(' ')?.0.to_owned())
        });
        Self { origin: origin.await, _process: process, _folder: folder }
    }

    fn config(&self, storage: &Path, auth: &str) -> String {
        format!(
            "storage: {{path: '{}'}}\ntargets:\n- {{name: '{TARGET}', url: '{}', interval: 1s, failure_interval: 1s,\n  \
             auth: {{client_secret: '{SECRET}', scopes: [gql], {auth}}}}}\n",
            storage.display(),
            self.origin
        )
    }

    fn person(&self, storage: &Path) -> String {
        self.config(storage, "grant: authorization_code, client_id: person")
    }

    /// A browser without a face follows where it is sent, until it is sent to the command; cookies by name and path.
    async fn follow(&self, location: &Url) -> Url {
        let (mut url, mut jar) = (location.clone(), Vec::<(String, String, String)>::new());
        for _ in 0..20 {
            let cookies: Vec<_> = jar
                .iter()
                .filter(|(_, path, _)| url.path().starts_with(path))
                .map(|(.., pair)| &**pair)
                .collect();
            let reply = super::visit(&url, &[&format!("cookie: {}", cookies.join("; "))]).await;
            for field in reply.all("set-cookie") {
                let pair = field.split(';').next().expect("a pair").to_owned();
                let name = pair.split('=').next().expect("a name").to_owned();
                let path = field.to_ascii_lowercase().find("path=").map_or("/", |at| &field[at + 5..]);
                let path = path.split(';').next().expect("a path").to_owned();
                jar.retain(|(known, at, _)| (known, at) != (&name, &path));
                jar.push((name, path, pair));
            }
            url = url.join(reply.header("location")).expect("an address");
            assert!((302..=303).contains(&reply.status), "{}", reply.whole());
            if url.path() == "/callback" {
                return url;
            }
        }
        panic!("sent in circles: {url}");
    }

    async fn token(&self, form: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", "person"), ("client_secret", SECRET)])
            .extend_pairs(form)
            .finish();
        let (authority, kind) =
            (self.origin.trim_start_matches("http://"), "application/x-www-form-urlencoded");
        let sent = http::send_body(authority, "POST", "/admin/api/api/token", &[], kind, &body);
        sent.await.expect("an answer")
    }
}

fn refresh_token(storage: &Path) -> String {
    let names = std::fs::read_dir(storage).expect("a folder");
    let files = names.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    let mut records = files.filter_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    records.find_map(|record| Some(record["refresh_token"].as_str()?.to_owned())).expect("a refresh token")
}

#[tokio::test]
#[ignore = "needs Node.js"]
async fn client_credentials_are_taken_and_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let independent = Independent::start(4).await;
    let config = independent.config(&settings(folder.path()).path, "client_id: machine");
    let service = serve(&config).await;
    service.until(UP, 1.0).await;
    renewals(&service, "client_credentials", 3.0).await;
    assert_eq!(
        service.value(&super::super::service::of("pbx_probe_failures_total", TARGET)).await,
        Some(0.0)
    );
    let wrong = config.replace(SECRET, "not-the-secret");
    let ended = crate::support::process::Program::new(&["test-connection", "--config.file", super::CONFIG]);
    let ended = ended.file(super::CONFIG, &wrong).run().await;
    assert!(ended.code == Some(1) && ended.stdout.contains("invalid_client"), "{}", ended.stdout);
}

async fn renewals(service: &crate::support::process::Service, grant: &str, count: f64) {
    let series = format!("pbx_token_refreshes_total{{target=\"{TARGET}\",grant=\"{grant}\"}}");
    let enough = async || service.value(&series).await.filter(|value| *value >= count).map(|_| ());
    eventually(&format!("{count} requests by {grant}"), enough).await;
}

#[tokio::test]
#[ignore = "needs Node.js"]
async fn a_code_with_pkce_gives_tokens_that_rotate_and_a_second_use_of_one_ends_them_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = settings(folder.path()).path;
    let independent = Independent::start(4).await;
    let config = independent.person(&storage);
    let mut command = authorize(&config, &[]).spawn();
    let back = independent.follow(&shown(&command).await).await;
    assert_eq!(super::visit(&back, &[]).await.status, 200);
    let ended = command.ended(PATIENCE).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let service = serve(&config).await;
    service.until(UP, 1.0).await;
    let first = refresh_token(&storage);
    renewals(&service, "refresh_token", 3.0).await;
    assert_eq!(
        service.value(&super::super::service::of("pbx_probe_failures_total", TARGET)).await,
        Some(0.0)
    );
    let newest = refresh_token(&storage);
    assert_ne!(first, newest, "they rotate");

    // Somebody uses an old one: the server takes it for stolen, and ends its whole family.
    let reply = independent.token(&[("grant_type", "refresh_token"), ("refresh_token", &first)]).await;
    assert!(reply.status == 400 && reply.body.contains("invalid_grant"), "{}", reply.whole());
    service.until(NEEDS_PERSON, 1.0).await;
    let page = service.get("/").await.body;
    assert!(page.contains("FILE authorize"), "{page}");

    let mut command = authorize(&config, &[]).spawn();
    let back = independent.follow(&shown(&command).await).await;
    assert_eq!(super::visit(&back, &[]).await.status, 200);
    assert_eq!(command.ended(PATIENCE).await.code, Some(0));
    service.until(UP, 1.0).await;
}

#[tokio::test]
#[ignore = "needs Node.js"]
async fn a_code_without_its_verifier_is_worth_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let independent = Independent::start(60).await;
    let mut command = authorize(&independent.person(&settings(folder.path()).path), &[]).spawn();
    let location = shown(&command).await;
    let redirect_uri =
        location.query_pairs().find(|(name, _)| name == "redirect_uri").expect("one").1.into_owned();
    let back = independent.follow(&location).await;
    let code = Redirected::from_query(back.query().expect("a query")).code.expect("a code");
    let stolen = [
        ("grant_type", "authorization_code"),
        ("code", code.expose_secret()),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", "a-verifier-that-somebody-made-up-who-saw-the-code-alone"),
    ];
    let reply = independent.token(&stolen).await;
    assert!(reply.status == 400 && reply.body.contains("invalid_grant"), "{}", reply.whole());
    super::visit(&back, &[]).await;
    let ended = command.ended(PATIENCE).await;
    assert_eq!(ended.code, Some(0), "the thief's try did not use it up: {}", ended.stderr);
    // The same code again, by its owner.
    let reply = independent.token(&stolen).await;
    assert!(reply.status == 400 && reply.body.contains("invalid_grant"), "{}", reply.whole());
}
