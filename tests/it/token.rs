//! The life of a token: kept, renewed, dropped, backed off. Virtual time.

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::budget::Origin;
use pbx_exporter::clock::Clock;
use pbx_exporter::control::ProbeNow;
use pbx_exporter::domain::platform::Platform;
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::{
    Exchange, Grant, Operation, Phase, Phases, Reason, SecretSource, Target, TransportError,
};
use pbx_exporter::probe::Probe;
use pbx_exporter::sim::fault::Fault;
use pbx_exporter::sim::fixtures::{Generation, find};
use pbx_exporter::sim::target::{NATIVE_ID, PASSWORD, SECRET, USER, target};
use pbx_exporter::sim::{SimPbx, SimRequest, SimTransport, Simulated};
use pbx_exporter::transport::Transport;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::support::world::{UNIX, World, around, minutes, origin, pbx, seconds, usual};

fn secret(text: &str) -> SecretSource {
    SecretSource::Literal(SecretString::from(text))
}

fn token_requests(pbx: &SimPbx) -> u64 {
    pbx.requests(Operation::Token)
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_many_probes_and_is_renewed_every_token_interval() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(14).await;
    assert_eq!(token_requests(&pbx), 1);
    assert!(pbx.requests(Operation::Extensions) >= 14);
    minutes(46).await;
    assert_eq!(token_requests(&pbx), 4, "every 15 minutes");
    let state = world.state();
    assert_eq!((state.up, state.extensions, state.probe_failures), (Some(true), Some(3), 0));
    let token = state.token.expect("a token in use");
    assert_eq!(token.expiry, Some(token.issued_unix + 3600.0));
    assert_eq!(state.renewal_due, Some(token.issued_unix + 900.0));
    assert!(token.issued_unix >= UNIX + 45.0 * 60.0);
}

#[tokio::test(start_paused = true)]
async fn the_password_grant_renews_by_refresh_token_and_honours_rotation() {
    for generation in Generation::ALL {
        let (pbx, transport) = pbx(generation);
        let world = World::start(transport, [usual(Grant::Password)]).await;
        minutes(60).await;
        assert_eq!(pbx.token_requests_by_grant(Grant::Password), 1, "{generation:?}");
        assert_eq!(pbx.token_requests_by_grant(Grant::RefreshToken), 3, "{generation:?}");
        let state = world.state();
        assert_eq!((state.probe_failures, state.token_rejections), (0, 0), "{generation:?}");
        let counts: Vec<_> = state.grants.iter().map(|c| (c.grant, c.requests)).collect();
        assert_eq!(counts, [(Grant::Password, 1), (Grant::RefreshToken, 3)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_an_early_warning_while_the_old_token_serves() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(5).await;
    pbx.set_fault(Some(Fault::SecretRegenerated));
    minutes(20).await;
    let state = world.state();
    assert_eq!(state.up, Some(true));
    assert_eq!(state.endpoint(Operation::Token).up, Some(false));
    assert_eq!(state.endpoint(Operation::Extensions).up, Some(true));
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidClient));
    assert!(world.diagnosis(Operation::Token).contains("Meanwhile the previous token stays in use"));
    assert!(state.wait == Duration::from_secs(60), "the probe does not wait for the token's back-off");

    minutes(60).await;
    let state = world.state();
    assert_eq!(state.up, Some(false), "the old token has expired");
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidClient));
    assert!(!world.diagnosis(Operation::Token).contains("stays in use"));
    assert_eq!(state.endpoint(Operation::Extensions).up, None, "it cannot be called without a token");
    assert!(state.token.is_none());
    assert!(state.renewal_due.is_some_and(|due| due < UNIX + 1000.0), "due stays when the token is dropped");

    pbx.set_fault(None);
    minutes(61).await;
    assert_eq!(world.state().up, Some(true));
    assert_eq!(world.reason(Operation::Token), None);
}

/// Token requests in the hour after `fault` strikes a target that has been well for `before` minutes.
async fn requests_in_the_first_hour(
    generation: Generation,
    target: Target,
    before: u64,
    fault: Fault,
) -> u64 {
    let (pbx, transport) = pbx(generation);
    if before == 0 {
        pbx.set_fault(Some(fault.clone()));
    }
    let _world = World::start(transport, [target]).await;
    minutes(before).await;
    let known = token_requests(&pbx);
    pbx.set_fault(Some(fault));
    minutes(60).await;
    token_requests(&pbx) - known
}

#[tokio::test(start_paused = true)]
async fn a_refused_secret_is_tried_four_times_in_the_first_hour() {
    for grant in [Grant::ClientCredentials, Grant::Password] {
        let count = requests_in_the_first_hour(Generation::V16, usual(grant), 0, Fault::SecretRegenerated);
        assert_eq!(count.await, 4, "at 0, 5, 15 and 35 minutes, {grant}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_leaves_at_most_four_token_requests_in_an_hour() {
    let refused = ["wrong user password", "refresh token revoked", "wrong secret"]
        .map(|name| Fault::Fixture(find(name, Generation::V16)));
    let faults = refused.into_iter().chain([
        Fault::SecretRegenerated,
        Fault::ApplicationDeleted,
        Fault::RejectAllTokens,
        Fault::AllowedScopesUnknownWord,
        Fault::DropsAuthorization,
    ]);
    for fault in faults {
        for generation in Generation::ALL {
            if generation == Generation::V17 && fault == Fault::AllowedScopesUnknownWord {
                // Later 17 skips the word and gives a good token without scopes: a denial, not a refusal.
                continue;
            }
            for grant in [Grant::ClientCredentials, Grant::Password] {
                for before in [0, 14] {
                    let count =
                        requests_in_the_first_hour(generation, usual(grant), before, fault.clone()).await;
                    // 17.0.1 checks no secret, and where tokens are good they are renewed as ever.
                    let limit = 4;
                    assert!(
                        count <= limit,
                        "{count} for {fault:?}, {generation:?}, {grant}, well for {before} min"
                    );
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_in_mid_life_leads_to_one_new_token_and_one_retry() {
    for generation in Generation::ALL {
        let (pbx, transport) = pbx(generation);
        let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
        minutes(3).await;
        let lists = pbx.requests(Operation::Extensions);
        pbx.revoke_tokens();
        minutes(1).await;
        assert_eq!(token_requests(&pbx), 2, "{generation:?}");
        assert_eq!(pbx.requests(Operation::Extensions), lists + 2, "{generation:?}");
        let state = world.state();
        assert_eq!((state.up, state.token_rejections, state.probe_failures), (Some(true), 1, 0));
        let failures = &state.endpoint(Operation::Extensions).failures;
        assert_eq!(failures[Reason::TokenRejected.index()], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_regenerated_key_ends_the_refresh_token_too_and_one_new_grant_follows() {
    let (pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [usual(Grant::Password)]).await;
    minutes(3).await;
    pbx.regenerate_keys();
    minutes(1).await;
    assert_eq!(pbx.token_requests_by_grant(Grant::RefreshToken), 1);
    assert_eq!(pbx.token_requests_by_grant(Grant::Password), 2);
    assert_eq!(world.state().up, Some(true));
    assert_eq!(world.state().endpoint(Operation::Token).up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_token_rejected_straight_after_issue_backs_off_and_says_so() {
    let (pbx, transport) = pbx(Generation::V17);
    pbx.set_fault(Some(Fault::RejectAllTokens));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(30).await;
    assert_eq!((token_requests(&pbx), pbx.requests(Operation::Extensions)), (1, 1));
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::TokenRejected));
    assert_eq!(world.state().endpoint(Operation::Token).up, Some(true), "it did give a token");
    assert_eq!(world.state().wait, Duration::from_secs(300));
    assert!(world.diagnosis(Operation::Extensions).contains("issued a moment ago"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_refresh_gives_the_old_token_up() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::Password)]).await;
    seconds(14 * 60 + 50).await;
    let lists = pbx.requests(Operation::Extensions);
    pbx.set_fault(Some(Fault::Hang));
    minutes(1).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::Timeout));
    assert_eq!(world.state().endpoint(Operation::Extensions).up, None, "the refresh may have revoked it");
    assert_eq!(pbx.requests(Operation::Extensions), lists, "so the old token is not used any more");
    pbx.set_fault(None);
    minutes(2).await;
    assert_eq!(world.state().up, Some(true));
    assert_eq!(world.state().token_rejections, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_without_another_grant_needs_a_person_and_stops_asking() {
    let (pbx, transport) = pbx(Generation::V16);
    let mut target = usual(Grant::Password);
    target.auth.grant = Grant::RefreshToken;
    target.auth.refresh_token = Some(secret("long-dead-refresh-token"));
    let world = World::start(transport, [target.clone()]).await;
    minutes(180).await;
    assert_eq!(token_requests(&pbx), 1);
    assert_eq!(world.reason(Operation::Token), Some(Reason::AuthorizationRequired));
    let state = world.state();
    assert_eq!(state.up, Some(false));
    assert!(state.probes > 100, "it stays fresh on the board");
    assert_eq!(state.grants[0].failures[Reason::InvalidGrant.index()], 1, "counted as what it was");
    assert_eq!(state.grants[0].failures[Reason::AuthorizationRequired.index()], 0);

    target.auth.refresh_token = Some(secret("another-dead-refresh-token"));
    world.replace([target]).await;
    minutes(1).await;
    assert_eq!(token_requests(&pbx), 2, "a new one is tried at once");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_allowed_scope_on_16_is_told_by_the_first_answer() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::AllowedScopesUnknownWord));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(10).await;
    assert_eq!(token_requests(&pbx), 1, "no second question");
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidScope));
    let failures = world.state().grants[0].failures.clone();
    assert_eq!(failures[Reason::ServerError.index()], 0);
    minutes(11).await;
    assert!((2..=3).contains(&token_requests(&pbx)), "{}", token_requests(&pbx));
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidScope));
}

#[tokio::test(start_paused = true)]
async fn a_hidden_crash_on_16_stays_a_server_error_with_all_causes() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(hidden_crash()));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    seconds(5).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::ServerError));
    let diagnosis = world.diagnosis(Operation::Token);
    assert!(diagnosis.contains("Allowed Scopes") && diagnosis.contains("key files"), "{diagnosis}");
    assert_eq!(token_requests(&pbx), 2);
    seconds(65).await;
    assert_eq!(token_requests(&pbx), 3, "the second question is asked once");
    assert_eq!(world.reason(Operation::Token), Some(Reason::ServerError));
}

/// A page of 15 and 16 that says nothing: its details are off.
fn hidden_crash() -> Fault {
    Fault::Fixture(find("hidden crash at the token endpoint", Generation::V16))
}

/// A probe by itself, to be asked by many at once.
fn lone_probe(generation: Generation) -> (Arc<SimPbx>, Arc<Probe>) {
    let (pbx, transport) = pbx(generation);
    let origin = Arc::new(Origin::new(1000, Duration::from_secs(2400)));
    let target = Arc::new(usual(Grant::ClientCredentials));
    (pbx, Arc::new(Probe::new(target, None, transport, origin, Clock::steered(UNIX))))
}

async fn ask_at_once(probe: &Arc<Probe>, askers: usize) -> usize {
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..askers {
        let probe = probe.clone();
        asked.spawn(async move {
            let outcome = probe.pass(&CancellationToken::new()).await;
            outcome.is_ok_and(|outcome| outcome.is_success())
        });
    }
    asked.join_all().await.into_iter().filter(|success| *success).count()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_askers_make_one_token_request() {
    let (pbx, probe) = lone_probe(Generation::V16);
    pbx.set_fault(Some(Fault::Slow(Duration::from_secs(1))));
    assert_eq!(ask_at_once(&probe, 100).await, 100);
    assert_eq!(token_requests(&pbx), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_askers_make_one_request_that_is_refused() {
    let (pbx, probe) = lone_probe(Generation::V16);
    pbx.set_fault(Some(Fault::SecretRegenerated));
    assert_eq!(ask_at_once(&probe, 100).await, 0);
    assert_eq!(token_requests(&pbx), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_secret_file_ends_the_back_off_within_the_failure_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "not-the-secret\n").expect("written");
    let (pbx, transport) = pbx(Generation::V16);
    let mut target = usual(Grant::ClientCredentials);
    target.auth.client_secret = Some(SecretSource::File(path.clone()));
    let world = World::start(transport, [target]).await;
    minutes(40).await;
    assert_eq!(token_requests(&pbx), 4);
    assert_eq!(world.state().probes, 4, "looking at the file is no probe");
    std::fs::write(&path, pbx_exporter::sim::target::SECRET).expect("written");
    seconds(16).await;
    assert_eq!(world.state().up, Some(true));
    assert_eq!(token_requests(&pbx), 5);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_secret_file_is_our_own_error_and_sends_nothing() {
    let (pbx, transport) = pbx(Generation::V16);
    let mut target = usual(Grant::ClientCredentials);
    target.auth.client_secret = Some(SecretSource::File("/nonexistent/secret".into()));
    let world = World::start(transport, [target]).await;
    seconds(5).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::ExporterError));
    assert!(world.diagnosis(Operation::Token).contains("/nonexistent/secret"));
    assert_eq!(token_requests(&pbx), 0);
    let state = world.state();
    assert_eq!(state.grants[0].failures[Reason::ExporterError.index()], 1, "counted all the same");
    let token = state.endpoint(Operation::Token);
    assert!(token.condition.as_ref().is_some_and(|condition| condition.cause == "secret_unreadable"));
    assert!(token.ok == 0 && token.others.is_empty(), "but not as an answer that did not come");
}

#[tokio::test(start_paused = true)]
async fn targets_with_the_same_origin_keep_their_own_tokens() {
    let (pbx, transport) = pbx(Generation::V17);
    let rest = target("rest", &origin(), Grant::Password, Call::known("rest"));
    let world = World::start(transport, [usual(Grant::ClientCredentials), rest]).await;
    seconds(5).await;
    assert_eq!(token_requests(&pbx), 2);
    assert_eq!(world.state_of("rest").extensions, Some(3));
}

#[tokio::test(start_paused = true)]
async fn refused_refreshes_and_rejected_tokens_together_leave_four_requests_in_an_hour() {
    for before in [0, 8] {
        let (pbx, transport) = pbx(Generation::V16);
        pbx.set_fault((before == 0).then_some(Fault::RejectAllTokens));
        // As one of two PBXes behind one address would answer.
        let refused = answers_refreshes(&transport, "refresh token revoked");
        let _world = World::start(refused, [usual(Grant::Password)]).await;
        minutes(before).await;
        let known = token_requests(&pbx);
        pbx.set_fault(Some(Fault::RejectAllTokens));
        minutes(60).await;
        assert!(
            token_requests(&pbx) - known <= 4,
            "{} when well for {before} min",
            token_requests(&pbx) - known
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_interruption_changes_neither_the_reason_nor_the_pace_of_an_unknown_allowed_scope() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(Fault::AllowedScopesUnknownWord));
    let world = World::start(transport.clone(), [usual(Grant::ClientCredentials)]).await;
    minutes(4).await;
    pbx.set_fault(Some(Fault::Html502));
    minutes(2).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::ServerError));
    pbx.set_fault(Some(Fault::AllowedScopesUnknownWord));
    let known = token_requests(&pbx);
    minutes(60).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidScope));
    assert!(token_requests(&pbx) - known <= 4, "{}", token_requests(&pbx) - known);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_in_between_is_not_taken_for_the_cause_of_a_bare_error_page() {
    let (pbx, transport) = pbx(Generation::V16);
    pbx.set_fault(Some(hidden_crash()));
    let world = World::start(transport.clone(), [usual(Grant::ClientCredentials)]).await;
    seconds(20).await;
    let silence = TransportError::Timeout { limit: Duration::from_secs(10), phase: Phase::Connect };
    transport.fail(&origin(), Some(silence));
    seconds(65).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::Timeout));
    transport.fail(&origin(), None);
    minutes(5).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::ServerError));
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_was_added_shows_at_the_next_retry_and_to_whoever_asks() {
    for grant in [Grant::ClientCredentials, Grant::Password] {
        let (pbx, transport) = pbx(Generation::V17);
        pbx.set_fault(Some(Fault::ScopeRemoved));
        let world = World::start(transport, [usual(grant)]).await;
        minutes(1).await;
        assert_eq!(world.reason(Operation::Extensions), Some(Reason::InsufficientScope));
        pbx.set_fault(None);
        minutes(5).await;
        assert_eq!(world.state().up, Some(true), "{grant}: the retry takes a new token");

        pbx.set_fault(Some(Fault::ScopeRemoved));
        // A refresh keeps the scopes that the first grant gave.
        pbx.revoke_tokens();
        minutes(2).await;
        assert_eq!(world.reason(Operation::Extensions), Some(Reason::InsufficientScope));
        pbx.set_fault(None);
        assert_eq!(world.handle.probe_now("office".into()).await, ProbeNow::Done);
        assert_eq!(world.state().up, Some(true), "{grant}: and so does a probe on request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_on_request_asks_the_token_endpoint_also_while_an_old_token_serves() {
    let (pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(5).await;
    pbx.set_fault(Some(Fault::SecretRegenerated));
    minutes(15).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidClient));
    pbx.set_fault(None);
    assert_eq!(world.handle.probe_now("office".into()).await, ProbeNow::Done);
    assert_eq!(world.state().endpoint(Operation::Token).up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_rotated_refresh_token_outlives_other_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, SECRET).expect("written");
    let (pbx, transport) = pbx(Generation::V16);
    // A first refresh token, as a person would have obtained it.
    let first = first_refresh_token(&pbx);
    let mut target = usual(Grant::Password);
    target.auth.grant = Grant::RefreshToken;
    target.auth.client_secret = Some(SecretSource::File(path.clone()));
    target.auth.refresh_token = Some(first);
    let world = World::start(transport, [target.clone()]).await;
    minutes(10).await;
    assert_eq!(world.state().up, Some(true));

    target.interval = Duration::from_secs(30);
    world.replace([target]).await;
    minutes(55).await;
    assert_eq!(world.state().up, Some(true), "a reload that changes the interval keeps it");
    assert_eq!(pbx.token_requests_by_grant(Grant::RefreshToken), 2);

    std::fs::write(&path, "not-the-secret").expect("written");
    minutes(60).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidClient));
    std::fs::write(&path, SECRET).expect("written");
    minutes(2).await;
    assert_eq!(world.state().up, Some(true), "a fixed client secret keeps it");
}

fn first_refresh_token(pbx: &SimPbx) -> SecretSource {
    secret(&first_refresh_token_text(pbx))
}

/// One that the user got elsewhere.
pub fn first_refresh_token_text(pbx: &SimPbx) -> String {
    let form = [
        ("grant_type", "password"),
        ("client_id", NATIVE_ID),
        ("client_secret", SECRET),
        ("username", USER),
        ("password", PASSWORD),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut headers = http::HeaderMap::new();
    let form = http::HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(http::header::CONTENT_TYPE, form);
    let path_and_query = "/admin/api/api/token".to_owned();
    let answer =
        pbx.answer(&SimRequest { method: http::Method::POST, path_and_query, headers, body: body.into() });
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    answer["refresh_token"].as_str().expect("a refresh token").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_list_never_accepted_is_renewed_when_the_keys_change() {
    let (pbx, transport) = pbx(Generation::V17);
    pbx.set_fault(Some(Fault::Http500));
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    // The token endpoint answers, the list fails for its own cause.
    pbx.set_fault(Some(Fault::QueryFails));
    minutes(5).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::QueryFailed));
    pbx.set_fault(None);
    pbx.regenerate_keys();
    minutes(1).await;
    assert_eq!(world.state().up, Some(true));
    assert_eq!(world.state().token_rejections, 1);
}

#[tokio::test(start_paused = true)]
async fn a_missing_scope_costs_no_token_where_a_new_one_ends_the_one_in_use() {
    for (one_live_token, more) in [(false, true), (true, false)] {
        let (pbx, transport) = pbx(Generation::V17);
        let mut target = usual(Grant::ClientCredentials);
        let mut platform = Platform::clone(&target.platform);
        platform.token.as_mut().unwrap().one_live_token = one_live_token;
        (target.platform, target.token_interval) = (Arc::new(platform), None);
        pbx.set_fault(Some(Fault::ScopeRemoved));
        let world = World::start(transport, [target]).await;
        minutes(30).await;
        assert_eq!(world.reason(Operation::Extensions), Some(Reason::InsufficientScope));
        assert_eq!(token_requests(&pbx) > 1, more);
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_ends_all_tokens_blinds_no_target() {
    for grant in [Grant::ClientCredentials, Grant::Password] {
        let (pbx, transport) = pbx(Generation::V17);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let targets = names.map(|name| target(name, &origin(), grant, Call::known("graphql")));
        let world = World::start(transport, Vec::from(targets)).await;
        minutes(5).await;
        pbx.regenerate_keys();
        minutes(3).await;
        for name in names {
            assert_eq!(world.state_of(name).up, Some(true), "{name}, {grant}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_refresh_whatever_the_word_is_followed_by_one_new_grant() {
    for name in ["unknown grant type", "bad scope"] {
        let (pbx, transport) = pbx(Generation::V16);
        let world = World::start(answers_refreshes(&transport, name), [usual(Grant::Password)]).await;
        minutes(16).await;
        assert_eq!(pbx.token_requests_by_grant(Grant::Password), 2, "{name}");
        assert_eq!(world.state().up, Some(true), "{name}");
    }
}

/// Answers each refresh with the fixture of that name before the PBX sees it.
fn answers_refreshes(inner: &Arc<SimTransport>, name: &'static str) -> Arc<dyn Transport> {
    around(inner, move |sent| async move {
        if !sent.request.body.windows(24).any(|part| part == b"grant_type=refresh_token") {
            return sent.arrive().await;
        }
        let answer = find(name, Generation::V16).answer();
        let (duration, phases, status) = (Duration::ZERO, Phases::default(), Some(answer.status));
        Exchange { result: Ok(answer), duration, phases, status, certificate_expiry: None }
    })
}

#[tokio::test(start_paused = true)]
async fn a_refresh_refused_for_its_request_does_not_take_the_refresh_token_for_dead() {
    let (pbx, transport) = pbx(Generation::V16);
    let mut target = usual(Grant::Password);
    target.auth.grant = Grant::RefreshToken;
    target.auth.refresh_token = Some(first_refresh_token(&pbx));
    let world = World::start(answers_refreshes(&transport, "bad scope"), [target]).await;
    minutes(1).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidScope));
}
