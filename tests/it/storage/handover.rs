//! What a confirmation leaves for the keeper, and what becomes of it.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pbx_exporter::clock::Clock;
use pbx_exporter::domain::{Grant, Reason, SecretSource};
use pbx_exporter::sim::target::SECRET;
use pbx_exporter::sim::{Fault, Generation, SimRingme, SimTransport};
use pbx_exporter::store::Store;
use secrecy::SecretString;

use super::{Place, confirmed, left_in_handover};
use crate::support::person::{confirm, settings};
use crate::support::world::{UNIX, World, around, minutes, origin, pbx, usual};

#[tokio::test(start_paused = true)]
async fn a_confirmation_by_a_clock_that_goes_behind_is_not_lost() {
    let (place, life) = confirmed().await;
    let left = || left_in_handover(&place);
    let confirm_behind = async |seconds| {
        let store = Arc::new(Store::new(&settings(place.path())));
        let (target, clock) = (usual(Grant::AuthorizationCode), Clock::steered(UNIX - seconds));
        confirm(&*place.pbx, &*place.transport, &target, &store, clock).await.expect("confirmed");
    };
    confirm_behind(600.0).await;
    life.works("with what it has").await;
    assert_eq!((left(), place.refreshes()), (1, 0));
    place.pbx.revoke_tokens();
    life.wants_a_person().await;
    life.wants_a_person().await;
    assert_eq!(left(), 0, "it was tried, too");
    confirm_behind(1200.0).await;
    life.works("confirmed anew").await;
    assert_eq!(left(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_confirmation_is_told() {
    let place = Place::new();
    place.pbx.set_fault(Some(Fault::Slow(Duration::from_secs(5))));
    // The command is ended while the PBX takes its time.
    assert!(tokio::time::timeout(Duration::from_secs(2), place.confirm()).await.is_err());
    place.pbx.set_fault(None);
    let life = place.start(usual(Grant::AuthorizationCode));
    let told = life.wants_a_person().await;
    assert!(!told.contains("A confirmation on"), "it may still come: {told}");
    minutes(3).await;
    let told = life.wants_a_person().await;
    assert!(told.contains("A confirmation on") && told.contains("confirm again"), "{told}");
    place.confirm().await;
    life.works("confirmed once more").await;
    assert_eq!(left_in_handover(&place), 0);
}

#[tokio::test(start_paused = true)]
async fn a_code_serves_once_for_ten_minutes_and_for_its_own_confirmation() {
    use pbx_exporter::control::Redirected;
    use pbx_exporter::oauth::confirm::Confirmation;

    use crate::support::person::{Press, press};
    for generation in Generation::ALL {
        let (pbx, transport) = pbx(generation);
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(Store::new(&settings(folder.path())));
        let clock = Clock::steered(UNIX);
        let begin = || {
            let mut target = usual(Grant::AuthorizationCode);
            target.auth.client_secret = Some(SecretSource::Literal(SecretString::from(SECRET)));
            let back = url::Url::parse("http://127.0.0.1:8765/callback").expect("an address");
            Confirmation::begin(Arc::new(target), back).expect("an endpoint")
        };
        let brought = |confirmation: &Confirmation, button| {
            let back = press(&*pbx, &confirmation.location, button);
            Redirected::from_query(back.query().expect("a query"))
        };
        let (first, second) = (begin(), begin());
        let answer = brought(&first, Press::Allow);
        let error = second.accept(&answer).expect_err("of another confirmation");
        assert!(error.to_string().contains("does not belong"), "{error}");
        let denied = first.accept(&brought(&first, Press::Deny)).expect_err("refused");
        assert!(denied.to_string().contains("access was denied at the PBX"), "{denied}");

        let code = first.accept(&answer).expect("a code");
        let swap = async |confirmation: Confirmation, code| {
            let swapped = confirmation.swap(code, &*transport, &store, clock, None).await;
            swapped.result.map(|_| ())
        };
        let stolen = swap(second, code.clone()).await.expect_err("another verifier");
        assert!(stolen.to_string().contains("invalid_grant"), "{stolen}");
        let spent = swap(first, code).await.expect_err("used up by the try");
        assert!(spent.to_string().contains("invalid_grant"), "{spent}");

        let late = begin();
        let code = late.accept(&brought(&late, Press::Allow)).expect("a code");
        minutes(11).await;
        let late = swap(late, code).await.expect_err("too late");
        assert!(late.to_string().contains("serves once and for 10 minutes"), "{late}");
        let left = std::fs::read_dir(folder.path().join("tokens/handover")).expect("a folder").count();
        assert_eq!(left, 0, "nothing has changed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_access_that_cannot_be_renewed_says_so_when_it_ends_and_not_that_nobody_confirmed() {
    let place = Place::new();
    let transport = around(&place.transport, |sent| async {
        let mut exchange = sent.arrive().await;
        if let Ok(answer) = &mut exchange.result {
            answer.body =
                String::from_utf8_lossy(&answer.body).replace("refresh_token", "other_token").into();
        }
        exchange
    });
    let command = Arc::new(Store::new(&settings(place.path())));
    let target = usual(Grant::AuthorizationCode);
    let granted = confirm(&*place.pbx, &*transport, &target, &command, place.clock).await.expect("confirmed");
    assert!(!granted.renewable && granted.sentence(&target).contains("gave no refresh token"));
    let life = place.start(target);
    life.works("confirmed").await;
    minutes(56).await;
    let outcome = life.pass().await;
    let warning = outcome.token.clone().expect("news").expect_err("an early warning");
    let warning = life.told(&warning);
    assert!(outcome.is_success() && warning.contains("stays in use"), "{warning}");
    minutes(5).await;
    let told = life.wants_a_person().await;
    assert!(told.contains("the PBX gave no refresh token") && !told.contains("Nobody"), "{told}");
    assert_eq!(place.refreshes(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_a_refresh_wants_the_redirect_address_it_is_the_applications_own() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let asked = Arc::new(Mutex::new(String::new()));
    let notes = asked.clone();
    let transport = around(&transport, move |sent| {
        if sent.is_for_token() {
            *notes.lock().expect("no panic") = String::from_utf8_lossy(&sent.request.body).into_owned();
        }
        sent.arrive()
    });
    for (own, sent) in
        [(None, "&redirect_uri="), (Some("http://127.0.0.1/a"), "&redirect_uri=http%3A%2F%2F127.0.0.1%2Fa")]
    {
        let mut target = pbx_exporter::sim::ringme::target("office", &origin(), Grant::AuthorizationCode);
        target.auth.redirect_uri = own.map(|own| Box::new(url::Url::parse(own).expect("an address")));
        let secret = SecretString::from("made-up-refresh-token");
        let answer = pbx_exporter::oauth::request_token(
            &*transport,
            &target,
            Grant::RefreshToken,
            Some(pbx_exporter::oauth::Refresh { token: &secret, redirect_uri: None }),
            None,
        );
        answer.await.expect("sent");
        let body = asked.lock().expect("no panic").clone();
        assert!(body.ends_with(sent), "{body}");
        // And where somebody confirmed, the one by which that was done, over a restart, too.
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        let clock = Clock::steered(UNIX);
        let command = Arc::new(Store::new(&settings));
        confirm(&*pbx, &*transport, &target, &command, clock).await.expect("confirmed");
        for _ in 0..2 {
            let service = Some(Arc::new(Store::new(&settings)));
            let world = World::start_with(transport.clone(), service, [target.clone()]).await;
            minutes(60).await;
            world.stop().await;
            let body = asked.lock().expect("no panic").clone();
            assert!(body.ends_with("&redirect_uri=http%3A%2F%2F127.0.0.1%3A8765%2Fcallback"), "{body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_left_and_cannot_be_read_is_a_clear_condition_and_harms_no_token_in_use() {
    let place = Place::new();
    place.confirm().await;
    let folder = place.path().join("tokens/handover");
    let chmod = |mode| {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        }
    };
    chmod(0o644);
    let life = place.start(usual(Grant::AuthorizationCode));
    for _ in 0..2 {
        let failure = life.fails().await;
        assert_eq!(failure.reason(), Reason::ExporterError, "{failure:?}");
        assert!(life.told(&failure).contains("is readable by other users"), "{failure:?}");
    }
    chmod(0o600);
    life.works("fixed").await;
    place.confirm().await;
    chmod(0o644);
    life.works("with what it has").await;
    drop(life);
    let life = place.start(usual(Grant::AuthorizationCode));
    life.works("after a restart").await;
    minutes(56).await;
    life.works("renewed").await;
    assert_eq!((place.refreshes(), left_in_handover(&place)), (1, 1));
    chmod(0o600);
    life.works("confirmed meanwhile").await;
    assert_eq!(left_in_handover(&place), 0);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_without_a_refresh_token_ends_none_that_is_kept() {
    let (place, life) = confirmed().await;
    let transport = around(&place.transport, |sent| async {
        let mut exchange = sent.arrive().await;
        let answer = exchange.result.as_mut().expect("an answer");
        answer.body = String::from_utf8_lossy(&answer.body).replace("refresh_token", "other_token").into();
        exchange
    });
    minutes(1).await;
    let command = Arc::new(Store::new(&settings(place.path())));
    let target = usual(Grant::AuthorizationCode);
    let granted = confirm(&*place.pbx, &*transport, &target, &command, place.clock).await.expect("confirmed");
    assert!(
        granted.sentence(&target).contains("unless the exporter has an earlier refresh token"),
        "{granted:?}"
    );
    life.works("with the access token that came").await;
    assert_eq!((left_in_handover(&place), place.refreshes()), (0, 0));
    minutes(56).await;
    life.works("renewed with the refresh token of before").await;
    drop(life);
    place.start(target).works("and after a restart").await;
    assert_eq!(place.refreshes(), 1);
}
