//! Reloads by SIGHUP and POST, of good files and bad ones, and secrets that change under way.

use pbx_exporter::domain::{Grant, Operation};
use pbx_exporter::sim::target::SECRET;
use pbx_exporter::sim::{Fault, Generation, SimServer};

use serde_json::json;
use wiremock::matchers::{body_string_contains, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{GRAPHQL_PATH, TOKEN_PATH, answer, broken, config, issues, lists, of, pbx, seen, target};
use crate::support::process::{CONFIG, Program, Service, eventually, value};

const SUCCESSFUL: &str = "pbx_exporter_config_last_reload_successful";
const TIMESTAMP: &str = "pbx_exporter_config_last_reload_success_timestamp_seconds";

fn tokens(server: &SimServer) -> u64 {
    server.pbx().requests(Operation::Token)
}

/// The series of one target, without their values.
fn series(metrics: &str, target: &str) -> Vec<String> {
    let label = format!("target=\"{target}\"");
    let names = metrics.lines().filter_map(|line| line.rsplit_once(' '));
    names.filter(|(series, _)| series.contains(&label)).map(|(series, _)| series.to_owned()).collect()
}

#[tokio::test]
async fn a_bad_file_is_told_and_keeps_the_old_state() {
    let server = pbx(Generation::V17).await;
    let good = config(&[target("hq", server.origin(), "")]);
    let service = Service::start(&good, &[]).await;
    service.until(&of("pbx_up", "hq"), 1.0).await;
    let before = service.metrics().await;
    assert_eq!(value(&before, SUCCESSFUL), Some(1.0));

    service.write(CONFIG, &good.replace("url:", "urll:"));
    let reply = service.post("/-/reload").await;
    assert_eq!(reply.status, 500);
    for part in [&format!("{CONFIG}:3:"), "targets[0].urll", "did you mean `url`?"] {
        assert!(reply.body.contains(part), "{part} in {}", reply.body);
    }
    let after = service.metrics().await;
    assert_eq!(value(&after, SUCCESSFUL), Some(0.0));
    assert_eq!(value(&after, TIMESTAMP), value(&before, TIMESTAMP));
    assert_eq!(series(&after, "hq"), series(&before, "hq"));
    assert_eq!(service.get("/-/ready").await.status, 200);
    assert!(service.stderr().contains("the old one stays in force"), "{}", service.stderr());

    service.write(CONFIG, &good);
    assert_eq!(service.post("/-/reload").await.status, 200);
    let fixed = service.metrics().await;
    assert_eq!(value(&fixed, SUCCESSFUL), Some(1.0));
    assert!(value(&fixed, TIMESTAMP) > value(&before, TIMESTAMP));
}

#[tokio::test]
async fn sighup_reloads_as_well() {
    let server = pbx(Generation::V17).await;
    let good = config(&[target("hq", server.origin(), "")]);
    let service = Service::start(&good, &[]).await;
    service.write(CONFIG, "targets: []");
    service.signal("HUP").await;
    service.until(SUCCESSFUL, 0.0).await;
    service.write(CONFIG, &good);
    service.signal("HUP").await;
    service.until(SUCCESSFUL, 1.0).await;
}

#[tokio::test]
async fn targets_come_and_go_and_those_unchanged_notice_nothing() {
    let (stays, goes, comes) =
        (pbx(Generation::V16).await, pbx(Generation::V17).await, pbx(Generation::V17_0_1).await);
    let kept = target("stays", stays.origin(), "");
    let service = Service::start(&config(&[kept.clone(), target("goes", goes.origin(), "")]), &[]).await;
    service.until(&of("pbx_up", "stays"), 1.0).await;
    service.until(&of("pbx_up", "goes"), 1.0).await;
    let before = service.metrics().await;
    assert!(series(&before, "goes").len() > 50);

    service.write(CONFIG, &config(&[target("comes", comes.origin(), ""), kept]));
    assert_eq!(service.post("/-/reload").await.status, 200);
    assert_eq!(service.get("/-/ready").await.status, 200, "a reload never unreadies");
    service.until(&of("pbx_up", "comes"), 1.0).await;
    let after = service.metrics().await;
    assert_eq!(series(&after, "goes"), Vec::<String>::new());
    assert_eq!(series(&after, "stays"), series(&before, "stays"));
    for family in
        ["pbx_probes_total", "pbx_last_probe_timestamp_seconds", "pbx_token_issued_timestamp_seconds"]
    {
        let name = of(family, "stays");
        assert_eq!(value(&after, &name), value(&before, &name), "{family}");
    }
    assert_eq!(value(&after, "pbx_exporter_targets"), Some(2.0));
    assert_eq!((tokens(&stays), tokens(&goes)), (1, 1));
    let page = service.get("/").await.body;
    assert!(page.contains(">comes<") && !page.contains(">goes<"));
}

#[tokio::test]
async fn a_fixed_secret_ends_the_back_off_at_a_reload() {
    let server = pbx(Generation::V16).await;
    let wrong = config(&[target("hq", server.origin(), "")]).replace(SECRET, "made-up-and-wrong");
    let service = Service::start(&wrong, &[]).await;
    let condition = "pbx_target_condition{target=\"hq\",operation=\"token\",reason=\"invalid_client\"}";
    service.until(condition, 1.0).await;
    assert!(service.value(&of("pbx_probe_interval_seconds", "hq")).await > Some(299.0), "it backs off");
    service.write(CONFIG, &wrong.replace("made-up-and-wrong", SECRET));
    assert_eq!(service.post("/-/reload").await.status, 200);
    service.until(&of("pbx_up", "hq"), 1.0).await;
    assert_eq!(service.value(condition).await, None);
    assert_eq!(tokens(&server), 2);
}

#[tokio::test]
async fn a_fixed_secret_file_ends_the_back_off_without_a_reload() {
    let server = pbx(Generation::V16).await;
    let keys = "auth: {client_secret: null, client_secret_file: secret.txt}";
    let text = config(&[target("hq", server.origin(), keys)]);
    let program = Program::new(&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG]);
    let service = program.file(CONFIG, &text).file("secret.txt", "made-up-and-wrong\n").serve().await;
    service.until(&of("pbx_up", "hq"), 0.0).await;
    service.write("secret.txt", &format!("{SECRET}\n"));
    service.until(&of("pbx_up", "hq"), 1.0).await;
    assert_eq!(tokens(&server), 2);
}

#[tokio::test]
async fn other_settings_of_a_refused_target_do_not_win_it_a_place_in_the_budget() {
    let server = broken(Generation::V16, Fault::SecretRegenerated).await;
    let text = |interval: u64| config(&[target("hq", server.origin(), &format!("interval: {interval}s"))]);
    let service = Service::start(&text(60), &[]).await;
    for reload in 1..=5 {
        eventually("one more token request", async || (tokens(&server) == reload).then_some(())).await;
        service.write(CONFIG, &text(60 + reload));
        assert_eq!(service.post("/-/reload").await.status, 200);
    }
    eventually("the budget is spent", async || {
        service.stderr().contains("limits.refusals_per_origin").then_some(())
    })
    .await;
    assert_eq!(tokens(&server), 5, "the last of six places is for those that were well");
    assert_eq!(server.pbx().token_requests_by_grant(Grant::ClientCredentials), 5);
}

#[tokio::test]
async fn a_new_refresh_token_in_its_file_ends_the_wait_for_a_person() {
    let server = MockServer::start().await;
    answer(&server, GRAPHQL_PATH, lists(3)).await;
    let asked = |token: &str| {
        let refresh = format!("refresh_token={token}");
        Mock::given(path(TOKEN_PATH)).and(body_string_contains(refresh))
    };
    let dead = json!({"error": "invalid_request", "message": "The refresh token is invalid."});
    asked("old").respond_with(ResponseTemplate::new(401).set_body_json(dead)).mount(&server).await;
    asked("new").respond_with(issues("taken-again")).mount(&server).await;
    let keys = "auth: {grant: refresh_token, refresh_token_file: refresh.txt}";
    let service = Program::new(&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG])
        .file(CONFIG, &config(&[target("hq", server.uri(), keys)]))
        .file("refresh.txt", "old")
        .serve()
        .await;
    let condition =
        "pbx_target_condition{target=\"hq\",operation=\"token\",reason=\"authorization_required\"}";
    service.until(condition, 1.0).await;
    let probes = of("pbx_probes_total", "hq");
    eventually("it waits", async || (service.value(&probes).await >= Some(2.0)).then_some(())).await;
    assert_eq!(seen(&server, TOKEN_PATH).await, 1, "a dead token is not tried again");
    service.write("refresh.txt", "new");
    service.until(&of("pbx_up", "hq"), 1.0).await;
    assert_eq!(service.value(condition).await, None);
    assert_eq!(seen(&server, TOKEN_PATH).await, 2);
}

#[tokio::test]
async fn an_unreadable_secret_file_blinds_its_target_alone_and_check_calls_it_an_error() {
    let (well, blind) = (pbx(Generation::V17).await, pbx(Generation::V17).await);
    let keys = "auth: {client_secret: null, client_secret_file: secret.txt}, \
                proxy: {url: 'http://127.0.0.1:9', username: u, password_file: absent.txt, no_proxy: 127.0.0.1}";
    let text = config(&[target("well", well.origin(), ""), target("blind", blind.origin(), keys)]);
    let check = Program::new(&["check", "--config.file", CONFIG]).file(CONFIG, &text).run().await;
    assert_eq!((check.code, check.stdout.as_str()), (Some(1), ""), "{}", check.stderr);
    for file in ["client_secret_file: failed to read secret file secret.txt", "absent.txt"] {
        assert!(
            check.stderr.contains(file) && check.stderr.starts_with("error: pbx.yml:4:"),
            "{}",
            check.stderr
        );
    }

    let service = Service::start(&text, &[]).await;
    let condition = "pbx_target_condition{target=\"blind\",operation=\"token\",reason=\"exporter_error\"}";
    service.until(&of("pbx_up", "well"), 1.0).await;
    service.until(condition, 1.0).await;
    let log = service.stderr();
    let line = log.lines().find(|line| line.contains("secret.txt")).expect("a line of the log");
    assert!(
        line.contains("level=error")
            && line.contains("until this is fixed, the targets that use it show exporter_error"),
        "{log}"
    );
    let page = service.get("/").await.body;
    for part in ["No token was requested: failed to read", "restore the file", "The PBX is not the cause"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert_eq!(service.post("/-/reload").await.status, 200);
    assert_eq!(service.value(SUCCESSFUL).await, Some(1.0));

    service.write("secret.txt", SECRET);
    service.write("absent.txt", "made-up");
    service.until(&of("pbx_up", "blind"), 1.0).await;
    assert_eq!(tokens(&well), 1);
}
