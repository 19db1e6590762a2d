//! Many connections that ask for nothing, or read nothing, harm nobody else.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use pbx_exporter::sim::{Fault, Generation};

use super::{flags, program};
use crate::service::{broken, config, of, pbx, target};
use crate::support::process::{CONFIG, Program, Service, eventually};

const SECOND: Duration = Duration::from_secs(1);

async fn connect(service: &Service) -> TcpStream {
    TcpStream::connect(&service.address).await.expect("it listens")
}

/// Whether the far side has ended the connection.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = timeout(Duration::from_millis(1), stream.read(&mut [0; 64])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn silent_connections_cost_targets_nothing_and_are_the_first_to_go() {
    let server = pbx(Generation::V17).await;
    let text = config(&[target("hq", server.origin(), "")]);
    let service = Program::limited(256, &flags(&[])).file(CONFIG, &text).serve().await;
    let mut scraper = connect(&service).await;
    let get = b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n";
    scraper.write_all(get).await.expect("sent");
    let mut silent = Vec::new();
    for _ in 0..369 {
        silent.push(connect(&service).await);
    }
    let asked = Instant::now();
    assert_eq!(service.get("/-/healthy").await.status, 200);
    println!("/-/healthy answers after {:?}", asked.elapsed());
    service.until(&of("pbx_up", "hq"), 1.0).await;
    assert_eq!(service.post("/-/probe?target=hq").await.status, 200);
    let metrics = service.metrics().await;
    let of = |family| crate::support::process::value(&metrics, family).expect(family);
    assert!(of("pbx_exporter_connections") <= 128.0, "half of the descriptors");
    assert_eq!(of("pbx_exporter_accept_errors_total").to_bits(), 0_f64.to_bits());
    assert!(is_closed(&mut silent[0]).await, "the longest silent went first");
    assert!(!is_closed(&mut silent[368]).await);
    scraper.write_all(get).await.expect("the one that had asked is still there");
    let mut answer = [0; 12];
    scraper.read_exact(&mut answer).await.expect("an answer");
}

#[tokio::test]
async fn unread_scrapes_take_no_more_than_their_places_and_make_room_for_who_reads() {
    let service = program(&["--web.max-requests=2"]).serve().await;
    let mut deaf = Vec::new();
    for _ in 0..8 {
        let stream = tokio::net::TcpSocket::new_v4().expect("a socket");
        stream.set_recv_buffer_size(1024).expect("a small buffer");
        let mut stream =
            stream.connect(service.address.parse().expect("an address")).await.expect("it listens");
        let many = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(2000);
        let _ = timeout(SECOND, stream.write_all(many.as_bytes())).await;
        deaf.push(stream);
    }
    let asked = Instant::now();
    assert_eq!(service.get("/-/healthy").await.status, 200);
    println!("/-/healthy answers after {:?}", asked.elapsed());
    let scrape = async || Some(service.get("/metrics").await).filter(|reply| reply.status == 200);
    eventually("a scrape of who reads", scrape).await;
}

#[tokio::test]
async fn beyond_the_requests_at_once_there_is_a_503_with_a_line() {
    let hangs = broken(Generation::V17, Fault::Hang).await;
    let text = config(&[target("hq", hangs.origin(), "")]);
    let service = program(&["--web.max-requests=1"]).file(CONFIG, &text).serve().await;
    let mut probe = connect(&service).await;
    let post = "POST /-/probe?target=hq HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    probe.write_all(post.as_bytes()).await.expect("sent");
    let refused = eventually("the place is taken", async || {
        Some(service.get("/metrics").await).filter(|reply| reply.status == 503)
    });
    assert!(refused.await.body.contains("--web.max-requests"));
    assert_eq!(service.get("/-/healthy").await.status, 200, "health has no such limit");
}
