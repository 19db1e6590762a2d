//! When is counted, in virtual time. The program is missing, so that each count ends at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::domain::{Grant, Target};
use pbx_exporter::sim::fixtures::Generation;

use super::asking;
use crate::support::world::{UNIX, World, minutes, pbx, seconds, usual};

fn counted(name: &str) -> Target {
    let host_count = Some(Arc::new(asking(PathBuf::from("/absent/asterisk"), Duration::from_secs(10))));
    Target { host_count, name: name.into(), ..usual(Grant::ClientCredentials) }
}

/// When the newest count of a target was, in whole seconds since the start.
fn last_count(world: &World, name: &str) -> Option<f64> {
    let slots = world.board.slots();
    let slot = slots.iter().find(|slot| &*slot.info.name == name).expect("a target of that name");
    slot.host_count().map(|host_count| (host_count.at - UNIX).round())
}

#[tokio::test(start_paused = true)]
async fn counts_have_an_interval_of_their_own_and_never_touch_the_probe() {
    let (_pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [counted("office")]).await;
    seconds(1).await;
    for minute in 0..12 {
        assert_eq!(last_count(&world, "office"), Some(f64::from(minute / 5 * 300)), "minute {minute}");
        assert_eq!(world.state().up, Some(true));
        assert_eq!(world.state().extensions, Some(3));
        minutes(1).await;
    }
    let host_count = world.board.slots()[0].host_count().expect("a count");
    let why = host_count.count.clone().expect_err("the program is missing");
    assert!(why.starts_with("failed to start /absent/asterisk: No such file"), "{why}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_target_without_one_is_not_counted() {
    let (_pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(11).await;
    assert_eq!(last_count(&world, "office"), None);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_counts_of_unchanged_targets_and_ends_those_of_others() {
    let (_pbx, transport) = pbx(Generation::V16);
    let world = World::start(transport, [counted("stays"), counted("goes")]).await;
    seconds(1).await;
    let gone = world.board.slots().iter().find(|slot| &*slot.info.name == "goes").expect("a target").clone();
    world.replace([counted("stays")]).await;
    minutes(6).await;
    assert_eq!(last_count(&world, "stays"), Some(300.0));
    let last = gone.host_count().map(|host_count| (host_count.at - UNIX).round());
    assert_eq!(last, Some(0.0));
    world.stop().await;
}
