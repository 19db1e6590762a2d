//! `pbx_exporter check`.

use pbx_exporter::cli::check::{CheckArgs, write};

use super::{Files, load_text, one_target};
use crate::support::tls::Identity;

fn check(files: &Files, name: &str) -> (bool, String, String) {
    check_as(&CheckArgs::default(), files, name)
}

fn check_as(args: &CheckArgs, files: &Files, name: &str) -> (bool, String, String) {
    let patterns = [files.path(name).display().to_string()];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let valid = write(args, &patterns, &|_| None, &mut out, &mut err).expect("both streams take it");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (valid, text(out), text(err))
}

#[test]
fn a_valid_file_is_summed_up_without_its_secrets() {
    let text = one_target("", "interval: 5s, call: {path: '/a?site=not-a-real-secret'}")
        .replace("https://pbx.example.com", "https://pbx.example.com/admin");
    let files = Files::new(&[("pbx.yml", &text)]);
    let (valid, out, err) = check(&files, "pbx.yml");
    assert!(valid, "{err}");
    assert_eq!(
        out,
        "office: freepbx https://pbx.example.com, grant client_credentials, calls GET /a every 5s\n1 target from 1 \
         file: valid, 1 warning\n"
    );
    assert!(
        err.contains("note: ") && err.contains("cut down to the origin https://pbx.example.com\n"),
        "{err}"
    );
    assert!(err.contains("warning: ") && err.contains("targets[0].interval: 5s is short"), "{err}");
    assert!(!format!("{out}{err}").contains("not-a-real-secret"));
}

#[test]
fn a_bad_file_is_invalid_and_told_on_standard_error_alone() {
    let files = Files::new(&[("pbx.yml", "targets: []\n")]);
    let (valid, out, err) = check(&files, "pbx.yml");
    assert_eq!((valid, out.as_str()), (false, ""));
    assert!(err.starts_with("error: ") && err.ends_with("with at least one name, url and auth\n"), "{err}");
}

#[test]
fn the_schema_can_be_printed() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert!(
        write(&CheckArgs { schema: true, ..CheckArgs::default() }, &[], &|_| None, &mut out, &mut err)
            .expect("both streams take it")
    );
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        std::fs::read_to_string("docs/pbx_exporter.schema.json").expect("the schema")
    );
    assert!(err.is_empty());
}

#[test]
fn a_tls_file_of_no_use_is_told_with_place_key_and_fix_before_it_is_needed() {
    let no_certificate = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n";
    let [one, other] = ["one", "other"].map(|name| Identity::self_signed(name, 2099));
    let (one, other) = (one.certificate_pem.clone(), other.key_pem());
    let fix = "give a PEM file with complete certificates";
    let cases = [
        ("ca_file: a.pem", [no_certificate, ""], "ca_file", "invalid peer certificate: BadEncoding", fix),
        ("cert_file: a.pem, key_file: b.pem", [no_certificate, &other], "cert_file", "BadEncoding", fix),
        (
            "cert_file: a.pem, key_file: b.pem",
            [&one, no_key],
            "key_file",
            "failed to parse",
            "give the key of",
        ),
        ("cert_file: a.pem, key_file: b.pem", [&one, &other], "key_file", "another", "give the key of"),
    ];
    for (tls, [a, b], key, what, fix) in cases {
        let text = one_target("", &format!("tls: {{{tls}}}"));
        let files = Files::new(&[("pbx.yml", &text), ("a.pem", a), ("b.pem", b)]);
        let (valid, out, err) = check(&files, "pbx.yml");
        assert!(!valid && out.is_empty());
        let column = text.find(&format!("{key}: ")).expect("the key") + key.len() + 3;
        assert!(err.contains(&format!("pbx.yml:1:{column}: targets[0].tls.{key}: ")), "{err}");
        assert!(err.contains(what) && err.contains(&format!("; {fix}")), "{err}");
        let inherited = format!("defaults: {{tls: {{{tls}}}}}\n{}", one_target("", ""));
        files.write("pbx.yml", &inherited, 0o600);
        let (_, _, err) = check(&files, "pbx.yml");
        assert!(err.contains(&format!(": defaults.tls.{key}: ")) && err.contains(what), "{err}");
    }
}

#[test]
fn the_description_of_a_platform_can_be_printed_and_used_under_another_name() {
    let (mut text, mut err) = (Vec::new(), Vec::new());
    let args = CheckArgs { platform: Some("yeastar".to_owned()), ..CheckArgs::default() };
    assert!(write(&args, &[], &|_| None, &mut text, &mut err).expect("both streams take it"));
    let indented = String::from_utf8(text).expect("UTF-8").replace('\n', "\n    ");
    let target = "targets: [{name: a, url: 'https://a.example.com', platform: mine, auth: {client_id: a, client_secret: b}}]";
    let config = load_text(&format!("platforms:\n  mine:\n    {indented}\n{target}\n")).expect("a good file");
    assert_eq!(&*config.targets[0].platform.name, "mine");
}

/// What the service could not do here: of a kind for each line.
const UNABLE: &str = "log: [{path: json.log, format: access_log}, {path: absent.log, format: freepbx_log}], \
    reference: {database: {program: /absent/mariadb, socket: /absent/mysqld.sock, username: watcher}}";

#[test]
fn what_the_service_cannot_do_is_a_note_and_with_strict_an_error() {
    let text = format!("storage: {{path: absent/tokens}}\n{}", one_target("", UNABLE));
    let files = Files::new(&[("pbx.yml", &text), ("json.log", "{\"request\": \"GET / HTTP/1.1\"}\n")]);
    let (valid, out, err) = check(&files, "pbx.yml");
    assert!(valid && out.ends_with("1 target from 1 file: valid, 0 warnings\n"), "{out}{err}");
    let told = [
        "storage.path: ",
        "log[0].path: ",
        "log[1].path: ",
        "reference.database.program: /absent/mariadb: ",
        "reference.database.socket: /absent/mysqld.sock: ",
    ];
    for told in told {
        assert!(err.lines().any(|line| line.starts_with("note: ") && line.contains(told)), "{told}\n{err}");
    }
    assert!(
        err.contains("storage.path: cannot be created, because the folder ")
            && err.contains("/absent does not exist"),
        "{err}"
    );
    assert!(err.contains("no line of it fits the format access_log"), "{err}");

    let args = CheckArgs { strict: true, ..CheckArgs::default() };
    let (valid, out, err) = check_as(&args, &files, "pbx.yml");
    assert_eq!((valid, out.as_str()), (false, ""));
    for told in told {
        assert!(err.lines().any(|line| line.starts_with("error: ") && line.contains(told)), "{told}\n{err}");
    }
}

#[test]
fn strict_passes_what_is_well_and_no_warning() {
    let args = CheckArgs { strict: true, ..CheckArgs::default() };
    let well = one_target("", "").replace("https://pbx.example.com", "https://pbx.example.com/admin/api/api");
    let files = Files::new(&[("well.yml", &well), ("warned.yml", &one_target("", "interval: 5s"))]);
    let (valid, _, err) = check_as(&args, &files, "well.yml");
    assert!(valid && err.starts_with("note: "), "{err}");
    let (valid, _, err) = check_as(&args, &files, "warned.yml");
    assert!(!valid && err.starts_with("error: "), "{err}");
}

#[test]
fn a_secret_in_the_place_of_a_name_is_not_repeated() {
    for secret in [
        "c0ffee0123456789abcdef0123456789",
        "C0FFEE0123456789ABCDEF0123456789",
        "Zm9vYmFy+MTIzNDU2Nzg5==",
        "hunter2hunter2",
    ] {
        for key in ["client_secret_file", "client_secret_env"] {
            let text =
                one_target("", "").replace("client_secret: not-a-real-secret", &format!("{key}: {secret}"));
            assert!(text.contains(secret));
            let (valid, out, err) = check(&Files::new(&[("pbx.yml", &text)]), "pbx.yml");
            assert!(!valid && err.contains(key) && !format!("{out}{err}").contains(secret), "{out}{err}");
        }
        let tls = one_target("", &format!("tls: {{cert_file: {secret}, key_file: {secret}}}"));
        let (valid, out, err) = check(&Files::new(&[("pbx.yml", &tls)]), "pbx.yml");
        assert!(!valid && !format!("{out}{err}").contains(secret), "{out}{err}");
    }
}
