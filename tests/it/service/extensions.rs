//! The command `extensions`, and what the service shows of extensions expected: the real program.

use pbx_exporter::domain::{Operation, Reason};
use pbx_exporter::sim::target::{NATIVE_ID, PASSWORD, USER};
use pbx_exporter::sim::{Fault, Generation, SimServer};
use serde_json::{Value, json};

use super::{broken, config, of, pbx, recorder, seen, target};
use crate::support::golden::assert_golden;
use crate::support::process::{CONFIG, Ended, Program, Service, eventually};
use crate::support::raw::{closed_port, ok};

const LIST: [&str; 4] = ["extensions", "office", "--config.file", CONFIG];

fn program(server: &SimServer, keys: &str, arguments: &[&str]) -> Program {
    let text = config(&[target("office", server.origin(), keys)]);
    Program::new(&[&LIST, arguments].concat()).file(CONFIG, &text)
}

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", ended.stdout, ended.stderr))
}

#[tokio::test]
async fn the_list_as_a_table_as_json_and_as_csv() {
    for (generation, keys, tech, name) in [
        (Generation::V16, "", "pjsip", ""),
        (Generation::V17, "", "pjsip", ""),
        (Generation::V16, "call: rest", "", "Phone"),
    ] {
        let server = pbx(generation).await;
        let table = program(&server, keys, &[]).run().await;
        let column = if name.is_empty() { "TECH" } else { "NAME" };
        let last = format!("{tech}{name}");
        let expected = format!(
            "EXTENSION  {column}\n2000       {last}\n2001       {last}\n2002       {last}\n\noffice lists 3 extensions.\n"
        );
        assert_eq!((table.code, table.stdout.as_str()), (Some(0), expected.as_str()), "{}", table.stderr);
        let json = parsed(&program(&server, keys, &["--output=json"]).run().await);
        assert_eq!(
            (&json["target"], &json["total"], &json["comparison"]),
            (&json!("office"), &json!(3), &Value::Null)
        );
        let item = if name.is_empty() {
            json!({"id": "2000", "tech": "pjsip"})
        } else {
            json!({"id": "2000", "name": "Phone"})
        };
        assert_eq!(json["extensions"][0], item);
        let csv = program(&server, keys, &["--output", "csv"]).run().await;
        let expected = format!("extension,state,tech,name\n2000,,{tech},{name}\n");
        assert!(csv.stdout.starts_with(&expected) && csv.stdout.lines().count() == 4, "{}", csv.stdout);
        assert_eq!(
            (server.pbx().requests(Operation::Token), server.pbx().requests(Operation::Extensions)),
            (3, 3)
        );
        server.stop().await;
    }
}

#[tokio::test]
async fn output_that_cannot_be_written_is_a_failure() {
    let server = pbx(Generation::V17).await;
    assert_eq!(program(&server, "", &[]).deaf().run().await.code, Some(1));
}

const ACCOUNTS: &str = "Name;SIP account;Secret\nReception;2000;canary\nOffice;2001;canary\nOffice;2001;canary\nAttic;0200;canary\n";

/// A PBX with something missing, something unexpected and an id that lost its zero.
async fn drifted() -> SimServer {
    let server = pbx(Generation::V17).await;
    server.pbx().set_extension_ids(&["200", "2000", "3000"]);
    server
}

#[tokio::test]
async fn a_difference_is_told_in_eighty_columns_and_by_the_exit_code() {
    let server = drifted().await;
    let compare = || program(&server, "", &["--expected", "accounts.csv"]).file("accounts.csv", ACCOUNTS);
    let table = compare().run().await;
    assert_eq!(table.code, Some(3), "{}", table.stderr);
    assert_golden("extensions.txt", &table.stdout);
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
    let origin = server.origin().origin().ascii_serialization();
    assert_eq!(
        table.stderr,
        format!(
            "office: asks {origin} for a token (grant client_credentials, /admin/api/api/token) and for the list \
             (/admin/api/api/gql). If an answer leaves the cause open, it sends one more request: after a bare error \
             page of the token endpoint a second token request, with an explicit scope; after an unclear answer to the \
             list the harmless query {{ __typename }}. Only compares; changes nothing. Stops after 3 rejected requests \
             per origin; fail2ban counts them together with those of a running exporter.\n\
             note: accounts.csv: given more than once, counted once: 2001\n"
        )
    );
    assert!(!format!("{}{}", table.stdout, table.stderr).contains("canary"));
}

#[tokio::test]
async fn every_form_of_input_gives_the_same_comparison_in_json() {
    let server = drifted().await;
    let json = r#"{"sip_accounts": [{"id": 1, "sip_account": "2000"}, {"sip_account": 2001}, {"sip_account": "0200"}]}"#;
    let own = |path: &str, text: &str, keys: &str| {
        let program = program(&server, keys, &["--output=json", "--expected", path]);
        if path == "-" { program.input(text) } else { program.file(path, text) }
    };
    for program in [
        own("accounts.csv", ACCOUNTS, ""),
        own("-", ACCOUNTS, ""),
        own("accounts.json", json, ""),
        own("-", json, ""),
        own("-", "0200\n2000\n2001\n", "expected_extensions: [7]"),
        program_without_flag(&server, "expected_extensions: [2000, 2001, '0200']"),
        program_without_flag(&server, "expected_extensions_file: accounts.csv")
            .file("accounts.csv", ACCOUNTS),
    ] {
        let ended = program.run().await;
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        let json = parsed(&ended);
        let comparison = &json["comparison"];
        assert_eq!(comparison["expected"], 3, "{json}");
        assert_eq!(comparison["missing"], json!(["0200", "2001"]));
        assert_eq!(comparison["unexpected"], json!(["200", "3000"]));
        assert_eq!(comparison["zeros_in_front"], json!([{"missing": "0200", "unexpected": "200"}]));
        assert_eq!(json["changes"], "none");
    }
}

fn program_without_flag(server: &SimServer, keys: &str) -> Program {
    program(server, keys, &["--output=json"])
}

#[tokio::test]
async fn what_it_prints_it_reads_again_without_a_difference() {
    let server = drifted().await;
    for form in ["csv", "json"] {
        let printed = program(&server, "", &["--output", form]).run().await.stdout;
        let again = program(&server, "", &["--output=csv", "--expected=-"]).input(&printed).run().await;
        assert_eq!(again.code, Some(0), "{form}: {}{}", again.stdout, again.stderr);
        assert_eq!(again.stdout.matches(",expected,").count(), 3, "{}", again.stdout);
    }
}

#[tokio::test]
async fn each_failure_has_the_code_of_its_class() {
    let fixed = |fault| async { broken(Generation::V16, fault).await };
    for (fault, code, reason) in [
        (Fault::SecretRegenerated, 6, Reason::InvalidClient),
        (Fault::ScopeRemoved, 7, Reason::InsufficientScope),
        (Fault::RejectAllTokens, 7, Reason::TokenRejected),
        (Fault::RewriteBroken, 7, Reason::AjaxDeclined),
        (Fault::QueryFails, 8, Reason::QueryFailed),
    ] {
        let server = fixed(fault).await;
        let text = program(&server, "", &[]).run().await;
        assert_eq!((text.code, text.stdout.as_str()), (Some(code), ""), "{}", text.stderr);
        let said = text.stderr.lines().last().expect("an error");
        assert!(said.starts_with("error: office: ") && said.contains(&format!(": {reason}: ")), "{said}");
        let json = program(&server, "", &["--output=json"]).run().await;
        let told = parsed(&json);
        assert_eq!((json.code, &told["error"]["reason"]), (Some(code), &json!(reason.as_str())));
        assert!(told["error"]["message"].as_str().is_some_and(|text| text.len() > 40), "{told}");
        assert!(server.pbx().requests(Operation::Token) <= 2, "a refusal is not tried again");
    }
    let closed = format!("http://{}", closed_port().await);
    let text = config(&[target("office", closed, "")]);
    let ended = Program::new(&LIST).file(CONFIG, &text).run().await;
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains(": connect: "), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_wrong_on_this_side_is_told_before_anybody_is_asked() {
    let server = recorder().await;
    let keys = "call: {path: /accounts}";
    let refresh = "auth: {grant: refresh_token, refresh_token: canary}";
    let two =
        config(&[target("office", server.uri(), ""), target("lab", server.uri(), "auth: {client_id: b}")]);
    let one = |keys: &str| config(&[target("office", server.uri(), keys)]);
    for (arguments, text, code, said) in [
        (&["extensions", "--config.file", CONFIG][..], &two, 2, "name the target: office, lab"),
        (&["extensions", "Office", "--config.file", CONFIG], &two, 4, "configured: office, lab"),
        (&["extensions", "--output=xml"], &two, 2, "possible values: table, json, csv"),
        (&LIST, &one(keys), 4, "add `call.list`"),
        (&LIST, &one(refresh), 4, "would use up the refresh token"),
        (&LIST, &one("intervall: 5s"), 4, "did you mean `interval`?"),
        (&["extensions"], &two, 4, "--config.file"),
        (
            &[&LIST[..], &["--expected", "accounts.csv"]].concat(),
            &one(""),
            8,
            "failed to read accounts.csv: No such file",
        ),
        (
            &[&LIST[..], &["--expected", "-"]].concat(),
            &one(""),
            8,
            "failed to read standard input: it is empty",
        ),
    ] {
        let ended = Program::new(arguments).file(CONFIG, text).run().await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said) && !ended.stderr.contains("canary"), "{said}: {}", ended.stderr);
    }
    assert_eq!(seen(&server, super::TOKEN_PATH).await, 0);
}

#[tokio::test]
async fn a_list_that_does_not_tell_its_extensions_is_no_empty_one() {
    let server = recorder().await;
    super::answer(&server, super::GRAPHQL_PATH, super::lists(3)).await;
    let text = config(&[target("office", server.uri(), "")]);
    let ended = Program::new(&LIST).file(CONFIG, &text).run().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(8), ""));
    assert!(ended.stderr.contains("error: office: The answer has no extensions"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_name_from_the_guides_says_that_it_only_compares() {
    let server = pbx(Generation::V17).await;
    let text = config(&[target("office", server.origin(), "")]);
    for name in ["extensions", "sync-sip-accounts"] {
        let help = Program::new(&[name, "--help"]).run().await;
        assert_eq!(help.code, Some(0));
        let flat = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in
            ["only compares", "nothing on the PBX is created, changed or deleted", "3 extensions are missing"]
        {
            assert!(flat.contains(part), "{part}: {}", help.stdout);
        }
        let ended = Program::new(&[name, "--config.file", CONFIG, "--expected=-"])
            .file(CONFIG, &text)
            .input("2000\n2001\n2002\n")
            .run()
            .await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.ends_with("0 missing, 0 unexpected.\nOnly compared: nothing was changed.\n"));
    }
    let help = Program::new(&["--help"]).run().await.stdout;
    assert!(help.contains("sync-sip-accounts") && help.contains("changes nothing"), "{help}");
}

/// A PBX that shows more of its accounts than anybody asked for.
const TALKATIVE: &str = r#"{"2000":{"extension":"2000","name":"Phone\u001b]0;x\u0007","secret":"canary","sip":{"password":"canary"}},"2001":{"extension":"2001","name":null,"canary":"canary"}}"#;

#[tokio::test]
async fn neither_secrets_nor_what_a_terminal_would_obey_are_printed() {
    let server = crate::support::raw::Server::answering(|request| {
        if request.starts_with("POST") { ok(&super::token_json("canary-token")) } else { ok(TALKATIVE) }
    })
    .await;
    let keys = format!(
        "call: rest, auth: {{grant: password, client_id: {NATIVE_ID}, client_secret: canary, username: {USER}, password: canary-{PASSWORD}}}"
    );
    let text = config(&[target("office", server.http(""), &keys)]);
    for form in ["table", "json", "csv"] {
        let arguments = [&LIST[..], &["--log.level=trace", "--expected=-", "--output", form]].concat();
        let ended = Program::new(&arguments).file(CONFIG, &text).input(ACCOUNTS).run().await;
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        let all = ended.stdout + &ended.stderr;
        assert!(all.contains("2000") && all.contains("Phone]0;x"), "{all}");
        assert!(!all.contains("canary") && !all.contains(['\u{1b}', '\u{7}']), "{form}: {all}");
    }
}

#[tokio::test]
async fn the_service_follows_the_file_tells_once_and_shows_which() {
    let server = drifted().await;
    let keys = "interval: 1s, timeout: 500ms, expected_extensions_file: accounts.csv";
    let service = Service::start(&config(&[target("office", server.origin(), keys)]), &[]).await;
    service.until(&of("pbx_probes_total", "office"), 3.0).await;
    assert_eq!(service.value(&of("pbx_extensions_expected", "office")).await, None);
    let page = service.get("/").await.body;
    assert!(
        page.contains("extensions: not compared") && page.contains("accounts.csv: No such file"),
        "{page}"
    );
    let told = || service.stderr().matches("extensions cannot be compared with the expected ones").count();
    assert_eq!(told(), 1, "{}", service.stderr());
    service.write("accounts.csv", ACCOUNTS);
    service.until(&of("pbx_extensions_missing", "office"), 2.0).await;
    assert_eq!(service.value(&of("pbx_extensions_unexpected", "office")).await, Some(2.0));
    let page = service.get("/").await.body;
    assert!(page.contains("2 missing: 0200, 2001") && page.contains("2 not expected: 200, 3000"), "{page}");
    service.write("accounts.csv", "200\n2000\n3000\n");
    service.until(&of("pbx_extensions_missing", "office"), 0.0).await;
    eventually("the end is told", async || {
        service.stderr().contains("extensions are the expected ones").then_some(())
    })
    .await;
    assert_eq!((told(), service.value(&of("pbx_up", "office")).await), (1, Some(1.0)));
    assert!(!service.get("/").await.body.contains("extensions: "));
    assert!(!service.stderr().contains("canary"), "{}", service.stderr());
}
