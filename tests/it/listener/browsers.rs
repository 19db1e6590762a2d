//! What a page of a stranger can make somebody's browser do: nothing, under whatever name it comes.

use super::program;
use crate::support::http;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_rebound_name_sees_no_page_and_triggers_nothing_while_scrapes_go_on() {
    let service = program(&["--web.allowed-hosts=watch.example.com,pbx.example.net"]).serve().await;
    let port = service.address.rsplit(':').next().expect("a port");
    for (host, page) in [
        ("evil.example.com".to_owned(), 403),
        (format!("evil.example.com:{port}"), 403),
        (format!("watch.example.com:{port}"), 200),
        ("pbx.example.net".to_owned(), 200),
        (format!("localhost:{port}"), 200),
        ("192.0.2.7".to_owned(), 200),
        ("[2001:db8::1]:10177".to_owned(), 200),
    ] {
        let host = format!("host: {host}");
        assert_eq!(service.ask("GET", "/", &[&host]).await.status, page, "{host}");
        let reload = service.ask("POST", "/-/reload", &[&host, "content-length: 0"]).await.status;
        assert_eq!(reload == 200, host.contains("localhost"), "{host}: {reload}");
        for path in ["/metrics", "/-/healthy", "/-/ready"] {
            assert_eq!(service.ask("GET", path, &[&host]).await.status, 200, "{host} {path}");
        }
        assert_eq!(service.ask("POST", "/metrics", &[&host]).await.status == 403, page == 403, "{host}");
    }
    let refused = service.ask("GET", "/", &["host: evil.example.com"]).await.body;
    assert!(refused.contains("--web.allowed-hosts") && !refused.contains("evil"), "{refused}");
}

#[tokio::test]
async fn a_host_that_is_twice_there_or_missing_is_no_request() {
    let service = program(&[]).serve().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nconnection: close\r\n\r\n", 400),
        ("GET /metrics HTTP/1.0\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n", 400),
        (
            "GET / HTTP/1.1\r\nhost: localhost\r\norigin: null\r\norigin: null\r\nconnection: close\r\n\r\n",
            400,
        ),
        ("GET http://localhost/ HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n", 400),
    ] {
        let stream = TcpStream::connect(&service.address).await.expect("it listens");
        let reply = http::over(stream, request).await.expect("an answer");
        assert_eq!(reply.status, status, "{request}");
    }
}

#[tokio::test]
async fn only_who_is_near_may_act_unless_all_may() {
    let service = program(&[]).serve().await;
    let near = ["host: localhost", "content-length: 0"];
    assert_eq!(service.ask("POST", "/-/reload", &near).await.status, 200);
    for proxied in
        ["x-forwarded-for: 192.0.2.1", "forwarded: for=192.0.2.1", "via: 1.1 p", "x-real-ip: 192.0.2.1"]
    {
        let reply = service.ask("POST", "/-/reload", &[near[0], near[1], proxied]).await;
        assert_eq!(reply.status, 403, "{proxied}");
        for way in ["--web.config.file", "--web.enable-lifecycle", "from this host itself"] {
            assert!(reply.body.contains(way), "{way}: {}", reply.body);
        }
    }
    let stream = TcpStream::connect(&service.address).await.expect("it listens");
    let old = "POST /-/reload HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(http::over(stream, old).await.expect("an answer").status, 403);

    let service = program(&["--web.enable-lifecycle", "--web.allowed-hosts=*"]).serve().await;
    let far = ["host: watch.example.com", "x-forwarded-for: 192.0.2.1", "content-length: 0"];
    assert_eq!(service.ask("POST", "/-/reload", &far).await.status, 200);
    assert_eq!(service.ask("POST", "/-/probe?target=absent", &far).await.status, 404);
}
