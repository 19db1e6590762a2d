//! Answers that bring less than was asked for: what they did bring is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pbx_exporter::domain::{Exchange, Grant, Operation, Reason};
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;
use serde_json::{Map, Value};

use super::Place;
use crate::support::person::{settings, swap};
use crate::support::world::{around, minutes, usual};

/// A way to the PBX on which, while `at_work` says so, each token answer is what `bend` makes of its members.
fn bends(place: &Place, at_work: &Arc<AtomicBool>, bend: fn(&mut Map<String, Value>)) -> Arc<dyn Transport> {
    let at_work = at_work.clone();
    around(&place.transport, move |sent| {
        let bends = sent.is_for_token() && at_work.load(Ordering::SeqCst);
        async move {
            let exchange = sent.arrive().await;
            if bends { bend_answer(exchange, bend) } else { exchange }
        }
    })
}

fn bend_answer(mut exchange: Exchange, bend: fn(&mut Map<String, Value>)) -> Exchange {
    let answer = exchange.result.as_mut().expect("an answer");
    let mut members: Map<String, Value> = serde_json::from_slice(&answer.body).expect("members");
    bend(&mut members);
    answer.body = serde_json::to_vec(&members).expect("JSON").into();
    exchange
}

const UNUSABLE: [fn(&mut Map<String, Value>); 2] = [
    |members| {
        members.insert("access_token".into(), "two words".into());
    },
    |members| {
        members.remove("access_token");
    },
];

#[tokio::test(start_paused = true)]
async fn a_refresh_token_beside_an_unusable_access_token_is_kept_and_used() {
    for bend in UNUSABLE {
        let place = Place::new();
        place.confirm().await;
        let (store, at_work) =
            (Arc::new(Store::new(&settings(place.path()))), Arc::new(AtomicBool::new(false)));
        let life = place.start_with(usual(Grant::AuthorizationCode), store, bends(&place, &at_work, bend));
        life.works("first").await;
        minutes(61).await;
        at_work.store(true, Ordering::SeqCst);
        let failure = life.fails().await;
        assert_ne!(failure.reason(), Reason::AuthorizationRequired, "{failure:?}");
        assert!(
            life.told(&failure).contains("refresh token that came in the same answer is kept"),
            "{failure:?}"
        );
        at_work.store(false, Ordering::SeqCst);
        drop(life);
        place.start(usual(Grant::AuthorizationCode)).works("with what was received").await;
        assert_eq!(place.refreshes(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_whose_access_token_is_unusable_hands_its_refresh_token_over() {
    for bend in UNUSABLE {
        let place = Place::new();
        let (store, at_work) =
            (Arc::new(Store::new(&settings(place.path()))), Arc::new(AtomicBool::new(true)));
        let target = usual(Grant::AuthorizationCode);
        let transport = bends(&place, &at_work, bend);
        let swapped = swap(&*place.pbx, &*transport, &target, &store, place.clock).await.expect("sent");
        assert!(swapped.attempt.expect("made").failure.is_some(), "it counts as a failure");
        let granted = swapped.result.expect("a refresh token").hand_over().await.expect("written");
        assert!(granted.renewable && granted.sentence(&target).contains("cannot be used"));
        place.start(target).works("refreshed").await;
        assert_eq!((place.refreshes(), place.pbx.requests(Operation::Token)), (1, 2));
    }
}
