//! SIGTERM and SIGINT in the middle of whatever the service is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::watch;

use super::{GRAPHQL_PATH, SECOND, answer, config, lists, recorder, seen, target, token_json};
use crate::support::http;
use crate::support::process::{CONFIG, Ended, Program, Service, eventually};
use crate::support::raw::{Server, ok};

/// A PBX that answers token requests when told to.
struct SlowTokens {
    server: Server,
    answer: watch::Sender<bool>,
    /// Whether each answer was read to its end: an unread one would have reset the connection.
    clean: Arc<AtomicBool>,
}

async fn slow_tokens() -> SlowTokens {
    let (answer, gate) = watch::channel(false);
    let clean = Arc::new(AtomicBool::new(false));
    let noted = clean.clone();
    let server = Server::scripted(move |server, mut stream| {
        let (mut gate, clean) = (gate.clone(), noted.clone());
        async move {
            server.request(&mut stream).await;
            gate.wait_for(|open| *open).await.expect("the test runs on");
            let answer = ok(&token_json("slow")).replacen("\r\n", "\r\nconnection: close\r\n", 1);
            stream.write_all(answer.as_bytes()).await.expect("still connected");
            clean.store(matches!(stream.read(&mut [0]).await, Ok(0)), Ordering::SeqCst);
        }
    })
    .await;
    SlowTokens { server, answer, clean }
}

/// Whether the service no longer calls itself ready: it says so, or takes no requests any more.
async fn is_unready(service: &Service) -> Option<()> {
    let reply = http::send(&service.address, "GET", "/-/ready", &[]).await;
    reply.is_none_or(|reply| reply.status == 503).then_some(())
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
        answer(&pbx, GRAPHQL_PATH, lists(3).set_delay(600 * SECOND)).await;
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
    let pbx = slow_tokens().await;
    let mut service =
        Service::start(&config(&[target("hq", pbx.server.http(""), "timeout: 50s")]), &[]).await;
    eventually("a token request", async || (pbx.server.requests().len() == 1).then_some(())).await;
    service.signal("TERM").await;
    eventually("readiness drops", async || is_unready(&service).await).await;
    pbx.answer.send_replace(true);
    let ended = service.ended(5 * SECOND).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("without waiting"), "{}", ended.stderr);
    eventually("the answer is read to its end", async || pbx.clean.load(Ordering::SeqCst).then_some(()))
        .await;
    assert_eq!(pbx.server.requests().len(), 1, "no list is asked for any more");
}

#[tokio::test]
async fn probes_that_wait_for_their_turn_send_nothing_after_sigterm() {
    let pbx = slow_tokens().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    let targets = names.map(|name| target(name, pbx.server.http(""), "timeout: 50s"));
    let mut service = Service::start(&config(&targets), &[]).await;
    eventually("as many as one host takes", async || (pbx.server.requests().len() == 4).then_some(())).await;
    service.signal("TERM").await;
    eventually("the stop begins", async || is_unready(&service).await).await;
    pbx.answer.send_replace(true);
    assert_eq!(service.ended(5 * SECOND).await.code, Some(0));
    assert_eq!(pbx.server.requests().len(), 4);
}

/// The resolver of the C library hangs, since it opens its list of aliases, which nobody ever writes.
#[tokio::test]
async fn whatever_hangs_the_stop_takes_less_than_five_seconds() {
    let pbx = slow_tokens().await;
    let targets = [
        target("hangs", pbx.server.http(""), "timeout: 50s"),
        target("unresolved", "http://pbx-without-dots", "timeout: 50s"),
    ];
    let program = Program::new(&["--web.listen-address=127.0.0.1:0", "--config.file", CONFIG]);
    let aliases = program.folder.path().join("aliases");
    assert!(Command::new("mkfifo").arg(&aliases).status().await.expect("mkfifo").success());
    let aliases = aliases.to_str().expect("text").to_owned();
    let mut service = program.file(CONFIG, &config(&targets)).env("HOSTALIASES", &aliases).serve().await;
    eventually("a token request", async || (pbx.server.requests().len() == 1).then_some(())).await;
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
    answer(&pbx, GRAPHQL_PATH, lists(3).set_delay(600 * SECOND)).await;
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
