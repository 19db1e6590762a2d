//! What `pbx_exporter demo` watches: simulated PBXes that live through good and bad times, over and over.
//!
//! Belongs here: the script. Does not belong here: the exporter that watches, which is the real one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::fixtures::{Called, Generation};
use super::pbx::SimPbx;
use super::ringme::{self, RingmeFault, SimRingme};
use super::server::SimServer;
use super::target::target;
use crate::clock::Clock;
use crate::config::Limits;
use crate::domain::target::Backoff;
use crate::domain::{Grant, Target};

/// After this the script starts again.
pub const CYCLE: Duration = Duration::from_secs(240);

/// One PBX of the demo. Times are seconds into the cycle.
struct Scene {
    name: &'static str,
    generation: Generation,
    grant: Grant,
    called: Called,
    token_lifetime: u64,
    faults: &'static [(u64, u64, Fault)],
}

const HOUR: u64 = 3600;

const fn scene(name: &'static str, generation: Generation, faults: &'static [(u64, u64, Fault)]) -> Scene {
    let (grant, called) = (Grant::ClientCredentials, Called::Graphql);
    Scene { name, generation, grant, called, token_lifetime: HOUR, faults }
}

static SCENES: [Scene; 9] = [
    Scene { grant: Grant::Password, ..scene("healthy", Generation::V17, &[]) },
    // An early warning first, then the token in use expires.
    Scene { token_lifetime: 60, ..scene("expiring", Generation::V17, &[(60, 150, Fault::KeyUnusable)]) },
    Scene {
        token_lifetime: 60,
        ..scene("secret-regenerated", Generation::V16, &[(60, 180, Fault::SecretRegenerated)])
    },
    Scene {
        token_lifetime: 30,
        ..scene("scope-removed", Generation::V17, &[(40, 150, Fault::ScopeRemoved)])
    },
    Scene {
        called: Called::Path("/admin/api/api/extensions"),
        ..scene("declined-path", Generation::V16, &[])
    },
    scene(
        "slow",
        Generation::V17,
        &[(50, 130, Fault::Slow(Duration::from_millis(1200))), (130, 170, Fault::Hang)],
    ),
    scene("bad-gateway", Generation::V17_0_1, &[(70, 140, Fault::Html502)]),
    scene("rate-limited", Generation::V16, &[(30, 120, Fault::RateLimited(20))]),
    Scene {
        called: Called::Rest,
        token_lifetime: 30,
        ..scene(
            "recovering",
            Generation::V17,
            &[
                (20, 60, Fault::RewriteBroken),
                (60, 100, Fault::KeyUnusable),
                (100, 140, Fault::RejectAllTokens),
            ],
        )
    },
];

/// What is wrong with the PBX of this name, this long after the start.
pub fn phase(name: &str, elapsed: Duration) -> Option<Fault> {
    let second = elapsed.as_secs() % CYCLE.as_secs();
    let scene = SCENES.iter().find(|scene| scene.name == name)?;
    let now = scene.faults.iter().find(|(from, until, _)| (*from..*until).contains(&second));
    now.map(|(_, _, fault)| fault.clone())
}

/// The same of the one that is hosted, a Ringme.
pub fn hosted_phase(elapsed: Duration) -> Option<RingmeFault> {
    match elapsed.as_secs() % CYCLE.as_secs() {
        40..100 => Some(RingmeFault::Resource("access denied")),
        130..180 => Some(RingmeFault::Resource("user blocked")),
        _ => None,
    }
}

/// The simulated PBXes at work, and the targets that watch them.
#[derive(Debug)]
pub struct Demo {
    servers: Vec<SimServer>,
    hosted: SimServer<SimRingme>,
    targets: Vec<Arc<Target>>,
    started: Instant,
}

impl Demo {
    pub async fn start(clock: Clock) -> io::Result<Self> {
        let (mut servers, mut targets) = (Vec::new(), Vec::new());
        for scene in &SCENES {
            let pbx = SimPbx::new(scene.generation, clock);
            pbx.set_token_lifetime(Duration::from_secs(scene.token_lifetime));
            let server = SimServer::start(Arc::new(pbx)).await?;
            let watched = target(scene.name, server.origin(), scene.grant, scene.called.call());
            targets.push(Arc::new(hurried(watched)));
            servers.push(server);
        }
        let hosted = SimServer::start(Arc::new(SimRingme::new(clock))).await?;
        let watched = ringme::target("hosted", hosted.origin(), Grant::ClientCredentials);
        targets.push(Arc::new(hurried(watched)));
        Ok(Self { servers, hosted, targets, started: Instant::now() })
    }

    pub fn targets(&self) -> Vec<Arc<Target>> {
        self.targets.clone()
    }

    /// Limits that let the script show itself: a simulated PBX bans nobody.
    pub fn limits() -> Limits {
        Limits { refusal_window: Duration::from_secs(30), ..Limits::default() }
    }

    pub async fn run(&self, stop: CancellationToken) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            self.play(self.started.elapsed());
        }
    }

    fn play(&self, elapsed: Duration) {
        for (target, server) in self.targets.iter().zip(&self.servers) {
            server.pbx().set_fault(phase(&target.name, elapsed));
        }
        self.hosted.pbx().set_fault(hosted_phase(elapsed));
    }
}

/// The target with all waits shortened, so that a minute shows what a day would.
fn hurried(target: Target) -> Target {
    let seconds = Duration::from_secs;
    Target {
        interval: seconds(5),
        failure_interval: seconds(3),
        timeout: seconds(2),
        token_interval: Some(seconds(20)),
        backoff: Backoff { start: seconds(5), cap: seconds(20), denied: seconds(5) },
        ..target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_as_a_table() {
        for (name, second, fault) in [
            ("healthy", 100, None),
            ("expiring", 59, None),
            ("expiring", 60, Some(Fault::KeyUnusable)),
            ("expiring", 149, Some(Fault::KeyUnusable)),
            ("expiring", 150, None),
            ("secret-regenerated", 59, None),
            ("secret-regenerated", 60, Some(Fault::SecretRegenerated)),
            ("secret-regenerated", 180, None),
            ("secret-regenerated", 300, Some(Fault::SecretRegenerated)),
            ("scope-removed", 40, Some(Fault::ScopeRemoved)),
            ("declined-path", 100, None),
            ("slow", 129, Some(Fault::Slow(Duration::from_millis(1200)))),
            ("slow", 130, Some(Fault::Hang)),
            ("bad-gateway", 139, Some(Fault::Html502)),
            ("rate-limited", 30, Some(Fault::RateLimited(20))),
            ("recovering", 59, Some(Fault::RewriteBroken)),
            ("recovering", 60, Some(Fault::KeyUnusable)),
            ("recovering", 100, Some(Fault::RejectAllTokens)),
            ("recovering", 140, None),
            ("nobody", 100, None),
        ] {
            assert_eq!(phase(name, Duration::from_secs(second)), fault, "{name} at {second} s");
        }
        for (second, fault) in
            [(39, None), (40, Some("access denied")), (130, Some("user blocked")), (180, None)]
        {
            let expected = fault.map(RingmeFault::Resource);
            assert_eq!(hosted_phase(Duration::from_secs(second)), expected, "hosted at {second} s");
        }
    }

    #[test]
    fn every_scene_ends_its_troubles_within_the_cycle_and_one_by_one() {
        for scene in &SCENES {
            let mut free_from = 0;
            for (from, until, _) in scene.faults {
                assert!(free_from <= *from && from < until, "{}", scene.name);
                free_from = *until;
            }
            assert!(free_from < CYCLE.as_secs(), "{}", scene.name);
        }
    }

    #[tokio::test]
    async fn the_demo_starts_and_plays() {
        let demo = Demo::start(Clock::System).await.unwrap();
        assert_eq!(demo.targets().len(), SCENES.len() + 1);
        demo.play(Duration::from_secs(70));
        let stop = CancellationToken::new();
        stop.cancel();
        demo.run(stop).await;
    }
}
