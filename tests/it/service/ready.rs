//! When the service calls itself ready. The cap of 60 s is tested in virtual time elsewhere.

use pbx_exporter::sim::Generation;
use wiremock::ResponseTemplate;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use super::{SECOND, config, of, pbx, target};
use crate::support::process::{Service, eventually};

#[tokio::test]
async fn ready_once_each_target_was_probed_and_a_pbx_that_hangs_was_given_up() {
    let (well, hangs) = (pbx(Generation::V17).await, MockServer::start().await);
    let late = ResponseTemplate::new(200).set_delay(600 * SECOND);
    Mock::given(any()).respond_with(late).mount(&hangs).await;
    let targets = [target("well", well.origin(), ""), target("hangs", hangs.uri(), "timeout: 2s")];
    let service = Service::start(&config(&targets), &[]).await;
    assert_eq!(service.get("/-/healthy").await.status, 200);
    service.until(&of("pbx_up", "well"), 1.0).await;
    let unready = service.get("/-/ready").await;
    // In one scrape's time the two seconds cannot have passed, unless the machine stood still.
    if service.value(&of("pbx_up", "hangs")).await.is_none() {
        assert_eq!(unready.status, 503, "{}", unready.body);
    }
    eventually("ready", async || (service.get("/-/ready").await.status == 200).then_some(())).await;
    assert_eq!(service.value(&of("pbx_up", "hangs")).await, Some(0.0));
}

#[tokio::test]
async fn a_target_that_is_down_does_not_keep_the_service_from_being_ready() {
    let service = Service::start(&config(&[target("gone", "http://127.0.0.1:9", "")]), &[]).await;
    eventually("ready", async || (service.get("/-/ready").await.status == 200).then_some(())).await;
    assert_eq!(service.value(&of("pbx_up", "gone")).await, Some(0.0));
}
