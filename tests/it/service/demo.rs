//! `pbx_exporter demo` as a person runs it.

use super::{SECOND, of};
use crate::support::process::{Program, eventually, value};

#[tokio::test]
async fn it_says_what_to_open_and_ends_by_ctrl_c() {
    let arguments = ["demo", "--web.listen-address=127.0.0.1:0", "--web.telemetry-path=/here"];
    let mut demo =
        Program::new(&arguments).env("FREEPBX_API_URL", "https://not-asked.example.com").serve().await;
    let page = format!("http://{}/ ", demo.address);
    let metrics = format!("http://{}/here ", demo.address);
    eventually("both addresses", async || {
        (demo.stdout().contains(&page) && demo.stdout().contains(&metrics)).then_some(())
    })
    .await;
    eventually("ready", async || (demo.get("/-/ready").await.status == 200).then_some(())).await;
    let metrics = demo.get("/here").await.body;
    assert_eq!(value(&metrics, &of("pbx_up", "healthy")), Some(1.0));
    assert_eq!(value(&metrics, &of("pbx_up", "declined-path")), Some(0.0));
    assert!(demo.get("/").await.body.contains("declined-path"));
    assert_eq!(demo.post("/-/reload").await.status, 200);
    demo.signal("INT").await;
    let ended = demo.ended(5 * SECOND).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("level=error"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_standard_output_that_takes_nothing_does_not_end_it() {
    let demo = Program::new(&["demo", "--web.listen-address=127.0.0.1:0"]).deaf().serve().await;
    demo.until(&of("pbx_up", "healthy"), 1.0).await;
    assert_eq!(demo.value("pbx_exporter_panics_total").await, Some(0.0));
    assert!(!demo.stderr().contains("panicked"), "{}", demo.stderr());
}
