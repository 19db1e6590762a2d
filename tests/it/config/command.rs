//! `pbx_exporter check`.

use pbx_exporter::cli::check::{CheckArgs, write};

use super::{Files, load_text, one_target};

fn check(files: &Files, name: &str) -> (bool, String, String) {
    let patterns = [files.path(name).display().to_string()];
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let valid =
        write(&CheckArgs::default(), &patterns, &|_| None, &mut out, &mut err).expect("both streams take it");
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
    assert_eq!(String::from_utf8(out).expect("UTF-8"), pbx_exporter::config::schema::TEXT);
    assert!(err.is_empty());
}

#[test]
fn a_certificate_file_that_holds_no_certificate_is_told_before_it_is_needed() {
    let text = one_target("", "tls: {ca_file: ca.pem}");
    let pem = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let files = Files::new(&[("pbx.yml", &text), ("ca.pem", pem)]);
    let (valid, out, err) = check(&files, "pbx.yml");
    assert!(!valid && out.is_empty());
    assert!(err.starts_with("error: target office: tls or proxy: ") && err.contains("ca.pem"), "{err}");
}

#[test]
fn the_description_of_a_platform_can_be_printed_and_used_under_another_name() {
    let describe = |name: &str| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = CheckArgs { platform: Some(name.to_owned()), ..CheckArgs::default() };
        let well = write(&args, &[], &|_| None, &mut out, &mut err).expect("both streams take it");
        (well, String::from_utf8(out).expect("UTF-8"), String::from_utf8(err).expect("UTF-8"))
    };
    let (well, text, _) = describe("yeastar");
    assert!(well);
    let indented = text.replace('\n', "\n    ");
    let target = "targets: [{name: a, url: 'https://a.example.com', platform: mine, auth: {client_id: a, client_secret: b}}]";
    let config = load_text(&format!("platforms:\n  mine:\n    {indented}\n{target}\n")).expect("a good file");
    assert_eq!(&*config.targets[0].platform.name, "mine");
    let (well, out, error) = describe("nobody");
    assert!(!well && out.is_empty());
    assert!(error.contains("there are: freepbx, ringme, 3cx"), "{error}");
}
