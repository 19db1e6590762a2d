//! The route without a file.

use pbx_exporter::domain::{Grant, SecretSource};

use super::{Files, load_environment};

const URL: (&str, &str) = ("FREEPBX_API_URL", "https://pbx.example.com/admin/api/api/token");
const ID: (&str, &str) = ("FREEPBX_API_CLIENT_ID", "abc");
const SECRET: (&str, &str) = ("FREEPBX_API_CLIENT_SECRET", "not-a-real-secret");
const USER: (&str, &str) = ("FREEPBX_API_USERNAME", "monitor");
const PASSWORD: (&str, &str) = ("FREEPBX_API_PASSWORD", "not-a-real-secret");

#[test]
fn the_variables_make_one_target_and_tell_the_origin() {
    let config = load_environment(&[URL, ID, SECRET]).expect("a configuration");
    let target = &config.targets[0];
    assert_eq!((&*target.name, target.origin.as_str()), ("freepbx", "https://pbx.example.com/"));
    assert_eq!((target.auth.grant, target.auth.client_id.as_str()), (Grant::ClientCredentials, "abc"));
    assert_eq!(config.notes, ["FREEPBX_API_URL: cut down to the origin https://pbx.example.com"]);
    assert_eq!((config.warnings.len(), config.files.len(), config.targets.len()), (0, 0, 1));
    assert!(!format!("{config:?}").contains("not-a-real-secret"));
}

#[test]
fn a_user_name_means_the_password_grant_unless_the_grant_is_told() {
    let config = load_environment(&[URL, ID, SECRET, USER, PASSWORD]).expect("a configuration");
    let auth = &config.targets[0].auth;
    assert_eq!((auth.grant, auth.username.as_deref()), (Grant::Password, Some("monitor")));
    assert!(auth.password.is_some());

    let told = ("FREEPBX_API_GRANT", "client_credentials");
    let config = load_environment(&[URL, ID, SECRET, USER, PASSWORD, told]).expect("a configuration");
    let auth = &config.targets[0].auth;
    assert_eq!((auth.grant, &auth.username, &auth.password), (Grant::ClientCredentials, &None, &None));
}

#[test]
fn empty_values_count_as_unset() {
    let empty = [("FREEPBX_API_USERNAME", ""), ("FREEPBX_API_PASSWORD", ""), ("FREEPBX_API_GRANT", "")];
    let variables = [&[URL, ID, SECRET][..], &empty].concat();
    let config = load_environment(&variables).expect("a configuration");
    assert_eq!(config.targets[0].auth.grant, Grant::ClientCredentials);
}

#[test]
fn secrets_may_come_from_files() {
    let files = Files::new(&[("secret.txt", "not-a-real-secret\n")]);
    let path = files.path("secret.txt");
    let variable = ("FREEPBX_API_CLIENT_SECRET_FILE", path.to_str().expect("UTF-8"));
    let config = load_environment(&[URL, ID, variable]).expect("a configuration");
    assert_eq!(config.targets[0].auth.client_secret, Some(SecretSource::File(path)));
}

#[test]
fn errors_name_the_variable() {
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[ID, SECRET], "FREEPBX_API_URL: is unset or empty; set it"),
        (
            &[URL, USER],
            "FREEPBX_API_CLIENT_ID: is unset or empty; set it\nFREEPBX_API_CLIENT_SECRET: is unset or empty; \
             set it, or set FREEPBX_API_CLIENT_SECRET_FILE to a file that contains it\nFREEPBX_API_PASSWORD: \
             is unset or empty; set it, or set FREEPBX_API_PASSWORD_FILE to a file that contains it",
        ),
        (
            &[URL, ID, SECRET, PASSWORD, ("FREEPBX_API_USERNAME", "")],
            "FREEPBX_API_USERNAME: is unset or empty, but FREEPBX_API_PASSWORD is set; set both, or neither for another grant",
        ),
        (
            &[URL, ID, SECRET, ("FREEPBX_API_PASSWORD_FILE", "/absent")],
            "FREEPBX_API_USERNAME: is unset or empty, but FREEPBX_API_PASSWORD_FILE is set; set both, or neither for another grant",
        ),
        (
            &[("FREEPBX_API_URL", "pbx.example.com"), ID],
            "FREEPBX_API_CLIENT_SECRET: is unset or empty; set it, or set FREEPBX_API_CLIENT_SECRET_FILE to \
             a file that contains it\nFREEPBX_API_URL: has no scheme; begin it with https://, http://",
        ),
        (
            &[("FREEPBX_API_URL", "https://u:not-a-real-secret@pbx.example.com"), ID, SECRET],
            "FREEPBX_API_URL: contains credentials, which end up in logs; move them to `auth` or variables \
             of their own",
        ),
        (
            &[("FREEPBX_API_URL", "\"https://pbx.example.com\""), ID, SECRET],
            "FREEPBX_API_URL: has quotes around it, which are part of the value here; remove them",
        ),
        (
            &[URL, ID, SECRET, ("FREEPBX_API_GRANT", "pasword")],
            "FREEPBX_API_GRANT: unknown grant `pasword`; did you mean `password`? use one of: client_credentials, \
             password, refresh_token",
        ),
        (
            &[URL, ID, SECRET, ("FREEPBX_API_CLIENT_SECRET_FILE", "/absent")],
            "FREEPBX_API_CLIENT_SECRET: FREEPBX_API_CLIENT_SECRET_FILE is set too; keep one of them",
        ),
    ];
    for (variables, expected) in cases {
        let error = load_environment(variables).expect_err(expected).to_string();
        assert_eq!(error, expected);
    }
}

#[test]
fn a_secret_file_that_cannot_be_read_is_told_and_stays_the_source() {
    let file = ("FREEPBX_API_CLIENT_SECRET_FILE", "/absent");
    let config = load_environment(&[URL, ID, file]).expect("a configuration");
    assert_eq!(
        config.unreadable,
        ["FREEPBX_API_CLIENT_SECRET_FILE: failed to read secret file /absent: No such file or directory \
             (os error 2); name a file with the secret that this user may read"]
    );
    assert_eq!(config.targets[0].auth.client_secret, Some(SecretSource::File("/absent".into())));
}

#[test]
fn neither_file_nor_variables_shows_both_ways_and_the_demo() {
    let error = load_environment(&[]).expect_err("no configuration").to_string();
    for way in ["--config.file", "FREEPBX_API_URL", "FREEPBX_API_CLIENT_SECRET", "pbx_exporter demo"] {
        assert!(error.contains(way), "{error}");
    }
}

#[test]
fn an_empty_pattern_counts_as_none() {
    let error =
        pbx_exporter::config::load(&[String::new()], &|_| None).expect_err("no configuration").to_string();
    assert!(error.starts_with("no configuration: "), "{error}");
}

#[test]
fn what_means_nothing_in_a_laravel_env_counts_as_unset_and_is_reported() {
    for word in ["null", "(null)", "empty", "(EMPTY)", " Null "] {
        let nothing =
            [("FREEPBX_API_USERNAME", word), ("FREEPBX_API_PASSWORD", word), ("FREEPBX_API_SCOPE", word)];
        let config = load_environment(&[&[URL, ID, SECRET][..], &nothing].concat()).expect("a configuration");
        let auth = &config.targets[0].auth;
        assert_eq!((auth.grant, &auth.scopes), (Grant::ClientCredentials, &Vec::new()), "{word}");
        let notes =
            config.notes.iter().filter(|note| note.contains("by which Laravel means nothing")).count();
        assert_eq!(notes, 3, "{:?}", config.notes);
        let error =
            load_environment(&[URL, ID, ("FREEPBX_API_CLIENT_SECRET", word)]).expect_err(word).to_string();
        assert!(error.contains("FREEPBX_API_CLIENT_SECRET: is the word"), "{error}");
    }
}

#[test]
fn a_variable_with_a_neighbouring_name_is_named_and_its_value_is_not() {
    let id = ("FREEPBX_CLIENT_ID", "made-up-canary");
    let error = load_environment(&[URL, id, ("PBX_API_CLIENT_SECRET", "made-up-canary")])
        .expect_err("no id")
        .to_string();
    for (neighbour, meant) in [
        ("FREEPBX_CLIENT_ID", "FREEPBX_API_CLIENT_ID"),
        ("PBX_API_CLIENT_SECRET", "FREEPBX_API_CLIENT_SECRET"),
    ] {
        let said = format!(
            "{neighbour}: is set, but not read here; if it is meant for this exporter, name it {meant}"
        );
        assert!(error.contains(&said), "{error}");
    }
    assert!(!error.contains("canary"), "{error}");
    let error = load_environment(&[("FREEPBX_URL", "https://pbx.example.com")])
        .expect_err("no configuration")
        .to_string();
    assert!(error.contains("name it FREEPBX_API_URL"), "{error}");

    let config = load_environment(&[URL, ID, SECRET, id]).expect("what is read is set");
    assert_eq!(config.warnings.len(), 0, "{:?}", config.warnings);
    let config =
        load_environment(&[URL, ID, SECRET, ("FREEPBX_USERNAME", "monitor")]).expect("a configuration");
    assert!(config.warnings[0].contains("name it FREEPBX_API_USERNAME"), "{:?}", config.warnings);
}
