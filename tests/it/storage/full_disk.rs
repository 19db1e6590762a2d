//! A disk that is full.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pbx_exporter::domain::{Grant, Operation, Reason};
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;

use super::{Life, Place, left_in_handover};
use crate::support::person::swap;
use crate::support::world::{around, minutes, usual};

/// A disk that is full while it says so.
fn full_disk(place: &Place) -> (Arc<Store>, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(false));
    let is_full = full.clone();
    let store = place.stepwise(move |step| {
        let no_room = step.name == "write" && is_full.load(Ordering::SeqCst);
        if no_room { Err(io::ErrorKind::StorageFull.into()) } else { (step.whole)() }
    });
    (store, full)
}

/// A way to the PBX by which the disk is full from the moment a token request goes out.
fn fills_up(place: &Place, full: &Arc<AtomicBool>) -> Arc<dyn Transport> {
    let full = full.clone();
    around(&place.transport, move |sent| {
        full.fetch_or(sent.is_for_token(), Ordering::SeqCst);
        sent.arrive()
    })
}

fn start(place: &Place) -> (Life, Arc<AtomicBool>) {
    let (store, full) = full_disk(place);
    (place.start_with(usual(Grant::AuthorizationCode), store, place.transport.clone()), full)
}

fn start_before_it_fills_up(place: &Place) -> (Life, Arc<AtomicBool>) {
    let (store, full) = full_disk(place);
    let transport = fills_up(place, &full);
    (place.start_with(usual(Grant::AuthorizationCode), store, transport), full)
}

#[tokio::test(start_paused = true)]
async fn a_received_token_that_cannot_be_written_is_neither_used_nor_forgotten() {
    let place = Place::new();
    place.confirm().await;
    let (life, full) = start_before_it_fills_up(&place);
    life.works("first").await;
    minutes(56).await;
    let lists = place.pbx.requests(Operation::Extensions);
    for _ in 0..3 {
        let failure = life.fails().await;
        assert_eq!(failure.cause.name(), "storage_unusable", "{failure:?}");
        minutes(1).await;
    }
    assert_eq!((place.refreshes(), place.pbx.requests(Operation::Extensions)), (1, lists));
    full.store(false, Ordering::SeqCst);
    life.works("there is space again").await;
    assert_eq!(place.refreshes(), 1);
    drop(life);
    place.start(usual(Grant::AuthorizationCode)).works("and it was written").await;
    assert_eq!(place.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_written_at_the_end_of_the_service_if_it_can() {
    for ends_with_room in [true, false] {
        let place = Place::new();
        place.confirm().await;
        let (life, full) = start_before_it_fills_up(&place);
        life.works("first").await;
        minutes(56).await;
        assert_eq!(life.fails().await.reason(), Reason::ExporterError);
        full.store(!ends_with_room, Ordering::SeqCst);
        drop(life);
        let life = place.start(usual(Grant::AuthorizationCode));
        if ends_with_room {
            life.works("found").await;
        } else {
            let told = life.wants_a_person().await;
            assert!(told.contains("pbx_exporter was stopped during the refresh of"), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_a_renewal_and_not_the_token_in_use() {
    let place = Place::new();
    place.confirm().await;
    let (life, full) = start(&place);
    life.works("first").await;
    minutes(56).await;
    full.store(true, Ordering::SeqCst);
    let outcome = life.pass().await;
    assert!(outcome.is_success());
    let failure = outcome.token.expect("news").expect_err("an early warning");
    assert_eq!(failure.reason(), Reason::ExporterError);
    assert!(life.told(&failure).contains("stays in use"), "{}", life.told(&failure));
    assert_eq!(place.refreshes(), 0, "what cannot be noted is not sent");
    full.store(false, Ordering::SeqCst);
    minutes(1).await;
    life.works("there is space again").await;
    assert_eq!(place.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_confirmation_that_cannot_be_written_are_kept_until_they_can() {
    let place = Place::new();
    let (store, full) = full_disk(&place);
    let transport = fills_up(&place, &full);
    let target = usual(Grant::AuthorizationCode);
    let swapped = swap(&*place.pbx, &*transport, &target, &store, place.clock).await.expect("an answer");
    let received = swapped.result.expect("tokens");
    let error = received.hand_over().await.expect_err("no room").to_string();
    assert!(error.contains("failed to write") && error.contains("the disk has free space"), "{error}");
    minutes(3).await;
    let life = place.start(target);
    let told = life.wants_a_person().await;
    assert!(told.contains("left no tokens here") && !told.contains("Nobody"), "{told}");
    let there_is_room = async {
        minutes(20).await;
        full.store(false, Ordering::SeqCst);
    };
    let (granted, ()) = tokio::join!(received.hand_over_at_last(), there_is_room);
    assert!(granted.renewable);
    life.works("there is space again").await;
    assert_eq!(place.pbx.requests(Operation::Token), 1);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_cannot_be_taken_up_harms_no_token_in_use() {
    let place = Place::new();
    place.confirm().await;
    let (life, full) = start(&place);
    life.works("first").await;
    place.confirm().await;
    full.store(true, Ordering::SeqCst);
    life.works("with what it has").await;
    assert_eq!(left_in_handover(&place), 1);
    full.store(false, Ordering::SeqCst);
    life.works("there is space again").await;
    assert_eq!((left_in_handover(&place), place.refreshes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_first_confirmation_that_cannot_be_taken_up_is_no_matter_of_the_pbx() {
    let place = Place::new();
    let (life, full) = start(&place);
    place.confirm().await;
    full.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let failure = life.fails().await;
        assert_eq!(failure.reason(), Reason::ExporterError);
        assert!(life.told(&failure).contains("the disk has free space"), "{}", life.told(&failure));
        assert_eq!(left_in_handover(&place), 1);
    }
    full.store(false, Ordering::SeqCst);
    life.works("there is space again").await;
    assert_eq!((left_in_handover(&place), place.pbx.requests(Operation::Token)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn one_failed_write_that_is_made_good_leaves_no_failure_behind() {
    let place = Place::new();
    place.confirm().await;
    let (life, full) = start_before_it_fills_up(&place);
    life.works("first").await;
    minutes(56).await;
    let failure = life.fails().await;
    assert_eq!(failure.reason(), Reason::ExporterError);
    assert!(!life.told(&failure).contains("stays in use"), "{}", life.told(&failure));
    full.store(false, Ordering::SeqCst);
    let outcome = life.pass().await;
    assert!(outcome.is_success());
    assert_eq!(
        (outcome.token, place.refreshes()),
        (Some(Ok(())), 1),
        "the condition ends, and nothing is asked"
    );
}
