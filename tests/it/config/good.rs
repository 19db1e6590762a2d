//! What a good file becomes.

use std::time::Duration;

use pbx_exporter::config::{Config, Limits, normalise_url};
use pbx_exporter::domain::platform::Method;
use pbx_exporter::domain::target::{Auth, Backoff, Call, ClientAuth, LogFile, LogFormat, TlsVersion};
use pbx_exporter::domain::{Grant, SecretSource};
use pbx_exporter::platform;
use secrecy::ExposeSecret;

use super::{Files, load_text, one_target};

const MINUTE: Duration = Duration::from_secs(60);

fn secret(source: Option<&SecretSource>) -> String {
    source.expect("a secret").read().expect("readable").expose_secret().to_owned()
}

#[test]
fn a_minimal_target_has_the_documented_defaults() {
    let config = load_text(&one_target("", "")).expect("a good file");
    let target = &config.targets[0];
    assert_eq!(&*target.name, "office");
    assert_eq!(&*target.platform.name, "freepbx");
    assert_eq!(target.origin.as_str(), "https://pbx.example.com/");
    assert_eq!((target.auth.grant, target.auth.client_auth), (Grant::ClientCredentials, ClientAuth::Body));
    assert_eq!(target.call, Call::known("graphql"));
    assert_eq!((target.interval, target.failure_interval), (MINUTE, Duration::from_secs(15)));
    assert_eq!((target.timeout, target.token_interval), (Duration::from_secs(10), Some(15 * MINUTE)));
    let backoff = Backoff { start: 5 * MINUTE, cap: 60 * MINUTE, denied: 5 * MINUTE };
    assert_eq!((target.backoff, target.body_limit), (backoff, 10 << 20));
    assert_eq!(config.limits, Limits::default());
    assert_eq!((config.warnings.len(), config.notes.len(), config.files.len()), (0, 0, 1));
}

const EVERY_KEY: &str = r#"
limits: {probes_in_flight: 7, probes_per_host: 2, refusals_per_origin: 5, refusal_window: 1h}
targets:
  - name: office
    platform: freepbx
    url: https://pbx.example.com:8443/admin/api/api/gql
    auth:
      grant: password
      client_id: abc
      client_secret_file: secrets/client.txt
      client_auth: basic
      username: monitor
      password: not-a-real-password
      scopes: [gql:core:read, rest]
    interval: 1m 30s
    failure_interval: 20s
    timeout: 2s
    token_interval: off
    backoff: {start: 6m, cap: 2h, denied: 7m}
    body_limit: 64KiB
    headers: {X-Site: office, X-Key: {file: secrets/client.txt}}
    tls: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem, min_version: "1.3"}
    proxy: {url: "http://proxy.example.com:3128", username: user, password_file: secrets/client.txt, no_proxy: localhost}
    call: {method: POST, path: "/admin/api/api/gql?a=b", body: "{}", content_type: application/graphql, total: /data/n}
    version: true
"#;

/// The configuration of [`EVERY_KEY`] with the folder of its files.
fn every_key() -> (Config, Files) {
    let files = Files::new(&[
        ("secrets/client.txt", "not-a-real-secret\n"),
        ("ca.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("cert.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("pbx.yml", EVERY_KEY),
    ]);
    (files.load(&["pbx.yml"]).expect("a good file"), files)
}

#[test]
fn every_key_of_token_and_times_arrives_where_it_belongs() {
    let (config, files) = every_key();
    let t = &config.targets[0];
    assert_eq!(t.origin.as_str(), "https://pbx.example.com:8443/");
    let Auth { grant, client_id, client_auth, username, scopes, .. } = &t.auth;
    assert_eq!((*grant, client_id.as_str(), *client_auth), (Grant::Password, "abc", ClientAuth::Basic));
    assert_eq!((username.as_deref(), scopes.len()), (Some("monitor"), 2));
    assert_eq!(t.auth.client_secret, Some(SecretSource::File(files.path("secrets/client.txt"))));
    assert_eq!(secret(t.auth.client_secret.as_ref()), "not-a-real-secret");
    assert_eq!(secret(t.auth.password.as_ref()), "not-a-real-password");
    assert_eq!((t.interval, t.failure_interval), (Duration::from_secs(90), Duration::from_secs(20)));
    assert_eq!((t.timeout, t.token_interval), (Duration::from_secs(2), None));
    assert_eq!(t.backoff, Backoff { start: 6 * MINUTE, cap: 120 * MINUTE, denied: 7 * MINUTE });
    assert_eq!((t.body_limit, t.version), (64 << 10, true));
    assert_eq!(
        (t.headers["x-site"].as_bytes(), t.headers.len(), &t.secret_headers[..]),
        (
            &b"office"[..],
            1,
            &[("x-key".parse().unwrap(), SecretSource::File(files.path("secrets/client.txt")))][..]
        )
    );
    let limits = Limits {
        probes_in_flight: 7,
        probes_per_host: 2,
        refusals_per_origin: 5,
        refusal_window: 60 * MINUTE,
    };
    assert_eq!(config.limits, limits);
    assert_eq!(
        config.notes,
        ["pbx.yml:6:10: targets[0].url: cut down to the origin https://pbx.example.com:8443"]
    );
}

#[test]
fn every_key_of_the_way_of_a_request_arrives_where_it_belongs() {
    let (config, files) = every_key();
    let t = &config.targets[0];
    assert_eq!(t.client.ca_file, Some(files.path("ca.pem")));
    assert_eq!(t.client.client_certificate, Some((files.path("cert.pem"), files.path("key.pem"))));
    assert_eq!(t.client.min_version, TlsVersion::Tls13);
    let proxy = t.client.proxy.as_ref().expect("a proxy");
    assert_eq!(
        (proxy.url.as_str(), proxy.no_proxy.as_deref()),
        ("http://proxy.example.com:3128/", Some("localhost"))
    );
    let (user, password) = proxy.credentials.as_ref().expect("credentials");
    assert_eq!((user.as_str(), password.file()), ("user", Some(&*files.path("secrets/client.txt"))));
    let Call::Custom(call) = &t.call else { panic!("a custom call") };
    let request = &call.request;
    assert_eq!((request.method, request.path.as_str()), (Method::Post, "/admin/api/api/gql?a=b"));
    let body = (request.body.as_deref(), request.content_type.as_deref());
    assert_eq!(body, (Some("{}"), Some("application/graphql")));
    assert_eq!(call.total.as_deref(), Some("/data/n"));
}

#[test]
fn a_target_differs_where_a_literal_of_its_proxy_or_headers_does() {
    let with = |password: &str, value: &str| {
        let proxy = format!("proxy: {{url: 'http://proxy.example.com', username: u, password: {password}}}");
        let text = one_target("", &format!("{proxy}, headers: {{X-Key: {value}}}"));
        load_text(&text).expect("a good file").targets[0].clone()
    };
    assert_eq!(with("one", "a"), with("one", "a"));
    assert_ne!(with("one", "a"), with("two", "a"));
    assert_ne!(with("one", "a"), with("one", "b"));
    assert_ne!(with("one", "a").client, with("two", "a").client);
}

#[test]
fn a_header_file_with_two_lines_troubles_its_target_alone() {
    let text = one_target("", "headers: {X-Key: {file: key.txt}}");
    let files = Files::new(&[("key.txt", "not-a-real\nsecret\n"), ("pbx.yml", &text)]);
    let config = files.load(&["pbx.yml"]).expect("only the file is wrong");
    assert_eq!(config.targets[0].secret_headers.len(), 1);
    let told = config.unreadable.join("\n");
    assert!(
        told.ends_with("headers.X-Key: the value has a line break or control character; remove it"),
        "{told}"
    );
}

#[test]
fn no_secret_shows_in_the_debug_form_of_a_configuration() {
    let text = one_target(
        ", grant: password, username: monitor, password: not-a-real-secret",
        "headers: {X-Key: not-a-real-secret}, proxy: {url: 'http://proxy.example.com', username: user, password: \
         not-a-real-secret}",
    );
    let config = load_text(&text).expect("a good file");
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains("not-a-real-secret"), "{shown}");
    let warnings = config.warnings.join("\n");
    assert!(!warnings.contains("not-a-real-secret"), "{warnings}");
}

#[test]
fn short_intervals_shorten_the_defaults_that_must_stay_below_them() {
    let config = load_text(&one_target("", "interval: 12s")).expect("a good file");
    let target = &config.targets[0];
    assert_eq!((target.failure_interval, target.timeout), (Duration::from_secs(12), Duration::from_secs(6)));
}

#[test]
fn a_refresh_token_is_not_used_up_by_the_token_interval() {
    let auth = ", grant: refresh_token, refresh_token: not-a-real-token";
    let inherited = format!("defaults: {{token_interval: 10m}}\n{}", one_target(auth, ""));
    for text in [one_target(auth, ""), inherited, one_target(auth, "token_interval: off")] {
        assert_eq!(load_text(&text).expect("a good file").targets[0].token_interval, None, "{text}");
    }
}

#[test]
fn files_are_read_in_the_order_of_the_patterns_and_globs_sorted_and_each_once() {
    let target = |name: &str| one_target("", "").replace("office", name).replace("abc", name);
    let files = Files::new(&[
        ("d/b.yml", &target("b")),
        ("d/a.yml", &target("a")),
        ("z.yml", &target("z")),
        ("d/c.yml", &target("c")),
        ("d/sub.yml/x", ""),
    ]);
    let config = files.load(&["z.yml", "d/*.yml", "d/a.yml"]).expect("good files");
    let names: Vec<_> = config.targets.iter().map(|t| t.name.to_string()).collect();
    assert_eq!(names, ["z", "a", "b", "c"]);
    let read = ["z.yml", "d/a.yml", "d/b.yml", "d/c.yml"].map(|name| files.path(name));
    assert_eq!(config.files, read);
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "\
targets:
- &first {name: a, url: 'https://a.example.com', auth: &auth {client_id: abc, client_secret: not-a-real-secret}}
- {name: b, url: 'https://b.example.com', auth: *auth}
- {<<: *first, name: c, url: 'https://c.example.com'}
";
    let config = load_text(text).expect("a good file");
    let ids: Vec<_> = config.targets.iter().map(|t| t.auth.client_id.as_str()).collect();
    assert_eq!(ids, ["abc", "abc", "abc"]);
    assert_eq!(config.targets[2].origin.as_str(), "https://c.example.com/");
}

#[test]
fn any_address_of_the_api_is_cut_down_to_the_origin() {
    let same = ["https://pbx.example.com", "https://pbx.example.com/", "https://PBX.example.com:443"];
    for text in same {
        assert_eq!(
            cut_down(text, "freepbx").map(|(url, note)| (url.to_string(), note)),
            Ok(("https://pbx.example.com/".to_owned(), None)),
            "{text}"
        );
    }
    let paths = [
        "/admin",
        "/admin/config.php?display=api",
        "/admin/api",
        "/admin/api/api",
        "/admin/api/api/token",
        "/admin/api/api/gql",
        "/admin/api/api/authorize#x",
        "/admin/api/api/rest/core/users",
        "?a=b",
    ];
    for path in paths {
        let (url, note) = cut_down(&format!("http://192.0.2.1:83{path}"), "freepbx").expect(path);
        assert_eq!(url.as_str(), "http://192.0.2.1:83/", "{path}");
        assert_eq!(note.as_deref(), Some("cut down to the origin http://192.0.2.1:83"), "{path}");
    }
    for path in ["/pbx", "/administrator", "/api/api/token"] {
        let error = cut_down(&format!("https://www.example.com{path}"), "freepbx").expect_err(path);
        let said = format!(
            "is not a path of FreePBX, whose paths begin with /admin; write https://www.example.com, or, if \
             FreePBX lives below this path, https://www.example.com{path}/admin"
        );
        assert!(error.contains(&said), "{error}");
    }
}

#[test]
fn a_freepbx_may_live_below_a_path_of_its_host() {
    for (path, prefix) in [
        ("/pbx/admin", "/pbx"),
        ("/pbx/admin/api/api", "/pbx"),
        ("//tools//pbx/admin/config.php?display=api#x", "/tools/pbx"),
        ("/admin/pbx/admin", ""),
    ] {
        let text = one_target("", "version: true")
            .replace("https://pbx.example.com", &format!("https://www.example.com{path}"));
        let target = load_text(&text).unwrap_or_else(|error| panic!("{path}: {error}")).targets.remove(0);
        let at = |path: &str| format!("https://www.example.com{prefix}{path}");
        assert_eq!(target.place(), format!("https://www.example.com{prefix}"), "{path}");
        assert_eq!(target.origin.as_str(), "https://www.example.com/", "{path}");
        assert_eq!(target.token_address().as_str(), at("/admin/api/api/token"));
        assert_eq!(platform::list_request(&target).url.as_str(), at("/admin/api/api/gql"));
        assert_eq!(
            platform::permissions_request(&target).expect("a request").url.as_str(),
            at("/admin/api/api/gql")
        );
        assert_eq!(
            platform::presence_request(&target).expect("a request").url.as_str(),
            at("/admin/api/api/token")
        );
        assert_eq!(
            platform::version_request(&target).expect("a request").url.as_str(),
            at("/admin/api/api/gql")
        );
        assert_eq!(platform::authorize_path(&target), Some(&*format!("{prefix}/admin/api/api/authorize")));
    }
    for written in ["/admin/api/api/rest/core/users", "/pbx/admin/api/api/rest/core/users"] {
        let text = one_target("", &format!("call: {{path: {written}}}"))
            .replace("https://pbx.example.com", "https://www.example.com/pbx/admin");
        let target = load_text(&text).expect("a good file").targets.remove(0);
        assert_eq!(platform::list_request(&target).url.path(), "/pbx/admin/api/api/rest/core/users");
    }
}

#[test]
fn two_pbxes_below_two_paths_of_one_host_are_two() {
    let text = "targets:\n\
        - {name: a, url: 'https://www.example.com/a/admin', auth: {client_id: x, client_secret: made-up}}\n\
        - {name: b, url: 'https://www.example.com/b/admin', auth: {client_id: x, client_secret: made-up}}\n\
        - {name: c, url: 'https://www.example.com/a/admin/api', auth: {client_id: x, client_secret: made-up}}\n";
    let config = load_text(text).expect("a good file");
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config.warnings[0].contains("target `c` uses the same application on the same PBX as target `a`")
    );
    assert!(!config.targets[0].shares_token_with(&config.targets[1]));
    assert!(config.targets[0].shares_token_with(&config.targets[2]));
}

#[test]
fn an_address_of_any_platform_is_cut_down_by_what_its_description_says() {
    for (platform, path) in
        [("ringme", "/api/ver1.0/user/"), ("ringme", "/oauth"), ("3cx", "/xapi/v1/Users?$top=1")]
    {
        let (url, note) = cut_down(&format!("https://api.example.com{path}"), platform).expect(path);
        assert_eq!((url.as_str(), note.is_some()), ("https://api.example.com/", true), "{path}");
    }
    let error =
        cut_down("https://zoom.us/oauth/token", "zoom-phone").expect_err("the token endpoint is elsewhere");
    assert!(error.contains("is not a path of Zoom Phone, whose paths begin with /v2;"), "{error}");
    let error = cut_down("https://api.example.com/admin/api/api", "ringme").expect_err("FreePBX's");
    assert_eq!(
        error,
        "`/admin/api/api` is not a path of Ringme, whose paths begin with /api or /oauth; write \
         https://api.example.com"
    );
}

fn cut_down(text: &str, platform: &str) -> Result<(url::Url, Option<String>), String> {
    normalise_url(text, pbx_exporter::platform::builtin(platform).as_deref())
}

#[test]
fn files_of_other_editors_are_read_too() {
    let text =
        format!("\u{feff}# written elsewhere\r\n{}\r\n", one_target("", "").replace(", url", ",\r\n url"));
    assert_eq!(load_text(&text).map(|c| c.targets.len()), Ok(1));
}

#[test]
fn a_query_of_ones_own_may_be_posted() {
    for body in
        ["{\"query\":\"{ __schema { mutationType { name } } }\"}", "query { fetchAllExtensions { status } }"]
    {
        let call = format!("call: {{method: POST, path: /admin/api/api/gql, body: '{body}'}}");
        assert_eq!(load_text(&one_target("", &call)).map(|c| c.targets.len()), Ok(1), "{body}");
    }
}

#[test]
fn ten_thousand_targets_may_share_one_anchor() {
    let mut text =
        "targets:\n- &t {name: t, url: 'https://pbx.example.com', auth: {client_id: a, client_secret: x}}\n"
            .to_owned();
    text.extend((0..10_000).map(|i| format!("- {{<<: *t, name: t{i}}}\n")));
    assert_eq!(load_text(&text).map(|c| c.targets.len()), Ok(10_001));
}

#[test]
fn logs_are_followed_from_where_the_file_stands_and_need_not_exist_yet() {
    let log = "log: [{path: logs/a.log, format: access_log}, {path: /var/log/b.log, format: gql_api_error}]";
    let files = Files::new(&[("conf/pbx.yml", &one_target("", log)), ("conf/logs/a.log", "")]);
    let config = files.load(&["conf/pbx.yml"]).expect("a good file");
    let expected = [
        LogFile { path: files.path("conf/logs/a.log"), format: LogFormat::AccessLog, prefix: String::new() },
        LogFile { path: "/var/log/b.log".into(), format: LogFormat::GqlApiError, prefix: String::new() },
    ];
    assert_eq!(config.targets[0].log, expected);
    assert_eq!(config.warnings.len(), 0);
    assert!(
        config
            .unable
            .iter()
            .any(|note| note.contains("log[1].path: /var/log/b.log does not exist; it is read once"))
    );
    std::os::unix::fs::symlink("freepbx_debug", files.path("conf/logs/b.log")).expect("a link");
    files.write("conf/logs/freepbx_debug", "", 0o600);
    let linked = one_target("", "log: [{path: logs/b.log, format: freepbx_log}]");
    files.write("conf/pbx.yml", &linked, 0o600);
    let error = files.load(&["conf/pbx.yml"]).expect_err("a link to the debug log");
    assert!(error.contains("client secrets and passwords"), "{error}");
}

#[test]
fn a_platform_decides_what_a_target_does_not_say() {
    for (platform, auth, grant, client_auth, call) in [
        (
            "ringme",
            "client_id: a, client_secret: b",
            Grant::ClientCredentials,
            ClientAuth::Body,
            "extensions",
        ),
        ("portsip", "client_id: a, username: u, password: p", Grant::Password, ClientAuth::Body, "users"),
        (
            "ringcentral",
            "client_id: a, client_secret: b, parameters: {assertion: j}",
            Grant::ClientCredentials,
            ClientAuth::Basic,
            "extensions",
        ),
        ("3cx", "client_id: a, client_secret: b", Grant::ClientCredentials, ClientAuth::Body, "users"),
        ("wildix", "key: k", Grant::Static, ClientAuth::Body, "colleagues"),
    ] {
        let text = format!(
            "targets: [{{name: x, url: 'https://a.example.com', platform: {platform}, auth: {{{auth}}}}}]"
        );
        let config = load_text(&text).unwrap_or_else(|error| panic!("{platform}: {error}"));
        let target = &config.targets[0];
        assert_eq!((target.auth.grant, target.auth.client_auth), (grant, client_auth), "{platform}");
        assert_eq!(target.call, Call::known(call), "{platform}");
        // A new token would end the one in use; a key is never renewed.
        let renews = !["ringcentral", "3cx", "wildix"].contains(&platform);
        assert_eq!(target.token_interval.is_some(), renews, "{platform}");
    }
    let zoom = "targets: [{name: x, url: 'https://api.zoom.us', platform: zoom-phone, \
                auth: {client_id: a, client_secret: b, parameters: {account_id: c}}}]";
    let config = load_text(zoom).expect("a good file");
    assert_eq!(config.targets[0].token_address().as_str(), "https://zoom.us/oauth/token");
    assert_eq!(config.targets[0].address("/v2/phone/users").as_str(), "https://api.zoom.us/v2/phone/users");
}

#[test]
fn a_call_of_ones_own_keeps_the_platforms_word_for_success() {
    use pbx_exporter::domain::Operation;
    use pbx_exporter::platform::{CallContext, read_list};

    let text = "targets: [{name: y, url: 'https://pbx.example.com', platform: yeastar, \
                auth: {client_id: a, client_secret: not-a-real-secret}, call: {path: /openapi/v1.0/pbx/get_info}}]";
    let config = load_text(text).expect("a good file");
    let target = &config.targets[0];
    let ctx = CallContext {
        target,
        operation: Operation::Extensions,
        grant: Grant::ClientCredentials,
        fresh: false,
        scopes: None,
        clock_agrees: false,
    };
    for (body, works) in [(r#"{"errcode":0}"#, true), (r#"{"errcode":40002}"#, false), ("{}", false)] {
        let answer = pbx_exporter::domain::Answer {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        assert_eq!(read_list(&ctx, &answer).is_ok(), works, "{body}");
    }
    let error = load_text(&text.replace("{path:", "{method: HEAD, path:")).expect_err("no body");
    assert!(error.contains("call.method: HEAD has no body"), "{error}");
}
