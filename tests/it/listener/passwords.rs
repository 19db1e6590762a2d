//! Users of the web configuration file.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{basic, hash, secured};
use crate::support::http;
use crate::web::routes;

fn users() -> String {
    format!("basic_auth_users: {{alice: '{}', bob: '{}'}}\n", hash("canary-alice"), hash("canary-bob"))
}

#[tokio::test]
async fn every_route_there_is_asks_for_a_password_and_the_health_listener_does_not() {
    let service = secured(&users(), &["--web.health-listen-address=127.0.0.1:0"]).await;
    let routes = routes();
    assert!(routes.len() >= 8 && routes.iter().any(|route| route == "/oauth/callback"), "{routes:?}");
    let alice = basic("alice", "canary-alice");
    for route in routes.iter().map(String::as_str).chain(["/nowhere", "//", "/-/healthy?x", "/%2e%2e/"]) {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let reply = service.ask(method, route, &["content-length: 0"]).await;
            assert_eq!(reply.status, 401, "{method} {route}");
            assert_eq!(reply.header("www-authenticate"), "Basic", "{method} {route}");
            assert!(reply.body == "Unauthorized\n" || method == "HEAD", "{method} {route}: {}", reply.body);
        }
        let reply = service.ask("GET", route, &[&alice]).await;
        assert_ne!(reply.status, 401, "{route}");
    }
    for wrong in [basic("alice", "canary-bob"), basic("carol", "canary-alice"), basic("alice", "")] {
        assert_eq!(service.ask("GET", "/metrics", &[&wrong]).await.status, 401);
    }
    // The second address that is logged is that of the health listener.
    let log = service.stderr();
    let addresses: Vec<_> =
        log.lines().filter_map(|line| line.split_once("address=")?.1.split(' ').next()).collect();
    let health = addresses.iter().find(|address| **address != service.address).expect("two addresses");
    for (path, status) in [("/-/healthy", 200), ("/metrics", 404), ("/", 404), ("/-/reload", 404)] {
        let reply = http::send(health, "GET", path, &["host: any.example.com"]).await.expect("an answer");
        assert_eq!(reply.status, status, "{path}");
    }
    assert!(
        !log.contains("canary") && log.contains("read=\"this host, with a password, in plain text\""),
        "{log}"
    );
}

#[tokio::test]
async fn a_user_may_act_from_anywhere() {
    let service = secured(&users(), &["--web.allowed-hosts=*"]).await;
    let alice = basic("alice", "canary-alice");
    let far = ["host: watch.example.com", "x-forwarded-for: 192.0.2.1", "content-length: 0"];
    assert_eq!(service.ask("POST", "/-/reload", &[far[0], far[1], far[2], &alice]).await.status, 200);
    assert_eq!(service.ask("POST", "/-/reload", &far).await.status, 401);
}

#[tokio::test]
async fn strangers_cannot_make_the_machine_hash_all_day_nor_users_wait() {
    let dear = bcrypt::hash("canary-alice", 8).expect("a hash");
    let service = secured(&format!("basic_auth_users: {{alice: '{dear}'}}\n"), &[]).await;
    let alice = basic("alice", "canary-alice");
    assert_eq!(service.ask("GET", "/metrics", &[&alice]).await.status, 200);
    let tasks = tokio_util::task::TaskTracker::new();
    let strangers: Vec<_> = (0..60)
        .map(|n| {
            let (address, wrong) = (service.address.clone(), basic(&format!("stranger{n}"), "wrong"));
            let ask =
                async move { http::send(&address, "GET", "/", &[&wrong]).await.map(|reply| reply.status) };
            tasks.spawn(timeout(Duration::from_secs(60), ask))
        })
        .collect();
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        // By HTTP 200, not by time: one who had to queue would get a 503.
        let asked = Instant::now();
        assert_eq!(service.ask("GET", "/metrics", &[&alice]).await.status, 200);
        longest = longest.max(asked.elapsed());
    }
    println!("a user who was let in before waits for {longest:?}");
    let mut statuses = Vec::new();
    for stranger in strangers {
        statuses.push(stranger.await.expect("no panic").expect("in time").expect("an answer"));
    }
    assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
    assert!(
        statuses.iter().filter(|status| **status == 503).count() >= 20,
        "the queue is short: {statuses:?}"
    );
}

#[tokio::test]
async fn headers_are_on_every_answer_and_the_limit_comes_first() {
    let web = format!(
        "{}http_server_config: {{headers: {{X-Frame-Options: deny, Content-Security-Policy: default-src 'self'}}}}\n\
         rate_limit: {{interval: 1h, burst: 3}}\n",
        users()
    );
    let service = secured(&web, &[]).await;
    let refused = service.get("/metrics").await;
    assert_eq!((refused.status, refused.header("x-frame-options")), (401, "deny"));
    let page = service.ask("GET", "/", &[&basic("bob", "canary-bob")]).await;
    assert_eq!((page.status, page.header("x-frame-options")), (200, "deny"));
    assert!(
        page.header("content-security-policy").starts_with("default-src 'none'"),
        "the page's own is stricter"
    );
    assert_eq!(service.get("/").await.status, 401);
    let limited = service.ask("GET", "/metrics", &[&basic("bob", "canary-bob")]).await;
    assert_eq!((limited.status, limited.body.as_str()), (429, "Too Many Requests\n"));
}
