//! What is allowed but unsafe or odd is told, and does not prevent a start.

use super::{Files, load_text, one_target};

/// The warnings of a file with one target, without the place that all share.
fn warnings(auth: &str, rest: &str) -> Vec<String> {
    let config = load_text(&one_target(auth, rest)).unwrap_or_else(|e| panic!("{auth} {rest}: {e}"));
    let text = |line: String| line.split_once(": ").map_or(line.clone(), |(_, text)| text.to_owned());
    config.warnings.into_iter().map(text).collect()
}

#[test]
fn each_unsafe_setting_has_its_warning() {
    let cases = [
        ("", "interval: 5s", "interval: 5s is short"),
        ("", "backoff: {start: 4m}", "backoff.start: 4m may get this exporter banned"),
        ("", "backoff: {cap: 10m}", "backoff.cap: 10m may get this exporter banned"),
        ("", "backoff: {denied: 1m}", "backoff.denied: 1m may get this exporter banned"),
        ("", "tls: {insecure_skip_verify: true}", "tls.insecure_skip_verify: any certificate is accepted"),
        (
            ", scopes: [rest]",
            "",
            "auth.scopes: none of them allows `call: graphql` to list extensions; add gql:core:read",
        ),
        (", scopes: [gql:core:read:extension]", "", "auth.scopes: none of them allows `call: graphql`"),
        (", scopes: [gql]", "call: rest", "auth.scopes: none of them allows `call: rest`"),
        (", scopes: [gql:core:read]", "version: true", "version: no scope allows reading it"),
        (
            ", scopes: [gql:core, gql:framework:read]",
            "",
            "auth.scopes: on FreePBX the scope to read framework also",
        ),
        ("", "headers: {X-Key: '\"x\"'}", "headers.X-Key: the value has quotes around it"),
    ];
    for (auth, rest, expected) in cases {
        let found = warnings(auth, rest);
        assert_eq!(found.len(), 1, "{auth} {rest}: {found:?}");
        assert!(found[0].starts_with(&format!("targets[0].{expected}")), "{auth} {rest}: {found:?}");
    }
}

#[test]
fn a_refresh_token_is_warned_of_and_so_is_one_without_a_storage() {
    let text = one_target(", grant: refresh_token, refresh_token: x", "");
    let lost = "a restart loses the refresh token that replaced the configured one";
    let warnings = |text: &str| load_text(text).expect("a good file").warnings;
    let found = warnings(&text);
    assert!(found.len() == 2 && found[0].contains("FreePBX replaces the refresh token"), "{found:?}");
    assert!(found[1].contains(lost), "{found:?}");
    let found = warnings(&format!("storage: {{path: tokens}}\n{text}"));
    assert!(found.len() == 1 && !found[0].contains(lost), "{found:?}");
}

#[test]
fn codes_and_credentials_in_plain_text_are_warned_of_unless_they_stay_on_this_machine() {
    let storage = "storage: {path: tokens}\n";
    for (url, warned) in [
        ("http://exporter.example.com", true),
        ("http://127.0.0.1:10177", false),
        ("https://e.example.com/x", false),
    ] {
        let grant = format!(", grant: authorization_code, redirect_uri: '{url}/oauth/callback'");
        let text = format!("{storage}authorization: {{external_url: '{url}'}}\n{}", one_target(&grant, ""));
        let found = load_text(&text).expect("a good file").warnings.join("\n");
        for key in ["authorization.external_url: codes travel", "auth.redirect_uri: the code travels"] {
            assert_eq!(found.contains(key), warned, "{url}: {found}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_storage_folder_that_others_may_look_into_is_refused_and_a_good_key_is_not() {
    let key = "7f".repeat(32);
    let text = format!("storage: {{path: tokens, key_file: key}}\n{}", one_target("", ""));
    let files = Files::new(&[("pbx.yml", &text), ("key", &format!("{key}\n"))]);
    let config = files.load(&["pbx.yml"]).expect("a good file");
    assert!(config.warnings.is_empty() && config.storage.expect("a storage").path.ends_with("tokens"));
    std::fs::create_dir(files.path("tokens")).expect("a folder");
    super::set_mode(&files.path("tokens"), 0o750);
    let error = files.load(&["pbx.yml"]).expect_err("open");
    assert!(
        error.contains("storage.path: other users may read the folder (mode 750); chmod 700 it"),
        "{error}"
    );
    super::set_mode(&files.path("tokens"), 0o700);
    files.load(&["pbx.yml"]).expect("a good file");
    files.write("key", &key[2..], 0o600);
    let error = files.load(&["pbx.yml"]).expect_err("no key");
    assert!(error.contains("storage.key_file: the content of the file is not a key"), "{error}");
    assert!(!error.contains(&key[2..]), "{error}");
}

#[test]
fn safe_settings_have_none() {
    let cases = [
        ("", "interval: 10s"),
        ("", "backoff: {start: 5m, cap: 60m, denied: 5m}"),
        (", scopes: [gql]", "version: true"),
        (", scopes: [rest:core:read:users]", "call: rest"),
        (", scopes: [gql:core]", "call: graphql"),
        (", scopes: [rest]", "call: {path: /admin/api/api/extensions}"),
        ("", "version: true"),
    ];
    for (auth, rest) in cases {
        assert_eq!(warnings(auth, rest), Vec::<String>::new(), "{auth} {rest}");
    }
}

#[test]
fn plain_http_is_a_warning_unless_it_stays_on_this_machine() {
    let with = |url: &str| {
        load_text(&one_target("", "").replace("https://pbx.example.com", url)).expect(url).warnings
    };
    for url in ["http://127.0.0.1:8080", "http://[::1]", "http://localhost"] {
        assert_eq!(with(url), Vec::<String>::new(), "{url}");
    }
    assert_eq!(
        with("http://192.0.2.1:83"),
        ["pbx.yml:1:31: targets[0].url: credentials travel in plain text over http://; use https://"]
    );
}

const SPLIT: &str = "
platforms:
  orchard:
    title: Orchard
    grants: {client_credentials: {}}
    token: {path: /token, origin: TOKEN}
    calls: [{name: trees, request: {path: /trees}}]
targets:
  - name: farm
    url: URL
    platform: orchard
    tls: {min_version: '1.3'}
    auth: {client_id: a, client_secret: not-a-real-secret}
";

#[test]
fn plain_http_to_a_token_endpoint_elsewhere_is_warned_of() {
    let said = "pbx.yml:13:11: targets[0].auth.url: missing, and credentials travel in plain text to the platform's \
                `token.origin`; write an https:// origin there, or here";
    for (origin, warnings) in [
        ("http://login.example.com", vec![said]),
        ("http://127.0.0.1:1", vec![]),
        ("https://l.example.com", vec![]),
    ] {
        let text = SPLIT.replace("TOKEN", origin).replace("URL", "https://pbx.example.com");
        assert_eq!(load_text(&text).expect("a good file").warnings, warnings, "{origin}");
        let https = text.replace("client_id", "url: 'https://l.example.com', client_id");
        assert_eq!(load_text(&https).expect("a good file").warnings, Vec::<String>::new());
    }
}

#[test]
fn tls_has_a_use_where_the_token_endpoint_alone_is_https() {
    for (origin, accepted) in [("https://login.example.com", true), ("http://login.example.com", false)] {
        let text = SPLIT.replace("TOKEN", origin).replace("URL", "http://pbx.example.com");
        assert_eq!(load_text(&text).is_ok(), accepted, "{origin}");
    }
}

#[test]
fn limits_that_risk_a_ban_are_warned_of() {
    let text = format!("limits: {{refusals_per_origin: 7, refusal_window: 39m}}\n{}", one_target("", ""));
    let warnings = load_text(&text).expect("a good file").warnings.join("\n");
    assert!(warnings.contains("limits.refusals_per_origin: 7 is close to the 8 refusals"), "{warnings}");
    assert!(warnings.contains("limits.refusal_window: 39m is shorter than the 40m"), "{warnings}");
}

#[test]
fn a_limit_at_or_above_the_ban_is_not_called_close_to_it() {
    for (refusals, relation) in [(8, "as many as"), (50, "above")] {
        let text = format!("limits: {{refusals_per_origin: {refusals}}}\n{}", one_target("", ""));
        let warnings = load_text(&text).expect("a good file").warnings.join("\n");
        assert!(warnings.contains(&format!("{refusals} is {relation} the 8 refusals")), "{warnings}");
    }
}

/// Values that cannot be what the PBX showed, and what is said of each.
const ODD: [(&str, &str); 14] = [
    (" not-a-real-secret", "white space"),
    ("not-a-real-secret\t", "white space"),
    ("\u{feff}not-a-real-secret", "a byte order mark"),
    ("not-a-real\nsecret", "a line break inside"),
    ("not-a-real\r\nsecret", "a line break inside"),
    ("\"not-a-real-secret\"", "quotes around it"),
    ("'not-a-real-secret'", "quotes around it"),
    ("${PBX_SECRET}", "unfilled placeholder"),
    ("{{ vault.not-a-real-secret }}", "unfilled placeholder"),
    ("changeme", "unfilled placeholder"),
    ("CHANGE_ME", "unfilled placeholder"),
    ("<not-a-real-secret>", "unfilled placeholder"),
    ("your-secret-here", "unfilled placeholder"),
    ("xxxxxxxx", "unfilled placeholder"),
];

#[test]
fn a_secret_that_cannot_be_right_is_warned_of_in_each_form_and_never_quoted() {
    let folder = Files::new(&[]);
    for (value, expected) in ODD {
        let written = serde_json::to_string(value).expect("JSON");
        for (key, given) in [("client_secret", &*written), ("client_secret_file", "s.txt")] {
            let text =
                one_target("", "").replace("client_secret: not-a-real-secret", &format!("{key}: {given}"));
            folder.write("s.txt", &format!("{value}\n"), 0o600);
            folder.write("pbx.yml", &text, 0o600);
            let warnings = folder.load(&["pbx.yml"]).expect("a good file").warnings;
            assert_eq!(warnings.len(), 1, "{value:?} {key}: {warnings:?}");
            assert!(warnings[0].contains(&format!("targets[0].auth.{key}: the value ")), "{warnings:?}");
            assert!(warnings[0].contains(expected) && !warnings[0].contains("not-a-real"), "{warnings:?}");
        }
        let url = ("FREEPBX_API_URL", "https://pbx.example.com");
        for name in ["FREEPBX_API_CLIENT_SECRET", "FREEPBX_API_CLIENT_ID"] {
            let sound = [url, ("FREEPBX_API_CLIENT_SECRET", "x"), ("FREEPBX_API_CLIENT_ID", "x")];
            let variables: Vec<_> =
                sound.iter().map(|(key, v)| (*key, if *key == name { value } else { v })).collect();
            // A client id is no secret and may not have control characters at all.
            let Ok(config) = super::load_environment(&variables) else { continue };
            let warnings = config.warnings;
            assert_eq!(warnings.len(), 1, "{value:?} {name}: {warnings:?}");
            assert!(warnings[0].starts_with(&format!("{name}: the value ")), "{warnings:?}");
            assert!(warnings[0].contains(expected) && !warnings[0].contains("not-a-real"), "{warnings:?}");
        }
    }
}

#[test]
fn a_secret_file_with_a_final_newline_and_odd_but_likely_characters_is_no_cause_for_a_warning() {
    let text = one_target("", "").replace("client_secret: not-a-real-secret", "client_secret_file: s.txt");
    for value in ["not-a-real-secret\n", "a'b\"c$d{e}f\r\n", "\"half", "'"] {
        let files = Files::new(&[("s.txt", value), ("pbx.yml", &text)]);
        assert_eq!(
            files.load(&["pbx.yml"]).expect("a good file").warnings,
            Vec::<String>::new(),
            "{value:?}"
        );
    }
}

#[test]
fn targets_that_may_be_one_customers_are_told_once_an_origin() {
    let target = |name: &str, rest: &str| {
        let auth = format!("auth: {{client_id: {name}, client_secret: not-a-real-secret}}");
        format!("- {{name: {name}, url: 'https://api.example.com', platform: ringme, {rest}{auth}}}\n")
    };
    let notes = |rests: [&str; 3]| {
        let [a, b, c] = rests;
        let text = format!("targets:\n{}{}{}", target("office", a), target("branch", b), target("shop", c));
        load_text(&text).expect("a good file").notes
    };
    let found = notes([""; 3]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .starts_with("pbx.yml:3:23: targets[1].customer: missing, so this target and `office` each use"),
        "{found:?}"
    );
    assert_eq!(notes(["customer: a, ", "customer: b, ", ""]), Vec::<String>::new());
    assert_eq!(notes(["", "customer: b, ", ""]).len(), 1);
}

#[test]
fn the_address_that_only_issues_tokens_is_told_from_the_apis() {
    let warnings = |url: &str| {
        let auth = "{client_id: a, client_secret: not-a-real-secret, parameters: {account_id: x}}";
        let text = format!("targets: [{{name: z, url: '{url}', platform: zoom-phone, auth: {auth}}}]");
        load_text(&text).expect("a good file").warnings
    };
    let found = warnings("https://zoom.us");
    assert!(
        found.len() == 1 && found[0].contains("targets[0].url: is where Zoom Phone issues tokens"),
        "{found:?}"
    );
    assert_eq!(warnings("https://api.zoom.us"), Vec::<String>::new());
}

#[test]
fn two_targets_with_one_application_on_one_pbx_are_warned_of() {
    let second =
        "  - {name: other, url: 'https://pbx.example.com', auth: {client_id: abc, client_secret: x}}";
    let first = second.replace("other", "office");
    let warnings = load_text(&format!("targets:\n{first}\n{second}\n")).expect("a good file").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("pbx.yml:3:69: targets[1].auth.client_id: target `other` uses the same"),
        "{warnings:?}"
    );
}

#[cfg(unix)]
#[test]
fn secrets_that_others_may_read_are_warned_of() {
    let files = Files::new(&[]);
    files.write("literal.yml", &one_target("", ""), 0o644);
    let warnings = files.load(&["literal.yml"]).expect("a good file").warnings;
    assert_eq!(
        warnings,
        ["literal.yml: contains secrets and every user of this machine may read it; chmod o-r, or move \
             them to files"]
    );
    let text =
        one_target("", "").replace("client_secret: not-a-real-secret", "client_secret_file: secret.txt");
    files.write("file.yml", &text, 0o644);
    for (mode, expected) in [(0o600, 0), (0o440, 0), (0o604, 1)] {
        files.write("secret.txt", "not-a-real-secret", mode);
        let warnings = files.load(&["file.yml"]).expect("a good file").warnings;
        assert_eq!(warnings.len(), expected, "{mode:o}: {warnings:?}");
    }
}

#[test]
fn what_nobody_sees_or_nobody_has_filled_in_is_reported() {
    for (value, said) in [
        ("made\u{200b}up", "an invisible character, U+200B"),
        ("made-up\u{a0}", "an invisible character, U+00A0"),
        ("made\u{ad}up", "an invisible character, U+00AD"),
        ("null", "by which Laravel and templates mean nothing"),
        ("changeme", "unfilled placeholder"),
    ] {
        let found = warnings("", &format!("headers: {{X-Key: '{value}'}}"));
        let of_value = |text: &String| text.contains("the value") && text.contains(said);
        assert!(found.iter().any(of_value), "{value:?}: {found:?}");
    }
    let text = one_target("", "").replace("https://pbx.example.com", "https://pbx.example\u{200b}.com");
    let error = load_text(&text).expect_err("an invisible character");
    assert!(error.contains("url: has an invisible character, U+200B"), "{error}");
}
