//! `healthcheck`, as a container's health check runs it: beside the service, with its variables.

use super::{broken, config, pbx, target};
use crate::support::process::{Ended, Program, Service};
use pbx_exporter::sim::{Fault, Generation};

const LISTEN: &str = "PBX_EXPORTER_WEB_LISTEN_ADDRESS";

async fn check(address: &str, arguments: &[&str]) -> Ended {
    Program::new(&[&["healthcheck"], arguments].concat()).env(LISTEN, address).run().await
}

#[tokio::test]
async fn the_variable_of_the_service_leads_to_it_whatever_its_form() {
    let server = pbx(Generation::V17).await;
    let text = config(&[target("hq", server.origin(), "")]);
    for bound in ["127.0.0.1:0", "0.0.0.0:0", ":0"] {
        let flag = format!("--web.listen-address={bound}");
        let service = Program::new(&[&flag, "--config.file", "pbx.yml"]).file("pbx.yml", &text).serve().await;
        let port = service.address.rsplit(':').next().expect("a port");
        let host = bound.strip_suffix(":0").expect("a host or none");
        let ended = check(&format!("{host}:{port}"), &[]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{bound}");
        assert!(ended.stdout.ends_with(&format!(":{port}/-/healthy answers HTTP 200\n")), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_service_that_is_well_but_not_ready_fails_the_check_for_readiness_alone() {
    let server = broken(Generation::V17, Fault::Hang).await;
    let service = Service::start(&config(&[target("hq", server.origin(), "")]), &[]).await;
    assert_eq!(check(&service.address, &[]).await.code, Some(0));
    let ended = check(&service.address, &["--ready"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stderr, format!("error: http://{}/-/ready answers HTTP 503\n", service.address));
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_no_answer() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = free.local_addr().expect("bound");
    drop(free);
    for address in [silent.local_addr().expect("bound"), closed] {
        let ended = check(&address.to_string(), &[]).await;
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with(&format!("error: http://{address}/-/healthy: ")),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_service_on_every_address_that_hangs_is_waited_for_once() {
    let hanging = std::net::TcpListener::bind("[::]:0").expect("a port");
    let port = hanging.local_addr().expect("bound").port();
    let ended = check(&format!(":{port}"), &[]).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(5), 1), "{}", ended.stderr);
    assert!(ended.stderr.starts_with(&format!("error: http://127.0.0.1:{port}/")), "{}", ended.stderr);
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_mistake_of_usage() {
    let ended = check("127.0.0.1:0", &[]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--web.listen-address"), "{}", ended.stderr);
}
