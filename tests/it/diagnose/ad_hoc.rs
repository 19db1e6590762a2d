//! `diagnose --ad-hoc`: for each kind of PBX, what it wants to be told and from where.

use pbx_exporter::platform;
use pbx_exporter::sim::target::{MACHINE_ID, PASSWORD, SECRET};

use super::commands::pbx;
use crate::support::process::{Ended, Program};
use crate::support::raw::{Server, ok};
use crate::support::terminal::{Answer, Shown, run};

/// Gives whoever asks a token, by each of the names that platforms have for it.
async fn generous() -> Server {
    Server::answering(|_| ok(r#"{"errcode":0,"access_token":"t","token_type":"Bearer","expires_in":60}"#))
        .await
}

/// Runs `diagnose --ad-hoc` for a server that gives tokens, with no terminal and these variables.
async fn diagnosed(server: &Server, platform: &str, flags: &[&str], variables: &[(&str, &str)]) -> Ended {
    let origin = server.http("");
    let arguments = [&["diagnose", "--ad-hoc", origin.as_str(), "--platform", platform], flags].concat();
    let program = Program::new(&arguments);
    variables.iter().fold(program, |program, (name, value)| program.env(name, value)).run().await
}

/// What stands in a request for each credential that was given.
fn sent(server: &Server, words: &[&str]) {
    let requests = server.requests().join("\n");
    for word in words {
        assert!(requests.contains(word), "`{word}` was not sent: {requests}");
    }
}

const ID: (&str, &str) = ("PBX_API_CLIENT_ID", "made-up-id");
const CLIENT_SECRET: (&str, &str) = ("PBX_API_CLIENT_SECRET", "made-up-secret");
const USER: (&str, &str) = ("PBX_API_USERNAME", "made-up-user");
const USERS_PASSWORD: (&str, &str) = ("PBX_API_PASSWORD", "made-up-password");
const KEY: (&str, &str) = ("PBX_API_KEY", "made-up-key");

/// Platform, variables, and what of them reaches the PBX.
type Row = (&'static str, Vec<(&'static str, &'static str)>, Vec<&'static str>);

fn rows() -> Vec<Row> {
    let client = vec![ID, CLIENT_SECRET];
    let person = vec![ID, CLIENT_SECRET, USER, USERS_PASSWORD];
    let in_body = vec!["client_id=made-up-id", "client_secret=made-up-secret"];
    let by_password = [&in_body[..], &["username=made-up-user", "password=made-up-password"]].concat();
    // made-up-id:made-up-secret
    let basic = "authorization: Basic bWFkZS11cC1pZDptYWRlLXVwLXNlY3JldA==";
    vec![
        ("ringme", client.clone(), [&in_body[..], &["grant_type=client_credentials"]].concat()),
        ("ringme", person.clone(), [&by_password[..], &["grant_type=password"]].concat()),
        ("3cx", client.clone(), in_body),
        (
            "zoom-phone",
            [&client[..], &[("PBX_API_ACCOUNT_ID", "made-up-account")]].concat(),
            vec![basic, "grant_type=account_credentials", "account_id=made-up-account"],
        ),
        (
            "ringcentral",
            [&client[..], &[("PBX_API_ASSERTION", "made-up-jwt")]].concat(),
            vec![basic, "jwt-bearer", "assertion=made-up-jwt"],
        ),
        ("netsapiens", person.clone(), by_password.clone()),
        ("netsapiens", vec![KEY], vec!["authorization: Bearer made-up-key"]),
        ("portsip", person, by_password),
        ("portsip", vec![ID, USER, USERS_PASSWORD], vec!["client_id=made-up-id", "scope=all"]),
        ("yeastar", client, vec![r#""username":"made-up-id""#, r#""password":"made-up-secret""#]),
        ("8x8", vec![KEY], vec!["x-api-key: made-up-key"]),
        ("wildix", vec![KEY], vec!["authorization: Bearer made-up-key"]),
        ("dialpad", vec![KEY], vec!["authorization: Bearer made-up-key"]),
    ]
}

#[tokio::test]
async fn each_platform_takes_its_credentials_from_variables() {
    for (platform, variables, words) in rows() {
        let server = generous().await;
        let elsewhere = server.http("");
        let flags = if platform == "zoom-phone" { vec!["--token-url", &elsewhere] } else { vec![] };
        let ended = diagnosed(&server, platform, &flags, &variables).await;
        assert!(
            ended.stdout.starts_with(&format!("127.0.0.1: {platform} at http://127.0.0.1:")),
            "{ended:?}"
        );
        sent(&server, &words);
        let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        assert!(ended.stderr.contains("Taken from the environment: "), "{ended:?}");
        assert!(names.iter().all(|name| ended.stderr.contains(name)), "{ended:?}");
        for (_, secret) in variables.iter().filter(|pair| **pair != ID && **pair != USER) {
            assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{ended:?}");
        }
    }
    let tried: Vec<_> = rows().into_iter().map(|row| row.0).collect();
    assert!(platform::names().all(|name| name == "freepbx" || tried.contains(&name)), "{tried:?}");
}

#[tokio::test]
async fn a_secret_of_any_kind_may_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{name}\n")).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (secret, assertion, key) = (file("secret-in-file"), file("jwt-in-file"), file("key-in-file"));
    let server = generous().await;
    let variables = [ID, ("PBX_API_CLIENT_SECRET_FILE", &*secret), ("PBX_API_ASSERTION_FILE", &*assertion)];
    diagnosed(&server, "ringcentral", &[], &variables).await;
    diagnosed(&server, "dialpad", &[], &[("PBX_API_KEY_FILE", &*key)]).await;
    // made-up-id:secret-in-file
    sent(
        &server,
        &["Basic bWFkZS11cC1pZDpzZWNyZXQtaW4tZmlsZQ==", "assertion=jwt-in-file", "Bearer key-in-file"],
    );
    let both = [ID, CLIENT_SECRET, ("PBX_API_ASSERTION", "x"), ("PBX_API_ASSERTION_FILE", &*assertion)];
    let ended = diagnosed(&server, "ringcentral", &[], &both).await;
    let told = "error: PBX_API_ASSERTION: PBX_API_ASSERTION_FILE is set too; keep one of them\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(4), told));
}

#[tokio::test]
async fn freepbx_takes_the_variables_that_portals_have() {
    let server = pbx().await;
    let arguments = ["diagnose", "--ad-hoc", server.origin().as_str(), "--platform", "freepbx"];
    let given = || Program::new(&arguments).env("FREEPBX_API_CLIENT_ID", MACHINE_ID);
    let ended = given().env("FREEPBX_API_CLIENT_SECRET", SECRET).run().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("127.0.0.1: freepbx at http://127.0.0.1:"), "{ended:?}");
    // Without a terminal nobody is asked; another platform's secret is none for this one.
    let ended = given().env("PBX_API_CLIENT_SECRET", SECRET).run().await;
    assert_eq!(ended.code, Some(4));
    assert!(ended.stderr.contains("FREEPBX_API_CLIENT_SECRET"), "{ended:?}");
    assert!(!ended.stderr.contains(PASSWORD));
}

/// Platform, flags, variables, and what is said of them.
type Refused = (&'static str, &'static [&'static str], Vec<(&'static str, &'static str)>, &'static str);

fn refused() -> Vec<Refused> {
    let client = [ID, CLIENT_SECRET];
    let grant = |word| [&client[..], &[("PBX_API_GRANT", word)]].concat();
    vec![
        (
            "3cx",
            &[],
            vec![ID],
            "PBX_API_CLIENT_SECRET: is unset or empty; set it, or set PBX_API_CLIENT_SECRET_FILE",
        ),
        (
            "zoom-phone",
            &[],
            client.to_vec(),
            "PBX_API_ACCOUNT_ID: is unset or empty (account_id, the Account ID of the app)",
        ),
        (
            "netsapiens",
            &[],
            vec![],
            "no credentials: set PBX_API_CLIENT_ID, PBX_API_CLIENT_SECRET, PBX_API_USERNAME, \
             PBX_API_PASSWORD for the grant password (API client), or set PBX_API_KEY for the grant static \
             (API key); to read a secret from a file",
        ),
        (
            "ringme",
            &[],
            grant("pasword"),
            "PBX_API_GRANT: unknown grant `pasword`; did you mean `password`? use one of: \
          client_credentials, password\n",
        ),
        (
            "ringme",
            &[],
            grant("authorization_code"),
            "PBX_API_GRANT: with authorization_code a person confirms access in a browser; configure the \
             target, run `pbx_exporter authorize TARGET`",
        ),
        (
            "ringme",
            &[],
            grant("refresh_token"),
            "PBX_API_GRANT: a refresh token may work only once, so a test would take it from the application \
             it belongs to",
        ),
        (
            "ringme",
            &["--token-url", "https://pbx.example.com/oauth"],
            client.to_vec(),
            "--token-url: has a path; write only scheme",
        ),
        (
            "wildix",
            &["--token-url", "https://pbx.example.com"],
            vec![KEY],
            "--token-url: is not used with the grant static",
        ),
        ("ringme", &["--ca-file", "ca.pem"], client.to_vec(), "--ca-file: is not used with an http:// url"),
    ]
}

#[tokio::test]
async fn what_is_missing_or_cannot_be_taken_is_told_by_its_variable_or_flag() {
    let server = generous().await;
    for (platform, flags, variables, told) in refused() {
        let ended = diagnosed(&server, platform, flags, &variables).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(4), ""), "{platform}: {ended:?}");
        assert!(ended.stderr.contains(&format!("error: {told}")), "{platform}: {told}: {ended:?}");
    }
    assert!(server.requests().is_empty());
    let ended = diagnosed(&server, "ringm", &[], &[ID, CLIENT_SECRET]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("a similar value exists: 'ringme'"), "{ended:?}");
}

#[tokio::test]
async fn an_odd_secret_is_warned_of_and_not_shown() {
    let server = generous().await;
    let ended = diagnosed(&server, "dialpad", &[], &[("PBX_API_KEY", "'made-up-key'")]).await;
    assert!(ended.stderr.contains("warning: PBX_API_KEY: the value has quotes around it"), "{ended:?}");
    assert!(!ended.stderr.contains("made-up-key"), "{ended:?}");
}

#[tokio::test]
async fn help_and_completions_list_the_platforms() {
    for arguments in
        [&["diagnose", "--help"][..], &["completions", "bash"], &["completions", "zsh"], &["man"]]
    {
        let text = Program::new(arguments).run().await.stdout.replace("\\-", "-");
        let words: Vec<_> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        for name in platform::names() {
            assert!(words.contains(&name), "{arguments:?} lacks {name}");
        }
    }
}

fn shown<'a>(prompt: &'a str, text: &'a str) -> Answer<'a> {
    Answer { prompt, text, hidden: false }
}

fn hidden<'a>(prompt: &'a str, text: &'a str) -> Answer<'a> {
    Answer { prompt, text, hidden: true }
}

async fn asked(server: &Server, platform: &str, variables: &[(&str, &str)], answers: &[Answer<'_>]) -> Shown {
    let (origin, elsewhere) = (server.http(""), server.http(""));
    let mut arguments = vec!["diagnose", "--ad-hoc", &origin, "--platform", platform];
    if platform == "zoom-phone" {
        arguments.extend(["--token-url", &elsewhere]);
    }
    let shown = run(&arguments, variables, ("unused", ""), answers).await;
    for answer in answers.iter().filter(|answer| answer.hidden && !answer.text.is_empty()) {
        assert!(!shown.text.contains(answer.text), "{shown:?}");
    }
    shown
}

#[tokio::test]
#[ignore = "needs script"]
async fn a_terminal_is_asked_for_just_what_the_platform_wants() {
    let client =
        || vec![shown("Client id: ", "made-up-id"), hidden("Client secret (not shown): ", "made-up-secret")];
    let with = |more: Vec<Answer<'static>>| client().into_iter().chain(more).collect::<Vec<_>>();
    let person =
        || vec![shown("User name: ", "made-up-user"), hidden("Password (not shown): ", "made-up-password")];
    let chosen = |number, rest: Vec<Answer<'static>>| {
        [shown("Number [1]: ", number)].into_iter().chain(rest).collect::<Vec<_>>()
    };
    for (platform, answers, words) in [
        ("ringme", chosen("", client()), &["grant_type=client_credentials", "made-up-secret"][..]),
        ("ringme", chosen("2", with(person())), &["grant_type=password", "made-up-password"]),
        ("ringme", chosen("password", with(person())), &["grant_type=password"]),
        ("3cx", client(), &["made-up-secret"]),
        (
            "zoom-phone",
            with(vec![hidden("account_id, the Account ID of the app (not shown): ", "made-up-account")]),
            &["account_id=made-up-account"],
        ),
        ("wildix", vec![hidden("Company API key (not shown): ", "made-up-key")], &["Bearer made-up-key"]),
        (
            "portsip",
            [
                shown("Client id: ", "made-up-id"),
                hidden("Client secret (not shown; leave empty for none): ", ""),
            ]
            .into_iter()
            .chain(person())
            .collect(),
            &["username=made-up-user", "client_id=made-up-id"],
        ),
    ] {
        let server = generous().await;
        let shown = asked(&server, platform, &[], &answers).await;
        assert_ne!(shown.code, Some(4), "{platform}: {shown:?}");
        sent(&server, words);
    }
}

#[tokio::test]
#[ignore = "needs script"]
async fn a_terminal_is_asked_only_for_what_the_environment_lacks() {
    let server = generous().await;
    let answers = [hidden("Client secret (not shown): ", "made-up-secret")];
    let told = asked(&server, "ringme", &[ID], &answers).await;
    sent(&server, &["client_id=made-up-id", "made-up-secret"]);
    assert!(told.text.contains("Ringme: trusted application (grant client_credentials)"), "{told:?}");
    assert!(told.text.contains("Taken from the environment: PBX_API_CLIENT_ID\r\n"), "{told:?}");
    let refused = asked(&server, "ringme", &[("PBX_API_GRANT", "authorization_code")], &[]).await;
    assert_eq!(refused.code, Some(4), "{refused:?}");
}

#[tokio::test]
#[ignore = "needs script"]
async fn a_freepbx_is_asked_for_by_the_kind_of_its_application() {
    let server = pbx().await;
    let origin = server.origin();
    let arguments = ["diagnose", "--ad-hoc", origin.as_str(), "--platform", "freepbx"];
    let answers = [
        shown("2  Native app (grant password)", "3"),
        hidden("Not a valid choice: 1 or 2 (not shown): ", "client_credentials"),
        shown("Client id: ", MACHINE_ID),
        hidden("Client secret (not shown): ", SECRET),
    ];
    let shown = run(&arguments, &[], ("unused", ""), &answers).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.text.contains(MACHINE_ID) && !shown.text.contains(SECRET), "{shown:?}");
}

#[tokio::test]
#[ignore = "needs script"]
async fn whoever_makes_no_choice_twice_is_let_go_and_what_was_pasted_the_second_time_is_not_shown() {
    let server = pbx().await;
    let origin = server.origin();
    let arguments = ["diagnose", "--ad-hoc", origin.as_str(), "--platform", "freepbx"];
    let answers = [shown("Number [1]: ", "3"), hidden("1 or 2 (not shown): ", "pasted-by-mistake")];
    let shown = run(&arguments, &[], ("unused", ""), &answers).await;
    assert_eq!(shown.code, Some(4), "{shown:?}");
    assert!(
        shown.text.contains("no valid choice after two attempts") && !shown.text.contains("pasted"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn call_and_scopes_can_be_chosen() {
    let server = generous().await;
    let variables = [
        ("FREEPBX_API_CLIENT_ID", "i"),
        ("FREEPBX_API_CLIENT_SECRET", "s"),
        ("FREEPBX_API_SCOPE", "rest:core:read:users"),
    ];
    let ended = diagnosed(&server, "freepbx", &["--call", "rest"], &variables).await;
    assert!(ended.stdout.contains("GET /admin/api/api/rest/core/users with the token"), "{ended:?}");
    assert!(
        ended.stderr.contains("`call` is --call")
            && ended.stderr.contains("`auth.scopes` is FREEPBX_API_SCOPE")
    );
    let ended = diagnosed(&server, "ringme", &[], &[ID, CLIENT_SECRET, ("PBX_API_SCOPE", "all more")]).await;
    sent(&server, &["scope=all+more"]);
    assert!(ended.stderr.contains("`auth.client_secret` is PBX_API_CLIENT_SECRET"), "{ended:?}");
    let ended = diagnosed(&server, "freepbx", &["--call", "rset"], &variables).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("error: --call: ") && ended.stderr.contains("`rest`"), "{ended:?}");
}
