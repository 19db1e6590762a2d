//! PBXes that hang, reset, lie about lengths or point elsewhere, beside others that are well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pbx_exporter::sim::Generation;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::{SECOND, config, list_json, of, pbx, target, token_json};
use crate::support::process::{Service, eventually};
use crate::support::raw::{Server, ok, redirect};

/// Gives a token; to a list request it writes `answer` and closes.
async fn listing(answer: String) -> Server {
    Server::answering(move |request| {
        if request.starts_with("POST /admin/api/api/token") {
            ok(&token_json("made-up")).replacen("\r\n", "\r\nconnection: close\r\n", 1)
        } else {
            answer.clone()
        }
    })
    .await
}

/// Waits until `target` is down for `reason` at the list.
async fn fails(service: &Service, target: &str, reason: &str) {
    let labels = format!("target=\"{target}\",operation=\"extensions\",reason=\"{reason}\"");
    service.until(&format!("pbx_target_condition{{{labels}}}"), 1.0).await;
    assert_eq!(service.value(&of("pbx_up", target)).await, Some(0.0), "{target}");
    assert!(service.value(&format!("pbx_request_failures_total{{{labels}}}")).await >= Some(1.0), "{target}");
}

/// Sends a body without end; counts what is taken.
async fn endless(head: &'static str, sent: Arc<AtomicU64>) -> Server {
    Server::scripted(move |server, mut stream| {
        let sent = sent.clone();
        async move {
            let request = server.request(&mut stream).await.unwrap_or_default();
            if request.starts_with("POST /admin/api/api/token") {
                let answer = ok(&token_json("made-up")).replacen("\r\n", "\r\nconnection: close\r\n", 1);
                let _ = stream.write_all(answer.as_bytes()).await;
                return;
            }
            let _ = stream.write_all(head.as_bytes()).await;
            let piece = [b'7'; 16 * 1024];
            while stream.write_all(&piece).await.is_ok() {
                sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
            }
        }
    })
    .await
}

/// Resets the connection of a list request: closed with bytes unread.
async fn resetting() -> Server {
    Server::scripted(|server, mut stream| async move {
        if server.connections() % 2 == 1 {
            server.request(&mut stream).await;
            let answer = ok(&token_json("made-up")).replacen("\r\n", "\r\nconnection: close\r\n", 1);
            let _ = stream.write_all(answer.as_bytes()).await;
        } else {
            let _ = stream.read(&mut [0]).await;
        }
    })
    .await
}

#[tokio::test]
async fn each_has_its_reason_and_the_others_stay_up() {
    let well = pbx(Generation::V17).await;
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\nconnection: close\r\n\r\n{\"data\":";
    let elsewhere = redirect(307, "https://elsewhere.example.com/admin/api/api/gql");
    let around = redirect(307, "/admin/api/api/gql");
    let gigabyte = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
    let taken = Arc::new(AtomicU64::new(0));
    let cases = [
        ("half", "connection_lost", listing(half.to_owned()).await),
        ("reset", "connection_lost", resetting().await),
        ("elsewhere", "redirect_refused", listing(elsewhere).await),
        ("loop", "redirect_refused", listing(around).await),
        ("gigabyte", "response_too_large", endless(gigabyte, taken.clone()).await),
        ("endless", "response_too_large", endless("HTTP/1.1 200 OK\r\n\r\n", taken.clone()).await),
    ];
    let mut targets = vec![target("well", well.origin(), "interval: 1s, timeout: 900ms")];
    let bad = cases.iter().map(|(name, _, server)| target(name, server.http(""), "body_limit: 1MiB"));
    targets.extend(bad);
    let service = Service::start(&config(&targets), &[]).await;
    for (name, reason, _) in &cases {
        fails(&service, name, reason).await;
    }
    let twice = of("pbx_probes_total", "well");
    eventually("well is probed on", async || (service.value(&twice).await >= Some(2.0)).then_some(())).await;
    assert_eq!(service.value(&of("pbx_probe_failures_total", "well")).await, Some(0.0));
    let memory = service.value("process_resident_memory_bytes").await.expect("on Linux");
    assert!(memory < 128e6, "{memory} bytes resident");
    assert!(taken.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_scrape_is_fast_while_twenty_pbxes_hang() {
    let well = pbx(Generation::V17).await;
    let mut targets = vec![target("well", well.origin(), "interval: 1s, timeout: 900ms")];
    let mut hanging = Vec::new();
    for n in 0..20 {
        hanging.push(Server::hanging_after("").await);
        targets.push(target(&format!("hangs{n}"), hanging[n].http(""), "timeout: 50s"));
    }
    let text = format!("limits: {{probes_per_host: 100}}\n{}", config(&targets));
    let service = Service::start(&text, &[]).await;
    service.until("pbx_exporter_probes_in_flight", 20.0).await;
    service.until(&of("pbx_up", "well"), 1.0).await;
    for path in ["/metrics", "/", "/-/healthy"] {
        let start = Instant::now();
        assert_eq!(service.get(path).await.status, 200);
        assert!(start.elapsed() < 20 * SECOND, "{path} took {:?}", start.elapsed());
    }
    let again = of("pbx_probes_total", "well");
    eventually("well is probed on", async || (service.value(&again).await >= Some(3.0)).then_some(())).await;
}

#[tokio::test]
async fn a_pbx_that_hangs_is_given_up_after_its_timeout() {
    let server = Server::scripted(|server, mut stream| async move {
        let request = server.request(&mut stream).await.unwrap_or_default();
        if request.starts_with("POST /admin/api/api/token") {
            let answer = ok(&token_json("made-up")).replacen("\r\n", "\r\nconnection: close\r\n", 1);
            let _ = stream.write_all(answer.as_bytes()).await;
        } else {
            let _ = stream.read(&mut [0; 16]).await;
        }
    })
    .await;
    let service = Service::start(&config(&[target("hq", server.http(""), "timeout: 500ms")]), &[]).await;
    fails(&service, "hq", "timeout").await;
    let none = "pbx_requests_total{target=\"hq\",operation=\"extensions\",code=\"none\"}";
    assert!(service.value(none).await >= Some(1.0));
}

#[tokio::test]
async fn a_list_of_another_length_is_told_as_it_is() {
    let server = listing(ok(&list_json(12))).await;
    let service = Service::start(&config(&[target("hq", server.http(""), "")]), &[]).await;
    service.until(&of("pbx_extensions", "hq"), 12.0).await;
}
