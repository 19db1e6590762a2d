//! The application inside this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pbx_exporter::app::{App, Setup};
use pbx_exporter::config::Config;
use pbx_exporter::control::ProbeNow;
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::{Grant, Operation};
use pbx_exporter::listener::{Settings, Socket};
use pbx_exporter::metrics::ExporterMetrics;
use pbx_exporter::sim::{Generation, SimServer};
use tokio::net::TcpListener;

use super::pbx;
use crate::support::process::eventually;

/// A set-up that watches `server`; its loader counts and always fails.
async fn setup(server: &SimServer, telemetry_path: &str) -> (Setup, Arc<AtomicUsize>) {
    let call = Call::known("graphql");
    let target = pbx_exporter::sim::target::target("hq", server.origin(), Grant::ClientCredentials, call);
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = loads.clone();
    let setup = Setup {
        config: Config { targets: vec![Arc::new(target)], ..Config::default() },
        loader: Arc::new(move || Err(format!("load {} fails", counted.fetch_add(1, Ordering::SeqCst)))),
        listener: Settings {
            telemetry_path: telemetry_path.to_owned(),
            ..Settings::on(vec![Socket::bind("127.0.0.1:0").await.expect("a port")])
        },
        metrics: ExporterMetrics::new(),
    };
    (setup, loads)
}

#[tokio::test]
async fn a_stopped_app_is_unready_frees_its_port_and_answers_nobody() {
    let server = pbx(Generation::V17).await;
    let (setup, _) = setup(&server, "/metrics").await;
    let address = setup.listener.sockets[0].address();
    let app = App::start(setup).await.expect("it starts");
    let control = app.control();
    eventually("ready", async || control.ready().then_some(())).await;
    assert!(app.stop().await, "nothing had to be left behind");
    assert!(!control.ready());
    assert_eq!(control.probe_now("hq").await, ProbeNow::Stopping);
    TcpListener::bind(address).await.expect("the port is free again");
    assert_eq!(server.pbx().requests(Operation::Extensions), 1);
}

#[tokio::test]
async fn a_reload_uses_the_loader_and_gives_its_error() {
    let server = pbx(Generation::V17).await;
    let (setup, loads) = setup(&server, "/metrics").await;
    let app = App::start(setup).await.expect("it starts");
    let control = app.control();
    assert_eq!(control.reload().await, Err("load 0 fails".to_owned()));
    assert_eq!(control.reload().await, Err("load 1 fails".to_owned()));
    assert_eq!(loads.load(Ordering::SeqCst), 2);
    assert_eq!(control.probe_now("hq").await, ProbeNow::Done);
    assert!(app.stop().await);
}

#[tokio::test]
async fn a_telemetry_path_that_cannot_be_starts_nothing() {
    let server = pbx(Generation::V17).await;
    let (setup, _) = setup(&server, "/-/metrics").await;
    let metrics = setup.metrics.clone();
    assert!(App::start(setup).await.is_err());
    assert_eq!(Arc::strong_count(&metrics), 1, "nothing runs that could count");
}
