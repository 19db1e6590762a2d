//! POST /-/probe: for the person who has just fixed something.

use pbx_exporter::domain::Operation;
use pbx_exporter::sim::{Fault, Generation};

use super::{broken, config, of, target};
use crate::support::process::Service;

#[tokio::test]
async fn a_fixed_secret_shows_at_once_past_the_back_off() {
    let server = broken(Generation::V16, Fault::SecretRegenerated).await;
    let service = Service::start(&config(&[target("hq", server.origin(), "")]), &[]).await;
    service.until(&of("pbx_up", "hq"), 0.0).await;
    server.pbx().set_fault(None);

    let reply = service.post("/-/probe?target=hq").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "hq: up\n"));
    assert_eq!(service.value(&of("pbx_up", "hq")).await, Some(1.0));
    assert_eq!(server.pbx().requests(Operation::Token), 2);

    let again = service.post("/-/probe?target=hq").await;
    assert_eq!(again.status, 429);
    let seconds: u64 = again.header("retry-after").parse().expect("a number");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(server.pbx().requests(Operation::Extensions), 1);
}

#[tokio::test]
async fn a_probe_that_still_fails_answers_with_the_diagnosis() {
    let server = broken(Generation::V17, Fault::RewriteBroken).await;
    let service = Service::start(&config(&[target("hq", server.origin(), "")]), &[]).await;
    service.until(&of("pbx_up", "hq"), 0.0).await;
    let reply = service.post("/-/probe?target=hq").await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.starts_with("hq: down; token: ajax_declined: "), "{}", reply.body);
    assert!(reply.body.contains("AllowOverride All"), "{}", reply.body);
}

#[tokio::test]
async fn what_is_not_asked_rightly_probes_nothing() {
    let server = broken(Generation::V16, Fault::SecretRegenerated).await;
    let service = Service::start(&config(&[target("hq", server.origin(), "")]), &[]).await;
    service.until(&of("pbx_up", "hq"), 0.0).await;
    assert_eq!(service.post("/-/probe?target=nobody").await.status, 404);
    assert_eq!(service.post("/-/probe").await.status, 400);
    let get = service.get("/-/probe?target=hq").await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
    let foreign = ["content-length: 0", "sec-fetch-site: cross-site"];
    assert_eq!(service.ask("POST", "/-/probe?target=hq", &foreign).await.status, 403);
    assert_eq!(server.pbx().requests(Operation::Token), 1);
}
