//! What a diagnosis draws counts as it does for the service: refusals by body, and refused tokens.

use pbx_exporter::domain::Reason;
use pbx_exporter::sim::Fault;
use pbx_exporter::sim::fixtures::Generation::{V16, V17};

use super::commands::run;
use super::transcripts::{budget, case, diagnose_with, faulty};
use crate::support::raw::{Server, ok};
use crate::support::world::UNIX;

#[tokio::test(start_paused = true)]
async fn a_denial_by_body_spends_the_budget() {
    let budget = budget(1);
    let case = faulty("scope", V17, Fault::ScopeRemoved);
    let diagnosed = diagnose_with(&case, |_| (), &budget, UNIX).await;
    assert_eq!(diagnosed.reason(), Some(Reason::InsufficientScope));
    assert!(budget.refused_lately(), "HTTP 200 with `Cannot query field` is a refusal");
    assert!(!budget.refused_credentials_lately(), "the token was accepted");
}

#[tokio::test(start_paused = true)]
async fn a_token_refused_at_a_resource_counts_as_refused_credentials() {
    for generation in [V16, V17] {
        let budget = budget(1);
        let case = faulty("rejected", generation, Fault::DropsAuthorization);
        let diagnosed = diagnose_with(&case, |_| (), &budget, UNIX).await;
        assert_eq!(diagnosed.reason(), Some(Reason::TokenRejected));
        assert!(budget.refused_credentials_lately(), "an outage after it may be a ban");
    }
}

#[tokio::test(start_paused = true)]
async fn a_diagnosis_that_goes_well_spends_nothing() {
    let budget = budget(1);
    let diagnosed = diagnose_with(&case("well", V17), |_| (), &budget, UNIX).await;
    assert_eq!(diagnosed.reason(), None);
    assert!(!budget.refused_lately(), "the harmless questions draw no refusal");
}

#[tokio::test]
async fn a_secret_header_goes_with_the_list_as_the_service_sends_it() {
    let server = Server::answering(|_| ok("{}")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let gate = folder.path().join("gate");
    std::fs::write(&gate, "made-up-gate").expect("a file");
    let keys =
        format!("auth: {{grant: static, key: made-up}}, headers: {{X-Gate: {{file: '{}'}}}}", gate.display());
    let targets = format!("- {{name: a, platform: dialpad, url: '{}', {keys}}}\n", server.http(""));
    let ended = run(&["diagnose"], &targets).await;
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.contains("made-up-gate")), "{ended:?} {requests:?}");
}
