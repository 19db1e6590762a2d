//! SIGTERM and SIGINT in the middle of whatever the service is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::{GRAPHQL_PATH, SECOND, answer, config, list_json, recorder, seen, target, token_json};
use crate::support::http;
use crate::support::process::{CONFIG, Ended, Program, Service, eventually};
use crate::support::raw::Server;

/// A PBX that answers as many token requests as told to, lists its extensions once and then rejects
/// the token.
struct SlowTokens {
    server: Server,
    answers: Arc<Semaphore>,
    /// How many answers were read to their end: an unread one would have reset the connection.
    clean: Arc<AtomicUsize>,
}

async fn slow_tokens(answers: usize) -> SlowTokens {
    let (answers, clean) = (Arc::new(Semaphore::new(answers)), Arc::new(AtomicUsize::new(0)));
    let shared = (answers.clone(), clean.clone());
    let server = Server::scripted(move |server, mut stream| {
        let (answers, clean) = shared.clone();
        async move {
            let request = server.request(&mut stream).await.unwrap_or_default();
            let answer = if is_token(&request) {
                answers.acquire().await.expect("never closed").forget();
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", token_json("slow"))
            } else {
                let rejects = ("401 No", r#"{"error":"access_denied"}"#.to_owned());
                let (status, body) = if lists(&server) == 1 { ("200 OK", list_json(3)) } else { rejects };
                format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{body}")
            };
            stream.write_all(answer.as_bytes()).await.expect("still connected");
            stream.shutdown().await.expect("still connected");
            let read = matches!(stream.read(&mut [0]).await, Ok(0));
            clean.fetch_add(usize::from(read), Ordering::SeqCst);
        }
    })
    .await;
    SlowTokens { server, answers, clean }
}

fn is_token(request: &str) -> bool {
    request.starts_with("POST /admin/api/api/token")
}

fn lists(server: &Server) -> usize {
    server.requests().iter().filter(|request| !is_token(request)).count()
}

impl SlowTokens {
    async fn asked_for_tokens(&self, times: usize) {
        let tokens = || self.server.requests().iter().filter(|request| is_token(request)).count();
        eventually("token requests", async || (tokens() == times).then_some(())).await;
    }
}

/// Waits until the service, while something is under way, says that it is not ready any more.
async fn stop_begins(service: &Service) {
    let status = async || Some(http::send(&service.address, "GET", "/-/ready", &[]).await?.status);
    eventually("the stop begins", async || (status().await == Some(503)).then_some(())).await;
}

/// A connection as Prometheus keeps one from scrape to scrape.
async fn kept_connection(service: &Service) -> TcpStream {
    let mut stream = TcpStream::connect(&service.address).await.expect("connected");
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"Healthy\n") {
        assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "closed");
    }
    stream
}

async fn stops(service: &mut Service, signal: &str) -> Ended {
    service.signal(signal).await;
    service.ended(5 * SECOND).await
}

#[tokio::test]
async fn a_list_that_hangs_is_cancelled_by_sigterm_and_sigint() {
    for signal in ["TERM", "INT"] {
        let pbx = recorder().await;
        answer(&pbx, GRAPHQL_PATH, super::lists(3).set_delay(600 * SECOND)).await;
        let mut service = Service::start(&config(&[target("hq", pbx.uri(), "timeout: 50s")]), &[]).await;
        eventually("a list request", async || (seen(&pbx, GRAPHQL_PATH).await == 1).then_some(())).await;
        let _kept = kept_connection(&service).await;
        let ended = stops(&mut service, signal).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("message=stopping"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("without waiting"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_token_request_in_flight_is_awaited_while_readiness_drops() {
    let pbx = slow_tokens(1).await;
    let keys = "interval: 3s, timeout: 2900ms";
    let mut service = Service::start(&config(&[target("hq", pbx.server.http(""), keys)]), &[]).await;
    eventually("ready", async || (service.get("/-/ready").await.status == 200).then_some(())).await;
    pbx.asked_for_tokens(2).await;
    service.signal("TERM").await;
    stop_begins(&service).await;
    pbx.answers.add_permits(9);
    let ended = service.ended(5 * SECOND).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("without waiting"), "{}", ended.stderr);
    // Two lists before.
    eventually("each answer is read", async || (pbx.clean.load(Ordering::SeqCst) == 4).then_some(())).await;
    assert_eq!(lists(&pbx.server), 2, "with the new token none is asked for");
}

#[tokio::test]
async fn probes_that_wait_for_their_turn_send_nothing_after_sigterm() {
    let pbx = slow_tokens(0).await;
    let names = ["a", "b", "c", "d", "e", "f"];
    let targets = names.map(|name| target(name, pbx.server.http(""), "timeout: 50s"));
    let mut service = Service::start(&config(&targets), &[]).await;
    // As many as one host takes.
    pbx.asked_for_tokens(4).await;
    service.signal("TERM").await;
    stop_begins(&service).await;
    pbx.answers.add_permits(9);
    assert_eq!(service.ended(5 * SECOND).await.code, Some(0));
    assert_eq!(pbx.server.requests().len(), 4);
}

/// The resolver of the C library hangs, since it opens its list of aliases, which nobody ever writes.
#[tokio::test]
async fn whatever_hangs_the_stop_takes_less_than_five_seconds() {
    let pbx = slow_tokens(0).await;
    let targets = [
        target("hangs", pbx.server.http(""), "timeout: 50s"),
        target("unresolved", "http://pbx-without-dots", "timeout: 50s"),
    ];
    let program = Program::new(&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG]);
    let aliases = program.folder.path().join("aliases");
    assert!(Command::new("mkfifo").arg(&aliases).status().await.expect("mkfifo").success());
    let aliases = aliases.to_str().expect("text").to_owned();
    let mut service = program.file(CONFIG, &config(&targets)).env("HOSTALIASES", &aliases).serve().await;
    pbx.asked_for_tokens(1).await;
    service.until("pbx_exporter_probes_in_flight", 2.0).await;
    let mut client = TcpStream::connect(&service.address).await.expect("connected");
    client.write_all(b"GET /metrics HTTP/1.1\r\n").await.expect("half a head is sent");
    service.get("/-/healthy").await;
    let ended = stops(&mut service, "TERM").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("without waiting"), "{}", ended.stderr);
}

#[tokio::test]
async fn who_waits_for_a_probe_on_request_is_told_of_the_stop() {
    let pbx = recorder().await;
    answer(&pbx, GRAPHQL_PATH, super::lists(3).set_delay(600 * SECOND)).await;
    let mut service = Service::start(&config(&[target("hq", pbx.uri(), "timeout: 50s")]), &[]).await;
    eventually("a list request", async || (seen(&pbx, GRAPHQL_PATH).await == 1).then_some(())).await;
    let reply = {
        let ask = || Box::pin(service.post("/-/probe?target=hq"));
        let (mut one, mut other) = (ask(), ask());
        // One of two is too soon after the other, which therefore waits.
        let (early, waiting) =
            tokio::select! { reply = &mut one => (reply, other), reply = &mut other => (reply, one) };
        assert_eq!(early.status, 429);
        service.signal("TERM").await;
        waiting.await
    };
    assert_eq!((reply.status, reply.body.as_str()), (503, "stopping\n"));
    assert_eq!(service.ended(5 * SECOND).await.code, Some(0));
}
