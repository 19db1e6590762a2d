//! Whose tokens are kept: mistakes in the configuration, reloads, and who may write meanwhile.

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::domain::{Grant, Operation, Reason, SecretSource, Target};
use pbx_exporter::sim::Fault;
use pbx_exporter::store::Store;

use super::{Place, confirmed, due};
use crate::support::person::settings;
use crate::support::world::{World, minutes, seconds, usual};

fn misspelt() -> Target {
    let mut target = usual(Grant::AuthorizationCode);
    target.auth.client_id.push('2');
    target
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_client_id_costs_no_confirmation() {
    let (place, life) = due().await;
    life.works("renewed").await;
    drop(life);
    let told = place.start(misspelt()).wants_a_person().await;
    assert!(told.contains("Nobody has confirmed access"), "{told}");
    let life = place.start(usual(Grant::AuthorizationCode));
    life.works("corrected").await;
    minutes(56).await;
    life.works("with a refresh token that lives").await;
    assert_eq!(place.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_refresh_token_costs_none_in_mid_life_either() {
    let place = Place::new();
    let (file, secret) = (place.path().join("refresh"), place.path().join("secret"));
    let first = crate::token::first_refresh_token_text(&place.pbx);
    let write = |path, text: &str| std::fs::write(path, text).expect("written");
    write(&file, &first);
    write(&secret, pbx_exporter::sim::target::SECRET);
    let mut target = usual(Grant::Password);
    target.auth.grant = Grant::RefreshToken;
    target.auth.refresh_token = Some(SecretSource::File(file.clone()));
    target.auth.client_secret = Some(SecretSource::File(secret.clone()));
    let life = place.start(target.clone());
    life.works("first").await;
    minutes(61).await;
    write(&secret, "not-the-secret");
    assert_eq!(life.fails().await.reason(), Reason::InvalidClient);
    write(&file, "misspelt");
    write(&secret, pbx_exporter::sim::target::SECRET);
    life.wants_a_person().await;
    write(&file, &first);
    life.works("corrected, by one of those that came after the first").await;
    drop(life);
    place.start(target).works("and after a restart").await;
}

/// A reload to another application while the answer to a refresh is on its way, and back again; virtual seconds pass
/// in between.
async fn reloaded_and_back(between: u64) {
    let place = Place::new();
    place.confirm().await;
    let store = Arc::new(Store::new(&settings(place.path())));
    let right = usual(Grant::AuthorizationCode);
    let world = World::start_with(place.transport.clone(), Some(store), [right.clone()]).await;
    minutes(54).await;
    place.pbx.set_fault(Some(Fault::Slow(Duration::from_secs(5))));
    let refreshed = async || place.refreshes() == 1;
    while !refreshed().await {
        seconds(1).await;
    }
    world.replace([misspelt()]).await;
    place.pbx.set_fault(None);
    seconds(between).await;
    if between > 10 {
        assert_eq!(world.reason(Operation::Token), Some(Reason::AuthorizationRequired));
        assert!(world.diagnosis(Operation::Token).contains("Nobody has confirmed access"));
    }
    world.replace([right]).await;
    minutes(180).await;
    assert_eq!(world.reason(Operation::Token), None, "{between}");
    assert_eq!((world.state().up, place.refreshes()), (Some(true), 4), "{between}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_to_another_application_during_a_refresh_loses_nothing() {
    for between in [0, 1, 3, 60, 600] {
        reloaded_and_back(between).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_keeper_of_a_later_configuration_waits_for_the_answer_to_the_one_before() {
    let (place, life) = confirmed().await;
    drop(life);
    let store = Arc::new(Store::new(&settings(place.path())));
    let before = place.start_with(usual(Grant::AuthorizationCode), store.clone(), place.transport.clone());
    before.works("its turn").await;
    minutes(56).await;
    place.pbx.set_fault(Some(Fault::Slow(Duration::from_secs(5))));
    let after = place.start_with(misspelt(), store.clone(), place.transport.clone());
    let started = tokio::time::Instant::now();
    let first = async {
        let outcome = before.pass().await;
        assert!(outcome.is_success(), "{:?}", outcome.token);
        drop(before);
        started.elapsed()
    };
    let second = async {
        after.wants_a_person().await;
        started.elapsed()
    };
    let (first, second) = tokio::join!(first, second);
    assert!(second >= first && first >= Duration::from_secs(5), "{first:?} {second:?}");
    // Who was replaced before it began does not begin any more.
    let (overtaken, last) =
        (place.start_with(usual(Grant::AuthorizationCode), store.clone(), place.transport.clone()), after);
    let again = place.start_with(usual(Grant::AuthorizationCode), store, place.transport.clone());
    let failure = overtaken.fails().await;
    assert!(overtaken.told(&failure).contains("a reload has replaced this target"), "{failure:?}");
    drop(last);
    place.pbx.set_fault(None);
    again.works("the newest refresh token is there").await;
    assert_eq!(place.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_was_removed_is_made_again_and_still_has_one_owner() {
    let (place, life) = due().await;
    std::fs::remove_dir_all(place.path().join("tokens")).expect("removed");
    life.works("renewed").await;
    let other = Store::new(&settings(place.path()));
    let error = other.own().expect_err("two owners").to_string();
    assert!(error.contains("in use by another pbx_exporter"), "{error}");
    drop(life);
    place.start(usual(Grant::AuthorizationCode)).works("from what was written again").await;
    assert_eq!(place.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_finds_its_folder_replaced_and_owned_by_another_writes_nothing_there() {
    let (place, life) = due().await;
    std::fs::remove_dir_all(place.path().join("tokens")).expect("removed");
    let other = Store::new(&settings(place.path()));
    other.own().expect("a new folder");
    let outcome = life.pass().await;
    let failure = outcome.token.expect("news").expect_err("a failure");
    assert!(life.told(&failure).contains("in use by another pbx_exporter"), "{failure:?}");
    assert_eq!(place.refreshes(), 0);
    drop(other);
    minutes(1).await;
    life.works("the other one has ended").await;
}

fn seeded(name: &str, seed: &str) -> Target {
    let mut target = usual(Grant::Password);
    target.name = name.into();
    target.auth.grant = Grant::RefreshToken;
    target.auth.refresh_token = Some(SecretSource::Literal(seed.to_owned().into()));
    target
}

#[tokio::test(start_paused = true)]
async fn a_renamed_target_does_not_send_the_spent_refresh_token_and_says_which_name_it_had() {
    let place = Place::new();
    let first = crate::token::first_refresh_token_text(&place.pbx);
    place.start(seeded("office", &first)).works("first").await;
    let life = place.start(seeded("branch", &first));
    let failure = life.fails().await;
    let told = life.told(&failure);
    drop(life);
    assert_eq!(failure.reason(), Reason::ExporterError);
    assert!(told.contains("target \"office\"") && told.contains("tokens/seeds/"), "{told}");
    assert_eq!(place.refreshes(), 1);
    minutes(56).await;
    place.start(seeded("office", &first)).works("under its name again").await;
    let second = crate::token::first_refresh_token_text(&place.pbx);
    place.start(seeded("branch", &second)).works("with one of its own").await;
}
