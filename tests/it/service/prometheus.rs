//! A real Prometheus that scrapes the demo.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::http;
use crate::support::process::{Program, Service, eventually};
use crate::support::prometheus::{MISSING, Prometheus};

async fn demo() -> Service {
    Program::new(&["demo", "--web.listen-address=127.0.0.1:0"]).serve().await
}

/// Names of all series in an exposition.
fn names(exposition: &str) -> impl Iterator<Item = &str> {
    let samples = exposition.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next())
}

#[tokio::test]
#[ignore = "needs Prometheus"]
async fn prometheus_scrapes_the_demo_in_openmetrics_and_finds_every_series() {
    let demo = demo().await;
    assert!(demo.stdout().contains(&format!("http://{}/", demo.address)), "{}", demo.stdout());
    let prometheus = Prometheus::scraping(&[&demo.address], "").await;
    eventually("the demo is up", async || (prometheus.query("up").await == Some(1.0)).then_some(())).await;
    eventually("a healthy target", async || {
        (prometheus.query("pbx_up{target=\"healthy\"}").await == Some(1.0)).then_some(())
    })
    .await;
    let declined = "pbx_target_condition{target=\"declined-path\",reason=\"ajax_declined\"}";
    eventually("why another is not", async || (prometheus.query(declined).await == Some(1.0)).then_some(()))
        .await;

    let exposition = demo.metrics().await;
    eventually("each name exported is found", async || {
        let found = prometheus.api("label/__name__/values").await?;
        let found: Vec<_> = found.as_array()?.iter().filter_map(Value::as_str).collect();
        names(&exposition).all(|name| found.contains(&name)).then_some(())
    })
    .await;
    // Only OpenMetrics has the type info, and names counters without their suffix.
    for (family, kind) in [
        ("pbx_target", "info"),
        ("pbx_exporter_build", "info"),
        ("pbx_probes", "counter"),
        ("pbx_request_duration_seconds", "histogram"),
        ("pbx_up", "gauge"),
    ] {
        assert_eq!(prometheus.kind(family).await.as_deref(), Some(kind), "{family}");
    }
    let targets = prometheus.api("targets").await.expect("targets");
    let target = &targets["activeTargets"][0];
    assert_eq!((&target["health"], &target["lastError"]), (&"up".into(), &"".into()), "{}", prometheus.log());
    let own = http::send(&prometheus.address, "GET", "/metrics", &[]).await.expect("its own metrics").body;
    let trouble =
        ["_sample_duplicate_timestamp_total ", "_sample_out_of_order_total ", "_sample_out_of_bounds_total "];
    for name in trouble {
        assert!(own.contains(&format!("\nprometheus_target_scrapes{name}0\n")), "{name}");
    }
    assert!(!prometheus.log().contains("Error on ingesting"), "{}", prometheus.log());
}

#[tokio::test]
#[ignore = "needs promtool"]
async fn promtool_finds_nothing_amiss_in_the_demos_metrics() {
    let demo = demo().await;
    eventually("each target was probed", async || (demo.get("/-/ready").await.status == 200).then_some(()))
        .await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(MISSING);
    let mut input = promtool.stdin.take().expect("piped");
    input.write_all(demo.metrics().await.as_bytes()).await.expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().await.expect("promtool ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
