//! The exporter is killed before, during and after each step of adopting and rotating refresh tokens: each time the next
//! life finds the newest one that had reached the disk, or says what happened.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pbx_exporter::domain::Grant;
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;

use super::{Place, Step};
use crate::support::person::confirm;
use crate::support::world::{around, minutes, usual};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Before,
    Torn,
    After,
}

/// Ends a life at one step of it.
#[derive(Debug)]
struct Fate {
    dies: Option<(usize, Manner)>,
    steps: Mutex<Vec<&'static str>>,
    dead: AtomicBool,
}

impl Fate {
    fn new(dies: Option<(usize, Manner)>) -> Arc<Self> {
        Arc::new(Self { dies, steps: Mutex::default(), dead: AtomicBool::new(false) })
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// How the step that comes now ends the life, if it does.
    fn step(&self, name: &'static str) -> Option<Manner> {
        let mut steps = self.steps.lock().expect("no panic");
        steps.push(name);
        let dies = self.dies.filter(|(at, _)| *at + 1 == steps.len());
        if dies.is_some() {
            self.dead.store(true, Ordering::SeqCst);
        }
        dies.map(|(_, manner)| manner)
    }

    /// Does what a step does as far as the life lasts. The dead learn of no result.
    fn act(&self, step: &Step<'_>) -> io::Result<()> {
        let dead = || io::Error::other("dead");
        if self.is_dead() {
            return Err(dead());
        }
        match self.step(step.name) {
            None => (step.whole)(),
            Some(Manner::Before) => Err(dead()),
            Some(Manner::Torn) => {
                (step.torn)();
                Err(dead())
            }
            Some(Manner::After) => (step.whole)().and_then(|()| Err(dead())),
        }
    }

    /// A storage whose steps end the life.
    fn store(self: &Arc<Self>, place: &Place) -> Arc<Store> {
        let fate = self.clone();
        place.stepwise(move |step| fate.act(&step))
    }

    /// Token requests are steps, too; the dead send none and hear no answer.
    fn transport(self: &Arc<Self>, place: &Place) -> Arc<dyn Transport> {
        let fate = self.clone();
        around(&place.transport, move |sent| {
            let fate = fate.clone();
            async move {
                let manner = if fate.is_dead() {
                    Some(Manner::Before)
                } else if sent.is_for_token() {
                    fate.step("refresh")
                } else {
                    None
                };
                match manner {
                    None => sent.arrive().await,
                    Some(Manner::After) => {
                        sent.arrive().await;
                        std::future::pending().await
                    }
                    Some(Manner::Before | Manner::Torn) => std::future::pending().await,
                }
            }
        })
    }
}

/// What a power failure needs besides: each file is on the disk before it gets its name, and that before anything is
/// spent.
fn in_order(steps: &[&str]) {
    for (at, step) in steps.iter().enumerate() {
        match *step {
            "write" => assert_eq!(steps[at + 1..at + 4], ["sync", "rename", "sync folder"], "{steps:?}"),
            "refresh" => assert_eq!(steps[at - 1], "sync folder", "{steps:?}"),
            _ => {}
        }
    }
}

/// Adopts a confirmation and rotates twice, until death; the steps taken.
async fn live(place: &Place, fate: Arc<Fate>) -> Vec<&'static str> {
    let life = place.start_with(usual(Grant::AuthorizationCode), fate.store(place), fate.transport(place));
    for _ in 0..3 {
        let cancel = tokio_util::sync::CancellationToken::new();
        let pass = tokio::time::timeout(Duration::from_secs(30), life.probe.pass(&cancel));
        pass.await.ok();
        if fate.is_dead() {
            break;
        }
        minutes(56).await;
    }
    fate.steps.lock().expect("no panic").clone()
}

/// Only between the PBX's answer and its last byte on the disk is there nothing to be found.
fn may_be_lost(steps: &[&str], at: usize, manner: Manner) -> bool {
    match steps[at] {
        "refresh" => manner == Manner::After,
        "write" => at > 0 && steps[at - 1] == "refresh" && manner != Manner::After,
        _ => false,
    }
}

fn tokens_in(path: &Path) -> usize {
    let names = std::fs::read_dir(path.join("tokens")).expect("a folder");
    names.filter(|e| e.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().contains(".json"))).count()
}

#[tokio::test(start_paused = true)]
async fn no_refresh_token_that_reached_the_disk_is_lost_by_a_kill_at_any_step() {
    let place = Place::new();
    place.confirm().await;
    let steps = live(&place, Fate::new(None)).await;
    let refreshes = steps.iter().filter(|step| **step == "refresh").count();
    assert!(refreshes == 2 && steps.len() > 20, "{steps:?}");
    in_order(&steps);
    let mut lost = 0;
    for at in 0..steps.len() {
        for manner in [Manner::Before, Manner::Torn, Manner::After] {
            lost += usize::from(killed_at(&steps, at, manner).await);
        }
    }
    assert_eq!(lost, 2 * 3, "each rotation has one moment at which an answer can be lost, in three shapes");
}

/// One life that ends so and the next one; whether a refresh token was lost.
async fn killed_at(steps: &[&str], at: usize, manner: Manner) -> bool {
    let when = format!("killed {manner:?} {} (step {at} of {steps:?})", steps[at]);
    let place = Place::new();
    place.confirm().await;
    let fate = Fate::new(Some((at, manner)));
    let taken = live(&place, fate.clone()).await;
    assert!(fate.is_dead() && taken == steps[..=at], "{when}: the lives differ");
    let life = place.start(usual(Grant::AuthorizationCode));
    if !may_be_lost(steps, at, manner) {
        life.works(&when).await;
        assert_eq!(tokens_in(place.path()), 1, "{when}");
        minutes(56).await;
        life.works(&when).await;
        return false;
    }
    let told = life.wants_a_person().await;
    assert!(told.contains("pbx_exporter was stopped during the refresh of"), "{when}: {told}");
    assert!(told.contains("pbx_exporter --config.file FILE authorize office"), "{when}: {told}");
    let asked = place.refreshes();
    life.wants_a_person().await;
    assert_eq!(place.refreshes(), asked, "{when}: it stops asking");
    place.confirm().await;
    life.works(&when).await;
    true
}

/// The command that a person waits for, until death; the steps taken.
async fn be_confirmed(place: &Place, fate: Arc<Fate>) -> Vec<&'static str> {
    let target = usual(Grant::AuthorizationCode);
    let (store, transport) = (fate.store(place), fate.transport(place));
    let confirmed = confirm(&*place.pbx, &*transport, &target, &store, place.clock);
    tokio::time::timeout(Duration::from_secs(30), confirmed).await.ok();
    fate.steps.lock().expect("no panic").clone()
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_confirmation_that_reached_the_disk_are_found_however_the_command_ended() {
    let steps = be_confirmed(&Place::new(), Fate::new(None)).await;
    in_order(&steps);
    assert_eq!(steps.iter().position(|step| *step == "refresh"), Some(4), "{steps:?}");
    for at in 0..steps.len() {
        for manner in [Manner::Before, Manner::Torn, Manner::After] {
            let when = format!("killed {manner:?} {} (step {at} of {steps:?})", steps[at]);
            let place = Place::new();
            let taken = be_confirmed(&place, Fate::new(Some((at, manner)))).await;
            assert_eq!(taken, steps[..=at], "{when}");
            minutes(3).await;
            let life = place.start(usual(Grant::AuthorizationCode));
            if at > 5 || (at, manner) == (5, Manner::After) {
                life.works(&when).await;
                continue;
            }
            let told = life.wants_a_person().await;
            assert!(told.contains("pbx_exporter --config.file FILE authorize office"), "{when}: {told}");
            assert_eq!(
                told.contains("A confirmation on"),
                at > 0 || manner == Manner::After,
                "{when}: {told}"
            );
            place.confirm().await;
            life.works(&when).await;
        }
    }
}

/// A start with a misspelt client id, and one with the right one after it, until death; the steps taken.
async fn be_corrected(place: &Place, fate: &Arc<Fate>) -> Vec<&'static str> {
    for client_id in ["misspelt", &usual(Grant::AuthorizationCode).auth.client_id] {
        let mut target = usual(Grant::AuthorizationCode);
        target.auth.client_id = client_id.to_owned();
        let life = place.start_with(target, fate.store(place), fate.transport(place));
        let cancel = tokio_util::sync::CancellationToken::new();
        tokio::time::timeout(Duration::from_secs(30), life.probe.pass(&cancel)).await.ok();
    }
    fate.steps.lock().expect("no panic").clone()
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_the_configuration_and_its_correction_lose_nothing_by_a_kill_at_any_step() {
    let (place, life) = super::due().await;
    life.works("renewed").await;
    drop(life);
    let steps = be_corrected(&place, &Fate::new(None)).await;
    assert_eq!(steps.iter().filter(|step| **step == "rename").count(), 2, "{steps:?}");
    for at in 0..steps.len() {
        for manner in [Manner::Before, Manner::After] {
            let when = format!("killed {manner:?} {} (step {at} of {steps:?})", steps[at]);
            assert_eq!(be_corrected(&place, &Fate::new(Some((at, manner)))).await, steps[..=at], "{when}");
            place.start(usual(Grant::AuthorizationCode)).works(&when).await;
            assert_eq!(tokens_in(place.path()), 1, "{when}");
        }
    }
    minutes(56).await;
    place.start(usual(Grant::AuthorizationCode)).works("with a refresh token that lives").await;
    assert_eq!(place.refreshes(), 2);
}
