//! Every file of tests/config/bad has its exact message beside it.

use std::fs;
use std::path::PathBuf;

use pbx_exporter::config::load;

use super::{Files, load_text, one_target};

const FOLDER: &str = "tests/config/bad";

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(FOLDER).expect("the folder of bad files");
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yml"));
    files.sort();
    files
}

/// What `check` says of a bad file.
fn message(path: &std::path::Path) -> String {
    match load(&[path.display().to_string()], &|_| None) {
        Ok(config) if config.unreadable.is_empty() => "loaded without an error\n".to_owned(),
        Ok(config) => format!("{}\n", config.unreadable.join("\n")),
        Err(errors) => format!("{errors}\n"),
    }
}

/// `UPDATE_DOCS=1` rewrites the messages; read them before committing.
#[test]
fn each_bad_file_is_refused_with_exactly_its_message() {
    let mut failures = Vec::new();
    for path in cases() {
        let expected = path.with_extension("txt");
        let message = message(&path);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&expected, &message).expect("the message is written");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if message != expected {
            failures.push(format!("{}\nexpected:\n{expected}found:\n{message}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_bad_file_makes_its_secret_show_in_the_message() {
    let cases = cases();
    assert!(cases.len() > 40, "the folder of bad files was not found whole");
    for path in cases {
        let shown = message(&path);
        assert!(!shown.contains("not-a-real-secret"), "{}: {shown}", path.display());
    }
}

#[test]
fn broken_yaml_around_a_secret_does_not_repeat_it() {
    let values = [
        "!!int canary",
        "!!bool canary",
        "!!float canary",
        "!!binary canary!",
        "!canary canary",
        "\"canary",
        "canary: canary",
        "{canary",
        "[canary: , }",
        "\"\\qcanary\"",
        "canary\n  canary canary",
        "|canary",
        "@canary",
        "%canary",
        "`canary",
        "'canary' canary",
        "\tcanary:\tcanary",
        "[canary]",
        "{a: canary}",
        "\"canary\\n\\u0000\"",
    ];
    for value in values {
        let text = format!(
            "targets:\n- name: office\n  url: https://pbx.example.com\n  interval: soon\n  auth:\n    client_id: a\n    \
             client_secret: {value}\n"
        );
        let error = load_text(&text).expect_err("no file is right here");
        assert!(!error.contains("canary"), "{value}: {error}");
    }
}

#[test]
fn a_slip_around_a_secret_does_not_repeat_it() {
    let slips = [
        (
            "auth: {client_id: a, client_secret:canaryA1}",
            "1:72: targets[0].auth: has an unknown key without a value",
        ),
        (
            "auth: {client_id: a, client_secret=canaryA1}",
            "1:72: targets[0].auth: has an unknown key without a value",
        ),
        (
            "auth: {client_id: a, client_secret:'canaryA1'}",
            "1:72: targets[0].auth: has an unknown key without a value",
        ),
        (
            "auth: {grant: password, password: hunter2,canaryTail!}",
            "1:93: targets[0].auth: has an unknown key without",
        ),
        (
            "auth: {grant: password, password: hunter2,canary}",
            "1:93: targets[0].auth: has an unknown key without",
        ),
        ("auth: {password: hunter2,canary: x}", "1:76: targets[0].auth: has an unknown key"),
        ("auth: {password: a,canary: x, client_secret: a,canary: x}", "auth: has a key twice, first at"),
        (
            "auth: {grant: password password:canary}",
            "auth.grant: unknown word; did you mean `password`? use one of",
        ),
        ("auth: {grant: canary}", "targets[0].auth.grant: unknown word; use one of"),
        (
            "auth: {parameters: {assertion: a,canary}}",
            "targets[0].auth.parameters: has a key without a value",
        ),
        (
            "auth: {client_id: a, client_secret: b, parameters: {canary: a}}",
            "targets[0].auth.parameters: freepbx has no parameter of this name",
        ),
        ("proxy: {url: 'http://a', password:canary}", "targets[0].proxy: has an unknown key without a value"),
        ("tls: {ca_file:canary}", "targets[0].tls: has an unknown key without a value"),
        ("headers: {X-Key: a,canary}", "targets[0].headers: has a key without a value"),
        ("headers: {X-Key:canary}", "targets[0].headers: has a key without a value"),
        ("headers: {X-Key=canary: x}", "targets[0].headers: has a key that is not a header name"),
        (
            "headers: {X-Key: {file: a,canary}}",
            "targets[0].headers.X-Key: has an unknown key without a value",
        ),
        (
            "reference: {database: {password:canary}}",
            "reference.database: has an unknown key without a value",
        ),
    ];
    for (slip, expected) in slips {
        let auth = if slip.contains("auth:") { "" } else { "auth: {client_id: a, client_secret: b}, " };
        let text = format!("targets: [{{name: a, url: 'https://a.example.com', {auth}{slip}}}]");
        let error = load_text(&text).expect_err(slip);
        assert!(error.contains(expected), "{slip}: {error}");
        assert!(!error.contains("canary"), "{slip}: {error}");
    }
}

#[test]
fn a_secret_that_yaml_takes_for_something_else_is_not_repeated() {
    for value in
        ["1234e5678", "-1234e5678", "!!1234e5678 x", "*1234e5678", "!!int 1234e5678", "{<<: 1234e5678}"]
    {
        let text = one_target("", "")
            .replace("client_secret: not-a-real-secret", &format!("client_secret: {value}, a: b"));
        let error = load_text(&text).expect_err(value);
        assert!(!error.contains("1234e5678"), "{value}: {error}");
    }
}

#[test]
fn a_secret_pasted_where_a_variable_name_belongs_is_not_repeated() {
    let text = one_target("", "").replace("client_secret:", "client_secret_env:");
    let error = load_text(&text).expect_err("no such variable");
    assert!(error.contains("environment variable of this name is unset or empty"), "{error}");
    assert!(!error.contains("not-a-real-secret"), "{error}");
}

#[test]
fn a_missing_file_and_a_glob_without_a_match_are_errors() {
    let files = Files::new(&[("folder/a.yml", &one_target("", ""))]);
    let error =
        files.load(&["absent.yml", "*.yml", "folder", "folder/a.yml"]).expect_err("three bad patterns");
    let expected =
        "absent.yml: failed to read: No such file or directory (os error 2); set --config.file to an \
         existing file or a glob
*.yml: the glob matches no file; correct it, and quote it for the shell
folder: is a folder; name its files, as in 'folder/*.yml'";
    assert_eq!(error, expected);
}

#[test]
fn one_name_in_two_files_is_an_error_that_names_both_places() {
    let files = Files::new(&[("a.yml", &one_target("", "")), ("b.yml", &one_target("", ""))]);
    let error = files.load(&["*.yml"]).expect_err("one name twice");
    assert_eq!(
        error,
        "b.yml:1:18: targets[0].name: the name `office` is taken at a.yml:1:18; give each target its own"
    );
}

#[test]
fn defaults_and_limits_may_stand_in_one_file_only() {
    let head = "defaults: {interval: 30s}\nlimits: {probes_per_host: 2}\n";
    let second = format!("{head}{}", one_target("", ""));
    let files = Files::new(&[("a.yml", head), ("b.yml", &second)]);
    let error = files.load(&["*.yml"]).expect_err("two defaults");
    assert_eq!(
        error,
        "b.yml:1:1: defaults: is also in another file, at a.yml:1:1; keep one, it applies to all \
         files\nb.yml:2:1: limits: is also in another file, at a.yml:2:1; keep one, it applies to all files"
    );
}

#[test]
fn errors_of_structure_in_one_target_do_not_hide_those_of_value_in_another() {
    let text = "\
targets:
- {name: a, url: 'https://a.example.com', colour: red}
- {name: b, url: b.example.com, auth: {client_id: abc, client_secret: not-a-real-secret}}
";
    let error = load_text(text).expect_err("two bad targets");
    assert!(error.contains("targets[0].colour: unknown key"), "{error}");
    assert!(error.contains("targets[1].url: has no scheme"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_instead_of_waited_for() {
    let files = Files::new(&[]);
    let made = std::process::Command::new("mkfifo").arg(files.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    for name in ["pipe", "/dev/zero"] {
        let error = files.load(&[name]).expect_err("no file");
        assert!(error.contains("failed to read: it is not a regular file; name a text file"), "{error}");
        files.write("pbx.yml", &one_target("", &format!("tls: {{ca_file: {name}}}")), 0o600);
        let error = files.load(&["pbx.yml"]).expect_err("no file");
        assert!(error.contains("it is not a regular file"), "{error}");
        files.write("pbx.yml", &one_target("", &format!("headers: {{X-Key: {{file: {name}}}}}")), 0o600);
        let config = files.load(&["pbx.yml"]).expect("only the secret is missing");
        assert!(config.unreadable[0].contains("it is not a regular file"), "{:?}", config.unreadable);
    }
}

#[test]
fn files_larger_than_any_sensible_one_are_refused() {
    let files = Files::new(&[
        ("secret.txt", &"x".repeat(64 * 1024 + 1)),
        ("pbx.yml", &one_target("", "headers: {X-Key: {file: secret.txt}}")),
        ("large.yml", &"#".repeat(16 * 1024 * 1024 + 1)),
    ]);
    let error = files.load(&["pbx.yml", "large.yml"]).expect_err("too large");
    assert!(error.contains("secret file secret.txt: it is larger than 64 KiB; name"), "{error}");
    assert!(error.contains("large.yml: failed to read: it is larger than 16384 KiB; name"), "{error}");
}

#[test]
fn one_platform_in_two_files_is_an_error_and_one_serves_all_files() {
    let platform =
        "platforms: {orchard: {title: O, grants: {static: {}}, calls: [{name: t, request: {path: /t}}]}}\n";
    let target = "targets: [{name: farm, url: 'https://a.example.com', platform: orchard, auth: {key: k}}]\n";
    let files = Files::new(&[("a.yml", platform), ("b.yml", platform), ("c.yml", target)]);
    let error = files.load(&["a.yml", "b.yml", "c.yml"]).expect_err("twice");
    assert_eq!(
        error,
        "b.yml:1:13: platforms.orchard: is also in another file; keep one, it applies to all files"
    );
    let config = files.load(&["c.yml", "a.yml"]).expect("one");
    assert_eq!(&*config.targets[0].platform.name, "orchard");
}
