//! Accepts connections until told to stop.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::connection;
use super::connections::Connections;
use super::gate::Gate;
use super::socket::{Listener, Socket};
use super::web_config::WebConfig;
use crate::metrics::ExporterMetrics;

/// How often connections are looked through for those over their time.
const SWEEP: Duration = Duration::from_millis(500);
/// Of those who only ask whether the service lives.
const HEALTH_CONNECTIONS: usize = 32;
/// After a failed accept: descriptors that are closed now are free soon.
const AGAIN: Duration = Duration::from_millis(50);
/// A failure that goes on is logged so often.
const SAY_AGAIN: Duration = Duration::from_secs(600);

/// What is served where.
pub struct Serving {
    main: Served,
    health: Served,
    config: Option<Arc<WebConfig>>,
    pulse: Pulse,
}

/// A count that grows while the thread that serves is alive.
#[derive(Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// How often it grows.
    pub const EVERY: Duration = SWEEP;

    /// The count now.
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Some sockets and what they lead to.
struct Served {
    sockets: Vec<Socket>,
    connections: Arc<Connections>,
    gate: Arc<Gate>,
    metrics: Arc<ExporterMetrics>,
}

impl Serving {
    /// `router` as `settings` say, and `health` for all without a password.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(
        mut settings: Settings,
        router: Router,
        health: Router,
        metrics: &Arc<ExporterMetrics>,
    ) -> anyhow::Result<Self> {
        let config = settings.config.clone();
        let open = Settings {
            max_connections: HEALTH_CONNECTIONS,
            allowed_hosts: vec!["*".to_owned()],
            ..Settings::on(std::mem::take(&mut settings.health))
        };
        let main = Served::new(settings, router, metrics)?;
        Ok(Self { main, health: Served::new(open, health, metrics)?, config, pulse: Pulse::default() })
    }

    /// By which its thread is seen to be alive.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }
}

impl Served {
    fn new(mut settings: Settings, router: Router, metrics: &Arc<ExporterMetrics>) -> anyhow::Result<Self> {
        let connections = Connections::new(settings.max_connections, Arc::clone(metrics));
        let gate = Arc::new(Gate::new(&settings, router, Arc::clone(&connections))?);
        let sockets = std::mem::take(&mut settings.sockets);
        Ok(Self { sockets, connections, gate, metrics: Arc::clone(metrics) })
    }

    fn start(self, tasks: &TaskTracker, stop: &CancellationToken, pulse: Pulse) {
        for socket in self.sockets {
            let address = socket.address();
            match socket.listen() {
                Ok(listener) => {
                    let accepting = Accepting {
                        listener,
                        address,
                        connections: Arc::clone(&self.connections),
                        gate: Arc::clone(&self.gate),
                        metrics: Arc::clone(&self.metrics),
                        tasks: tasks.clone(),
                        stop: stop.clone(),
                        said: None,
                    };
                    tasks.spawn(accepting.run());
                }
                Err(error) => tracing::error!(%error, address, "failed to listen on the thread that serves"),
            }
        }
        let (connections, stop) = (self.connections, stop.clone());
        tasks.spawn(async move { stop.run_until_cancelled(sweep(connections, pulse)).await });
    }
}

/// Serves until cancelled; then lets answers under way end.
pub async fn serve(serving: Serving, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    for served in [serving.main, serving.health] {
        served.start(&tasks, &stop, serving.pulse.clone());
    }
    if let Some(config) = serving.config {
        let stop = stop.clone();
        tasks.spawn(async move { stop.run_until_cancelled(config.follow()).await });
    }
    stop.cancelled().await;
    tasks.close();
    tasks.wait().await;
}

async fn sweep(connections: Arc<Connections>, pulse: Pulse) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        connections.sweep(tick.tick().await);
        pulse.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Accepting {
    listener: Listener,
    address: String,
    connections: Arc<Connections>,
    gate: Arc<Gate>,
    metrics: Arc<ExporterMetrics>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// When a failure was last logged.
    said: Option<Instant>,
}

impl Accepting {
    async fn run(mut self) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Where everybody is being answered, the newest has to come again.
                    let Some(place) = self.connections.enter() else { continue };
                    let (gate, stop) = (Arc::clone(&self.gate), self.stop.clone());
                    self.tasks.spawn(connection::serve(stream, peer, place, gate, stop));
                    // Whoever had to make room closes first: else a burst takes more descriptors than there are places.
                    yield_now().await;
                }
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Mostly no descriptor is left.
    async fn failed(&mut self, error: &io::Error) {
        self.metrics.accept_failed();
        if self.said.is_none_or(|said| said.elapsed() > SAY_AGAIN) {
            self.said = Some(Instant::now());
            tracing::error!(%error, address = self.address, "failed to accept a connection; tries go on");
        }
        self.connections.close_idlest();
        sleep(AGAIN).await;
    }
}

/// Gone before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
