//! Ringme's ways, by the real scheduler and probes over a simulated Ringme.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use oauth2::TokenResponse as _;
use pbx_exporter::clock::Clock;
use pbx_exporter::domain::{Exchange, Grant, Operation, Phases, Reason, SecretSource, Target};
use pbx_exporter::oauth::request_token;
use pbx_exporter::sim::target::SECRET;
use pbx_exporter::sim::{RingmeFault, SimRingme, SimTransport, ringme};

use crate::support::world::{UNIX, World, around, minutes, origin, seconds};

async fn watch(grant: Grant) -> (Arc<SimRingme>, World) {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let world = World::start(transport, [ringme::target("office", &origin(), grant)]).await;
    minutes(1).await;
    (pbx, world)
}

#[tokio::test(start_paused = true)]
async fn every_page_is_counted() {
    // Whether a short first page is all is asked, once.
    for (extensions, requests) in [(0, 1), (3, 2), (100, 2), (250, 3)] {
        let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
        pbx.set_extensions(extensions);
        let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
        let world =
            World::start(transport, [ringme::target("office", &origin(), Grant::ClientCredentials)]).await;
        seconds(1).await;
        assert_eq!(world.state().extensions, Some(extensions.into()));
        assert_eq!(pbx.requests(Operation::Extensions), requests, "{extensions}");
        if extensions == 3 {
            minutes(10).await;
            assert_eq!(pbx.requests(Operation::Extensions), requests + 10);
        }
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn pages_that_the_server_cuts_are_counted_all_the_same() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    pbx.set_extensions(75);
    pbx.cut_pages_to(30);
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let world =
        World::start(transport, [ringme::target("office", &origin(), Grant::ClientCredentials)]).await;
    seconds(1).await;
    assert_eq!(world.state().extensions, Some(75));
    assert_eq!(pbx.requests(Operation::Extensions), 3);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_ended_before_its_time_is_renewed_and_the_call_repeated_once() {
    for grant in [Grant::ClientCredentials, Grant::Password] {
        let (pbx, world) = watch(grant).await;
        let (tokens, lists) = (pbx.requests(Operation::Token), pbx.requests(Operation::Extensions));
        pbx.end_tokens();
        minutes(1).await;
        let state = world.state();
        assert_eq!((state.up, state.token_rejections, state.probe_failures), (Some(true), 1, 0), "{grant}");
        assert_eq!(pbx.requests(Operation::Token), tokens + 1);
        assert_eq!(pbx.requests(Operation::Extensions), lists + 2);
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_ends_the_token_of_one_customer_ends_no_other() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    let inner = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let (ended, first) = (Arc::new(AtomicBool::new(false)), Arc::new(OnceLock::new()));
    let transport = around(&inner, {
        let ended = ended.clone();
        move |sent| {
            let (ended, first) = (ended.clone(), first.clone());
            async move {
                let token = sent.request.headers.get("authorization").cloned();
                if token
                    .is_none_or(|token| *first.get_or_init(|| token.clone()) != token || !ended.load(Relaxed))
                {
                    return sent.arrive().await;
                }
                let answer = ringme::fixtures::find("token refused").answer();
                let (duration, phases, status) = (Duration::ZERO, Phases::default(), Some(answer.status));
                Exchange { result: Ok(answer), duration, phases, status, certificate_expiry: None }
            }
        }
    });
    let targets =
        ["orchard", "harbour", "mill"].map(|name| ringme::target(name, &origin(), Grant::ClientCredentials));
    let world = World::start(transport, targets).await;
    minutes(3).await;
    assert_eq!(pbx.requests(Operation::Token), 3);
    ended.store(true, Relaxed);
    minutes(5).await;
    assert_eq!(pbx.requests(Operation::Token), 4);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_comes_as_401_and_a_new_grant_replaces_it() {
    let (pbx, world) = watch(Grant::Password).await;
    pbx.end_refresh_tokens();
    minutes(16).await;
    let state = world.state();
    assert_eq!(state.up, Some(true));
    let refreshes =
        state.grants.iter().find(|counters| counters.grant == Grant::RefreshToken).expect("counted");
    assert_eq!((refreshes.requests, refreshes.failures[Reason::InvalidGrant.index()]), (1, 1));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_word_leaves_a_refresh_token_that_only_a_person_could_replace() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let mut target = ringme::target("office", &origin(), Grant::Password);
    let first = request_token(&*transport, &target, Grant::Password, None, None).await.expect("sent");
    let first = first.token.expect("a token").refresh_token().expect("a refresh token").secret().clone();
    target.auth.grant = Grant::RefreshToken;
    target.auth.refresh_token = Some(SecretSource::Literal(first.into()));
    // 401 with nothing but a message: as well for a wrong client secret as for anything else.
    pbx.set_fault(Some(RingmeFault::Token("wrong password")));
    let world = World::start(transport, [target]).await;
    minutes(30).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::InvalidClient));
    assert!(world.diagnosis(Operation::Token).contains("the refresh token is kept"));
    pbx.set_fault(None);
    minutes(120).await;
    assert_eq!(world.state().up, Some(true), "it works once the cause is fixed");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_shared_budget_is_shown_and_spared() {
    let (pbx, world) = watch(Grant::ClientCredentials).await;
    let state = world.state();
    assert_eq!(state.rate_limit_remaining, Some(1000 - pbx.requests(Operation::Extensions)));
    assert!(state.rate_limit_reset.is_some_and(|reset| (reset - UNIX - 3600.0).abs() < 2.0));
    assert_eq!(state.wait, Duration::from_secs(60));
    // The customer's own applications have taken most of it.
    pbx.others_ask(950);
    minutes(1).await;
    let slow = world.state().wait;
    assert!(slow > Duration::from_secs(120), "{slow:?}");
    let asked = pbx.requests(Operation::Extensions);
    minutes(50).await;
    let more = pbx.requests(Operation::Extensions) - asked;
    assert!((5..=32).contains(&more), "{more} requests of the 46 that were left");
    assert_eq!(world.state().probe_failures, 0, "the budget is never spent");
    // The new hour.
    minutes(20).await;
    assert_eq!(world.state().wait, Duration::from_secs(60));
    world.stop().await;
}

/// Three targets and the customers that they name, on a budget of 100.
async fn three(customers: [Option<&str>; 3]) -> (Arc<SimRingme>, World) {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    pbx.set_budget(100);
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let targets = [0, 1, 2].map(|i| {
        let name = ["office", "branch", "shop"][i];
        let grant = if name == "branch" { Grant::Password } else { Grant::ClientCredentials };
        Target { customer: customers[i].map(Arc::from), ..ringme::target(name, &origin(), grant) }
    });
    let world = World::start(transport, targets).await;
    (pbx, world)
}

#[tokio::test(start_paused = true)]
async fn the_targets_of_one_customer_plan_together() {
    let (pbx, world) = three([Some("orchard"); 3]).await;
    minutes(30).await;
    // As one that would ask so often: 100 * (1 - sqrt(0.5)).
    let asked = pbx.requests(Operation::Extensions);
    assert!((25..=36).contains(&asked), "{asked} requests of 100 in half of the hour");
    for name in ["office", "branch", "shop"] {
        let state = world.state_of(name);
        assert!(
            state.wait > Duration::from_secs(150) && state.probe_failures == 0,
            "{name}: {:?}",
            state.wait
        );
    }
    // One that goes leaves its part to the others.
    let before = world.state().wait;
    let office = ringme::target("office", &origin(), Grant::ClientCredentials);
    world.replace([Target { customer: Some("orchard".into()), ..office }]).await;
    minutes(8).await;
    assert!(world.state().wait < before / 2, "{:?} after {before:?}", world.state().wait);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_without_a_customer_plans_by_itself() {
    let (_pbx, world) = three([Some("orchard"), Some("orchard"), None]).await;
    seconds(5).await;
    let wait = |name| world.state_of(name).wait.as_secs_f64();
    assert!((130.0..160.0).contains(&wait("office")), "two of one customer: {}", wait("office"));
    assert!((70.0..80.0).contains(&wait("shop")), "one alone: {}", wait("shop"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_targets_of_one_application_plan_together_without_being_told() {
    // The first and the last have one client id.
    let (_pbx, world) = three([None; 3]).await;
    seconds(5).await;
    let wait = |name| world.state_of(name).wait.as_secs_f64();
    for name in ["office", "shop"] {
        assert!((130.0..160.0).contains(&wait(name)), "two of one application: {}", wait(name));
    }
    assert!((70.0..80.0).contains(&wait("branch")), "one alone: {}", wait("branch"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_without_a_reset_is_spared_as_well() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    pbx.tell_reset(false);
    pbx.set_budget(21);
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let world =
        World::start(transport, [ringme::target("office", &origin(), Grant::ClientCredentials)]).await;
    minutes(58).await;
    let state = world.state();
    assert!(state.wait >= Duration::from_secs(360) && state.rate_limit_reset.is_none(), "{:?}", state.wait);
    assert!(pbx.requests(Operation::Extensions) <= 11 && state.probe_failures == 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_target_that_watches_its_secret_file_is_slowed_as_well() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    pbx.set_budget(6);
    pbx.set_fault(Some(RingmeFault::Resource("access denied")));
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).expect("written");
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let mut target = ringme::target("office", &origin(), Grant::ClientCredentials);
    target.auth.client_secret = Some(SecretSource::File(secret));
    let world = World::start(transport, [target]).await;
    minutes(25).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::AccessDenied));
    assert_eq!(pbx.requests(Operation::Extensions), 1, "2 of the 5 that are left, evenly over the hour");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_is_waited_for() {
    let (pbx, world) = watch(Grant::ClientCredentials).await;
    pbx.others_ask(1000);
    minutes(2).await;
    assert_eq!(world.reason(Operation::Extensions), Some(Reason::RateLimited));
    let asked = pbx.requests(Operation::Extensions);
    minutes(50).await;
    assert_eq!(pbx.requests(Operation::Extensions), asked, "closed until the next hour");
    minutes(10).await;
    assert_eq!(world.state().up, Some(true));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_of_odd_letters_is_a_counted_failure() {
    let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
    pbx.set_fault(Some(RingmeFault::Token("token of odd letters")));
    let transport = Arc::new(SimTransport::default().with(&origin(), pbx.clone()));
    let world =
        World::start(transport, [ringme::target("office", &origin(), Grant::ClientCredentials)]).await;
    seconds(5).await;
    assert_eq!(world.reason(Operation::Token), Some(Reason::UnexpectedResponse));
    let state = world.state();
    assert_eq!(state.grants[0].failures[Reason::UnexpectedResponse.index()], 1);
    assert!(world.diagnosis(Operation::Token).contains("only look Latin"));
    assert_eq!(pbx.requests(Operation::Extensions), 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn each_denial_has_its_reason_and_waits() {
    for (fixture, reason) in [
        ("access denied", Reason::AccessDenied),
        ("user blocked", Reason::UserBlocked),
        ("user reads only", Reason::AccessDenied),
        ("a status nobody knows", Reason::Forbidden),
        ("no such record", Reason::ApiNotFound),
    ] {
        let (pbx, world) = watch(Grant::ClientCredentials).await;
        pbx.set_fault(Some(RingmeFault::Resource(fixture)));
        minutes(2).await;
        assert_eq!(world.reason(Operation::Extensions), Some(reason), "{fixture}");
        assert_eq!(world.reason(Operation::Token), None, "{fixture}");
        pbx.set_fault(None);
        minutes(12).await;
        assert_eq!(world.state().up, Some(true), "{fixture}");
        world.stop().await;
    }
}
