//! A refresh token that the PBX refuses although a mistake beside it is the cause.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pbx_exporter::domain::{Grant, SecretSource, Target};
use pbx_exporter::sim::target::SECRET;
use pbx_exporter::sim::{SimRingme, SimTransport};
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;

use super::{Life, Place};
use crate::support::person::{confirm, settings};
use crate::support::world::{around, minutes, origin, usual};

/// A way to the PBX that remembers each refresh, and by which one with another secret is refused as if its token were.
fn refuses_beside(place: &Place, sent: &Arc<Mutex<Vec<String>>>) -> Arc<dyn Transport> {
    let notes = sent.clone();
    around(&place.transport, move |mut sent| {
        let body = String::from_utf8_lossy(&sent.request.body).into_owned();
        if body.contains("grant_type=refresh_token") {
            notes.lock().expect("no panic").push(body.clone());
            let wrong = body.contains("client_secret=wrong-");
            let right = ["wrong-a", "wrong-b"].iter().fold(body, |body, wrong| body.replace(wrong, SECRET));
            let spoilt = right.replace("&refresh_token=", "&refresh_token=x");
            sent.request.body = if wrong { spoilt } else { right }.into();
        }
        sent.arrive()
    })
}

fn with_secret(place: &Place, secret: &str) -> (Target, PathBuf) {
    let mut target = usual(Grant::AuthorizationCode);
    let file = place.path().join("secret");
    std::fs::write(&file, secret).expect("written");
    target.auth.client_secret = Some(SecretSource::File(file.clone()));
    (target, file)
}

#[tokio::test(start_paused = true)]
async fn a_refused_refresh_token_is_tried_once_more_when_what_goes_with_it_changes() {
    for restarts in [true, false] {
        let place = Place::new();
        place.confirm().await;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let requests = || sent.lock().expect("no panic").len();
        let (target, file) = with_secret(&place, "wrong-a");
        let start = || -> Life {
            let store = Arc::new(Store::new(&settings(place.path())));
            place.start_with(target.clone(), store, refuses_beside(&place, &sent))
        };
        let mut life = start();
        life.works("first").await;
        minutes(61).await;
        life.wants_a_person().await;
        life.wants_a_person().await;
        if restarts {
            drop(life);
            life = start();
            life.wants_a_person().await;
        }
        assert_eq!(requests(), 1, "never again with the same");
        std::fs::write(&file, "wrong-b").expect("written");
        life.wants_a_person().await;
        life.wants_a_person().await;
        assert_eq!(requests(), 2, "once with another");
        std::fs::write(&file, SECRET).expect("written");
        life.works("it was unharmed").await;
        minutes(56).await;
        life.works("and goes on").await;
        assert_eq!(requests(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn the_confirmed_redirect_address_wins_over_a_configured_parameter() {
    let place = Place::new();
    let pbx = Arc::new(SimRingme::new(place.clock));
    let inner = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let sent = Arc::new(Mutex::new(String::new()));
    let notes = sent.clone();
    let transport = around(&inner, move |sent| {
        if sent.is_for_token() {
            *notes.lock().expect("no panic") = String::from_utf8_lossy(&sent.request.body).into_owned();
        }
        sent.arrive()
    });
    let mut target = pbx_exporter::sim::ringme::target("office", &origin(), Grant::AuthorizationCode);
    let wrong = SecretSource::Literal("http://127.0.0.1/misspelt".to_owned().into());
    target.auth.parameters.insert("redirect_uri".into(), wrong);
    let store = Arc::new(Store::new(&settings(place.path())));
    confirm(&*pbx, &*transport, &target, &store, place.clock).await.expect("confirmed");
    let life = place.start_with(target.clone(), store, transport);
    life.works("first").await;
    pbx.end_tokens();
    life.works("refreshed").await;
    let body = sent.lock().expect("no panic").clone();
    assert!(
        body.contains("refresh_token") && body.contains("8765%2Fcallback") && !body.contains("misspelt"),
        "{body}"
    );
}
