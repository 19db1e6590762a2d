//! What the keeper makes of the files, over restarts and mishaps.

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::domain::{Grant, Operation, Reason, SecretSource, TransportError};
use pbx_exporter::sim::target::SECRET;
use pbx_exporter::sim::{Fault, SimRingme, SimTransport};
use pbx_exporter::store::Store;
use secrecy::SecretString;

use super::{Place, confirmed, due};
use crate::support::person::{confirm, settings};
use crate::support::world::{UNIX, World, minutes, origin, seconds, usual};

#[tokio::test(start_paused = true)]
async fn a_restart_needs_no_new_token() {
    for grant in [Grant::ClientCredentials, Grant::Password] {
        let place = Place::new();
        place.start(usual(grant)).works("first").await;
        minutes(10).await;
        let life = place.start(usual(grant));
        life.works("second").await;
        assert_eq!(place.pbx.requests(Operation::Token), 1, "{grant}");
        minutes(6).await;
        life.works("renewed by the usual rule").await;
        assert_eq!(place.pbx.requests(Operation::Token), 2, "{grant}");
        drop(life);
        minutes(61).await;
        place.start(usual(grant)).works("an expired one is not used").await;
        assert_eq!(place.pbx.requests(Operation::Token), 3, "{grant}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_secret_shows_at_the_restart_although_a_token_was_kept() {
    let place = Place::new();
    place.start(usual(Grant::ClientCredentials)).works("first").await;
    let mut target = usual(Grant::ClientCredentials);
    target.auth.client_secret = Some(SecretSource::Literal(SecretString::from("not-the-secret")));
    assert_eq!(place.start(target).fails().await.reason(), Reason::InvalidClient);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_nobody_confirmed_sends_nothing_and_says_what_to_do() {
    let place = Place::new();
    let life = place.start(usual(Grant::AuthorizationCode));
    for _ in 0..3 {
        let told = life.wants_a_person().await;
        assert!(
            told.contains("Nobody has confirmed")
                && told.contains("pbx_exporter --config.file FILE authorize office"),
            "{told}"
        );
        minutes(1).await;
    }
    assert_eq!(place.pbx.requests(Operation::Token), 0);
    place.confirm().await;
    life.works("confirmed meanwhile").await;
    assert_eq!(place.refreshes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_outlives_restarts_and_renews_near_expiry_only() {
    let place = Place::new();
    place.confirm().await;
    for restart in 0..20 {
        place.start(usual(Grant::AuthorizationCode)).works(&format!("restart {restart}")).await;
        minutes(10).await;
    }
    assert_eq!(place.refreshes(), 3, "200 minutes, each token renewed 5 minutes before its hour ends");
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_stays_dead_over_a_restart_and_goes_on_once_confirmed() {
    let (place, life) = confirmed().await;
    drop(life);
    place.pbx.revoke_tokens();
    let life = place.start(usual(Grant::AuthorizationCode));
    let told = life.wants_a_person().await;
    assert!(
        told.contains("was revoked") && told.contains("pbx_exporter --config.file FILE authorize office"),
        "{told}"
    );
    let asked = place.pbx.requests(Operation::Token);
    drop(life);
    let life = place.start(usual(Grant::AuthorizationCode));
    let told = life.wants_a_person().await;
    assert!(told.contains("The PBX refused the refresh token on Fri, 15 Jan 2027"), "{told}");
    assert_eq!(place.pbx.requests(Operation::Token), asked, "no request was sent");
    place.confirm().await;
    life.works("confirmed again").await;
}

#[tokio::test(start_paused = true)]
async fn a_running_exporter_goes_on_by_itself_within_the_failure_interval() {
    let place = Place::new();
    let store = Arc::new(Store::new(&settings(place.path())));
    let world =
        World::start_with(place.transport.clone(), Some(store), [usual(Grant::AuthorizationCode)]).await;
    minutes(20).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::AuthorizationRequired));
    assert_eq!(world.state().endpoint(Operation::Token).up, Some(false));
    assert_eq!(world.state().grants[0].failures[Reason::AuthorizationRequired.index()], 0, "in no counter");
    place.confirm().await;
    seconds(16).await;
    assert_eq!(world.reason(Operation::Token), None);
    assert_eq!((world.state().up, world.state().extensions), (Some(true), Some(3)));
    minutes(180).await;
    assert_eq!((world.state().up, place.refreshes()), (Some(true), 3));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_ends_a_back_off_too() {
    let place = Place::new();
    place.confirm().await;
    let store = Arc::new(Store::new(&settings(place.path())));
    place.pbx.set_fault(Some(Fault::SecretRegenerated));
    let world =
        World::start_with(place.transport.clone(), Some(store), [usual(Grant::AuthorizationCode)]).await;
    minutes(62).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidClient));
    place.pbx.set_fault(None);
    place.confirm().await;
    seconds(16).await;
    assert_eq!(world.state().up, Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_told_once_the_refresh_token_turns_out_to_be_used_up() {
    let (place, life) = due().await;
    place.pbx.set_fault(Some(Fault::Hang));
    assert_eq!(life.fails().await.reason(), Reason::Timeout);
    place.pbx.set_fault(None);
    drop(life);
    minutes(1).await;
    let told = place.start(usual(Grant::AuthorizationCode)).wants_a_person().await;
    assert!(told.contains("The answer to the refresh of Fri, 15 Jan 2027"), "{told}");
    assert!(told.contains("was lost: the PBX had most likely replaced this token already"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_surely_never_reached_the_pbx_leaves_no_doubt_behind() {
    let (place, life) = due().await;
    place.transport.fail(&origin(), Some(TransportError::Connect("refused".into())));
    assert_eq!(life.fails().await.reason(), Reason::Connect);
    place.transport.fail(&origin(), None);
    place.pbx.revoke_tokens();
    minutes(1).await;
    let told = life.wants_a_person().await;
    assert!(!told.contains("answer"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_configured_refresh_token_goes_on_where_it_was_after_a_restart_until_a_new_one_is_configured() {
    let place = Place::new();
    let target = |text: &str| {
        let mut target = usual(Grant::Password);
        target.auth.grant = Grant::RefreshToken;
        target.auth.refresh_token = Some(SecretSource::Literal(SecretString::from(text)));
        target
    };
    let first = crate::token::first_refresh_token_text(&place.pbx);
    for restart in 0..3 {
        place.start(target(&first)).works(&format!("restart {restart}")).await;
        minutes(56).await;
    }
    assert_eq!(place.refreshes(), 3);
    place.pbx.revoke_tokens();
    place.start(target(&first)).wants_a_person().await;
    let asked = place.refreshes();
    place.start(target(&first)).wants_a_person().await;
    assert_eq!(place.refreshes(), asked, "a dead one is not sent again");
    let second = crate::token::first_refresh_token_text(&place.pbx);
    place.start(target(&second)).works("a new one is configured").await;
}

#[tokio::test(start_paused = true)]
async fn a_corrected_client_secret_goes_on_with_the_kept_refresh_token_after_a_restart() {
    for grant in [Grant::AuthorizationCode, Grant::RefreshToken] {
        let place = Place::new();
        let secret = place.path().join("secret");
        let mut target = usual(Grant::AuthorizationCode);
        if grant == Grant::RefreshToken {
            target = usual(Grant::Password);
            let seed = crate::token::first_refresh_token_text(&place.pbx);
            target.auth.refresh_token = Some(SecretSource::Literal(SecretString::from(seed)));
            target.auth.grant = grant;
        } else {
            place.confirm().await;
        }
        target.auth.client_secret = Some(SecretSource::File(secret.clone()));
        std::fs::write(&secret, SECRET).expect("written");
        let life = place.start(target.clone());
        life.works("first").await;
        minutes(56).await;
        life.works("renewed").await;
        drop(life);
        minutes(61).await;
        std::fs::write(&secret, "not-the-secret").expect("written");
        let life = place.start(target);
        assert_eq!(life.fails().await.reason(), Reason::InvalidClient, "{grant}");
        std::fs::write(&secret, SECRET).expect("written");
        life.works(&format!("corrected, {grant}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_storage_a_confirmed_target_sends_nothing_and_any_other_goes_on() {
    let place = Place::new();
    place.confirm().await;
    let other = Store::new(&settings(place.path()));
    other.own().expect("free");
    let life = place.start(usual(Grant::AuthorizationCode));
    let failure = life.fails().await;
    assert_eq!(failure.reason(), Reason::ExporterError);
    assert!(life.told(&failure).contains("in use by another pbx_exporter"), "{}", life.told(&failure));
    assert_eq!(place.refreshes(), 0);
    place.start(usual(Grant::ClientCredentials)).works("it can do without").await;
    drop(other);
    let outcome = life.pass().await;
    assert!(outcome.is_success(), "the other one has ended");
    assert_eq!(outcome.token, Some(Ok(())), "which ends the condition");
}

#[tokio::test(start_paused = true)]
async fn a_public_application_of_ringme_is_confirmed_renewed_and_confirmed_again() {
    let pbx = Arc::new(SimRingme::new(pbx_exporter::clock::Clock::steered(UNIX)));
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let folder = tempfile::tempdir().expect("a folder");
    let (store, settings) = (Arc::new(Store::new(&settings(folder.path()))), settings(folder.path()));
    let target = pbx_exporter::sim::ringme::target("office", &origin(), Grant::AuthorizationCode);
    let world = World::start_with(transport.clone(), Some(store), [target.clone()]).await;
    minutes(5).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::AuthorizationRequired));
    let command = Arc::new(Store::new(&settings));
    let clock = pbx_exporter::clock::Clock::steered(UNIX);
    for requests in [1, 4] {
        confirm(&*pbx, &*transport, &target, &command, clock).await.expect("confirmed");
        minutes(1).await;
        assert_eq!((world.state().up, pbx.requests(Operation::Token)), (Some(true), requests));
        // Its manual: a token may end before its time.
        pbx.end_tokens();
        minutes(1).await;
        assert_eq!((world.state().up, pbx.requests(Operation::Token)), (Some(true), requests + 1));
        pbx.end_refresh_tokens();
        pbx.end_tokens();
        minutes(60).await;
        assert_eq!(world.reason(Operation::Token), Some(Reason::AuthorizationRequired));
        assert_eq!(pbx.requests(Operation::Token), requests + 2, "the refused one, and then none");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_during_a_refresh_leaves_one_keeper_of_the_refresh_token() {
    let place = Place::new();
    place.confirm().await;
    let store = Arc::new(Store::new(&settings(place.path())));
    let target = usual(Grant::AuthorizationCode);
    let world = World::start_with(place.transport.clone(), Some(store), [target.clone()]).await;
    minutes(54).await;
    place.pbx.set_fault(Some(Fault::Slow(Duration::from_secs(5))));
    let mut changed = target.clone();
    changed.interval = Duration::from_secs(30);
    changed.auth.scopes = vec!["gql:core:read".into()];
    let refreshed = async || place.refreshes() == 1;
    while !refreshed().await {
        seconds(1).await;
    }
    world.replace([changed]).await;
    place.pbx.set_fault(None);
    minutes(180).await;
    assert_eq!(world.reason(Operation::Token), None);
    assert_eq!((world.state().up, place.refreshes()), (Some(true), 4));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_read_late_replaces_nothing_newer() {
    let place = Place::new();
    place.start(usual(Grant::ClientCredentials)).works("first").await;
    let other = Store::new(&settings(place.path()));
    other.own().expect("free");
    minutes(10).await;
    let life = place.start(usual(Grant::ClientCredentials));
    life.works("without its storage").await;
    drop(other);
    life.works("the file is read").await;
    minutes(10).await;
    life.works("with the newer token, which is not due").await;
    drop(life);
    place.start(usual(Grant::ClientCredentials)).works("and it was written").await;
    assert_eq!(place.pbx.requests(Operation::Token), 2);
}
