//! What a target takes from `defaults`.

use std::time::Duration;

use pbx_exporter::domain::SecretSource;
use pbx_exporter::domain::target::Call;
use secrecy::ExposeSecret;

use super::{Files, load_text};

fn defaults(defaults: &str, target: &str) -> String {
    format!("defaults: {{{defaults}}}\ntargets: [{{name: office, url: 'https://pbx.example.com', {target}}}]")
}

const AUTH: &str = "auth: {client_id: abc, client_secret: not-a-real-secret}";

#[test]
fn nested_keys_are_inherited_one_by_one() {
    let text = defaults(
        "interval: 30s, auth: {client_id: shared, client_secret: not-a-real-secret, client_auth: basic}, backoff: \
         {start: 6m, denied: 7m}, tls: {min_version: '1.3'}",
        "auth: {client_id: own}, backoff: {start: 8m}, tls: {insecure_skip_verify: true}",
    );
    let target = &load_text(&text).expect("a good file").targets[0];
    assert_eq!(target.interval, Duration::from_secs(30));
    assert_eq!(target.auth.client_id, "own");
    assert_eq!(target.auth.client_auth, pbx_exporter::domain::target::ClientAuth::Basic);
    assert_eq!((target.backoff.start.as_secs(), target.backoff.denied.as_secs()), (480, 420));
    assert!(target.client.insecure_skip_verify);
    assert_eq!(target.client.min_version, pbx_exporter::domain::target::TlsVersion::Tls13);
}

#[test]
fn a_secret_in_one_form_replaces_the_inherited_one_in_another() {
    let files = Files::new(&[
        ("own.txt", "not-a-real-secret\n"),
        ("a.yml", "defaults: {auth: {client_id: abc, client_secret: inherited}}"),
        (
            "b.yml",
            "targets: [{name: office, url: 'https://pbx.example.com', auth: {client_secret_file: own.txt}}]",
        ),
    ]);
    let target = &files.load(&["*.yml"]).expect("good files").targets[0];
    assert_eq!(target.auth.client_secret, Some(SecretSource::File(files.path("own.txt"))));
    assert_eq!(target.auth.client_id, "abc");
}

#[test]
fn an_inherited_file_is_found_from_the_file_that_names_it() {
    let files = Files::new(&[
        ("main/secret.txt", "not-a-real-secret\n"),
        ("main/defaults.yml", "defaults: {auth: {client_id: abc, client_secret_file: secret.txt}}"),
        ("targets/a.yml", "targets: [{name: office, url: 'https://pbx.example.com'}]"),
    ]);
    let target = &files.load(&["targets/*.yml", "main/defaults.yml"]).expect("good files").targets[0];
    let secret = target.auth.client_secret.as_ref().expect("a secret").read().expect("readable");
    assert_eq!(secret.expose_secret(), "not-a-real-secret");
}

#[test]
fn null_drops_what_would_be_inherited() {
    let text = defaults(
        "interval: 30s, proxy: {url: 'http://proxy.example.com'}",
        &format!("interval: null, proxy: null, {AUTH}"),
    );
    let target = &load_text(&text).expect("a good file").targets[0];
    assert_eq!(target.interval, Duration::from_secs(60));
    assert_eq!(target.client.proxy, None);
}

#[test]
fn null_drops_an_inherited_header_and_is_a_mistake_where_none_is() {
    let text = defaults("headers: {X-A: a, X-B: b}", &format!("headers: {{x-a: null}}, {AUTH}"));
    let target = &load_text(&text).expect("a good file").targets[0];
    assert_eq!(target.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["x-b"]);
    for (shared, own) in [("X-A: a", "X-C: null"), ("X-A: null", "X-C: c")] {
        let text = defaults(&format!("headers: {{{shared}}}"), &format!("headers: {{{own}}}, {AUTH}"));
        let error = load_text(&text).expect_err("nothing to drop");
        assert!(error.contains(".headers: has a key without a value, which is not shown"), "{error}");
    }
}

#[test]
fn header_names_are_inherited_without_regard_to_case() {
    let text =
        defaults("headers: {X-Site: default, X-Team: voice}", &format!("headers: {{x-site: own}}, {AUTH}"));
    let target = &load_text(&text).expect("a good file").targets[0];
    assert_eq!(
        (&target.headers["x-site"], &target.headers["x-team"]),
        (&"own".parse().unwrap(), &"voice".parse().unwrap())
    );
}

#[test]
fn a_call_is_inherited_whole_or_not_at_all() {
    let inherited = "call: {method: POST, path: /a, body: '{\"query\":\"{ a }\"}'}";
    let whole = load_text(&defaults(inherited, AUTH)).expect("a good file");
    assert!(matches!(&whole.targets[0].call, Call::Custom(call) if call.request.body.is_some()));
    let own = load_text(&defaults(inherited, &format!("call: {{path: /b}}, {AUTH}"))).expect("a good file");
    assert!(
        matches!(&own.targets[0].call, Call::Custom(call) if call.request.body.is_none() && call.request.path == "/b")
    );
}

#[test]
fn inherited_tls_settings_do_not_trouble_a_plain_http_target() {
    let text =
        defaults("tls: {min_version: '1.3'}", AUTH).replace("https://pbx.example.com", "http://127.0.0.1");
    assert_eq!(load_text(&text).map(|c| c.targets.len()), Ok(1));
}

#[test]
fn an_inherited_version_query_passes_where_the_platform_has_none() {
    let text = "\
defaults: {version: true, auth: {client_id: a, client_secret: not-a-real-secret}}
targets:
- {name: a, url: 'https://a.example.com'}
- {name: b, url: 'https://b.example.com', platform: ringme}
";
    let config = load_text(text).expect("what is inherited need not apply");
    assert_eq!(config.targets.iter().map(|target| target.version).collect::<Vec<_>>(), [true, false]);
    let error = load_text(&text.replace("ringme", "ringme, version: true")).expect_err("its own");
    assert!(error.contains("targets[1].version: ringme has no version query"), "{error}");
}

#[test]
fn inherited_credentials_of_another_grant_pass_where_a_target_has_a_grant_of_its_own() {
    let secrets = "client_id: abc, client_secret: not-a-real-secret, ";
    for (shared, own) in [
        ("grant: password, username: u, password: not-a-real-secret", "client_credentials"),
        ("grant: refresh_token, refresh_token: not-a-real-secret", "client_credentials"),
        ("grant: authorization_code, redirect_uri: 'https://a.example.com'", "client_credentials"),
        ("grant: password, username: u, password: not-a-real-secret", "password"),
    ] {
        let shared = format!("auth: {{{secrets}{shared}}}");
        let text = defaults(&shared, &format!("auth: {{grant: {own}}}"));
        assert_eq!(load_text(&text).map(|config| config.targets[0].auth.grant.as_str()), Ok(own), "{shared}");
    }
    // Nobody has chosen another grant here: somebody forgot to.
    let text = defaults(&format!("auth: {{{secrets}username: u}}"), "interval: 1m");
    let error = load_text(&text).expect_err("a contradiction");
    assert!(
        error.contains("defaults.auth.username: is not used with the grant client_credentials"),
        "{error}"
    );
    let text = defaults(&format!("auth: {{{secrets}}}"), "auth: {grant: client_credentials, username: u}");
    let error = load_text(&text).expect_err("its own");
    assert!(error.contains("targets[0].auth.username: is not used"), "{error}");
}
