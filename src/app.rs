//! The only place that builds clock, transport, board, scheduler and router, and starts and stops
//! them.

mod confirmations;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use self::confirmations::ConfirmPage;
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{BoxFuture, Confirm, Control, ProbeNow};
use crate::domain::StorageSettings;
use crate::listener::{self, Pulse, Serving, WebConfig};
use crate::logfile;
use crate::metrics::{ExporterMetrics, Kept};
use crate::oauth::{Pending, on_a_thread};
use crate::schedule::{Handle, Parts, Scheduler};
use crate::store::Store;
use crate::systemd;
use crate::transport::HttpTransport;
use crate::web;

/// A stop takes no longer than this, whatever hangs; a second is left for a slow machine to exit within 5.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// The web configuration with what it names.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// And the listener with its connections, after that.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Gives the configuration as it is now; the error is the whole text for people.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

pub struct Setup {
    pub config: Config,
    pub loader: Loader,
    /// Where to listen, and whom to let in; bound by the caller, who so learns early of a port in use.
    pub listener: listener::Settings,
    /// The exporter's own counters, which the log layer shares.
    pub metrics: Arc<ExporterMetrics>,
}

pub struct App {
    passes: TaskTracker,
    web: TaskTracker,
    cancel: CancellationToken,
    close: CancellationToken,
    control: Arc<AppControl>,
    pulse: Pulse,
}

impl App {
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        web::check_telemetry_path(&setup.listener.telemetry_path)
            .map_err(|text| anyhow!("failed to use --web.telemetry-path: {text}"))?;
        let (passes, web) = (TaskTracker::new(), TaskTracker::new());
        let (cancel, close) = (CancellationToken::new(), CancellationToken::new());
        let transport = Arc::new(HttpTransport::new());
        let board = Arc::new(Board::default());
        let ready = Arc::new(AtomicBool::new(false));
        let store = own_store(&setup.config).await;
        let fixed = Fixed::of(&setup.config);
        let parts = Parts {
            transport: transport.clone(),
            board: board.clone(),
            metrics: setup.metrics.clone(),
            store: store.clone(),
            clock: Clock::System,
            ready: ready.clone(),
            cancel: cancel.clone(),
        };
        let (scheduler, handle) = Scheduler::new(parts, setup.config.limits);
        passes.spawn(scheduler.run());
        let confirm = store.zip(setup.config.external_url.clone()).map(|(store, external_url)| {
            let pending = Pending::new(store, transport.clone(), Clock::System);
            ConfirmPage::new(pending, external_url, handle.clone(), passes.clone(), cancel.clone())
        });
        let metrics = setup.metrics.clone();
        let panicked = move || metrics.panicked();
        passes.spawn(logfile::follow(board.clone(), Clock::System, cancel.clone(), panicked));
        let control = Arc::new(AppControl {
            handle,
            transport,
            loader: setup.loader,
            ready,
            cancel: cancel.clone(),
            metrics: setup.metrics.clone(),
            reloading: Mutex::new(()),
            fixed,
            confirm,
            web_config: setup.listener.config.clone(),
        });
        control.apply(setup.config).await;
        let router = web::router(web::WebState {
            board,
            exporter: setup.metrics.clone(),
            kept: Kept::default(),
            clock: Clock::System,
            control: control.clone(),
            telemetry_path: setup.listener.telemetry_path.clone(),
        })
        .map_err(anyhow::Error::msg)?;
        let health = web::health(control.clone());
        let serving = Serving::new(setup.listener, router, health, &setup.metrics)?;
        let pulse = serving.pulse();
        apart(web.track_future(listener::serve(serving, close.clone())))?;
        Ok(Self { passes, web, cancel, close, control, pulse })
    }

    pub fn control(&self) -> Arc<dyn Control> {
        self.control.clone()
    }

    /// By which the thread that serves is seen to be alive.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Stops: readiness drops, token requests under way are awaited, everything else is cancelled; the
    /// pages go last. `false` where something had to be left behind to be in time.
    pub async fn stop(self) -> bool {
        self.cancel.cancel();
        self.passes.close();
        let passes = timeout(STOP_WITHIN, self.passes.wait()).await;
        self.close.cancel();
        self.web.close();
        let web = timeout(CLOSE_WITHIN, self.web.wait()).await;
        passes.is_ok() && web.is_ok()
    }
}

/// The storage for tokens, owned by this process if it can be. Where it cannot, it is tried again when it is needed.
async fn own_store(config: &Config) -> Option<Arc<Store>> {
    let store = Arc::new(Store::new(config.storage.as_ref()?));
    let asked = store.clone();
    if let Err(error) = on_a_thread(move || asked.own()).await {
        tracing::error!(
            "{error}; until this is fixed, targets whose tokens only a person can replace show exporter_error"
        );
    }
    Some(store)
}

/// Runs `web` on a thread of its own: a large scrape delays no probe, and what probes take does not delay it.
fn apart(web: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("web".into())
        .spawn(move || runtime.block_on(web))
        .context("failed to start the thread that serves")?;
    Ok(())
}

struct AppControl {
    handle: Handle,
    transport: Arc<HttpTransport>,
    loader: Loader,
    ready: Arc<AtomicBool>,
    cancel: CancellationToken,
    metrics: Arc<ExporterMetrics>,
    reloading: Mutex<()>,
    fixed: Fixed,
    confirm: Option<ConfirmPage>,
    web_config: Option<Arc<WebConfig>>,
}

/// What holds from the start to the end: a change in mid-life could leave one token in two places.
#[derive(PartialEq)]
struct Fixed {
    storage: Option<StorageSettings>,
    external_url: Option<Url>,
}

impl Fixed {
    fn allows(&self, config: Config) -> Result<Config, String> {
        let error = "error: storage and authorization cannot be changed by a reload; restart pbx_exporter";
        if Self::of(&config) == *self { Ok(config) } else { Err(error.to_owned()) }
    }

    fn of(config: &Config) -> Self {
        Self { storage: config.storage.clone(), external_url: config.external_url.clone() }
    }
}

impl AppControl {
    async fn apply(&self, config: Config) {
        for note in config.notes.iter().chain(&config.unable) {
            tracing::info!("{note}");
        }
        for line in &config.unreadable {
            tracing::error!(
                "{line}; until this is fixed, the targets that use it show exporter_error; the others are monitored"
            );
        }
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let targets = config.targets.clone();
        if let Some(confirm) = &self.confirm {
            confirm.replace(targets.clone());
        }
        self.handle.replace(config.targets, config.limits).await;
        self.transport.retain(&targets.iter().map(|target| &target.client).collect::<Vec<_>>());
        self.transport.retain_sessions(&targets.iter().map(|target| &*target.name).collect::<Vec<_>>());
        self.metrics.reloaded(Ok(Clock::System.unix()));
        tracing::info!(targets = targets.len(), "configuration in force");
    }
}

impl AppControl {
    async fn reload_config(&self) -> Result<(), String> {
        let loader = self.loader.clone();
        // It reads files, and a large configuration takes its time: no event loop waits for it.
        let result = tokio::task::spawn_blocking(move || loader()).await;
        let config = result
            .unwrap_or_else(|_| Err("reading the configuration panicked; please report this bug".into()))
            .and_then(|config| self.fixed.allows(config));
        match config {
            Ok(config) => {
                self.apply(config).await;
                Ok(())
            }
            Err(error) => {
                self.metrics.reloaded(Err(()));
                tracing::error!(%error, "failed to reload the configuration; the old one stays in force");
                Err(error)
            }
        }
    }

    async fn reload_web_config(&self) -> Result<(), String> {
        let Some(config) = self.web_config.clone() else { return Ok(()) };
        // A disk that hangs must not keep a stop waiting.
        let read = timeout(READ_WITHIN, tokio::task::spawn_blocking(move || config.reload())).await;
        let result = match read {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("reading it panicked; please report it".to_owned()),
            Err(_) => Err("it, or a file that it names, could not be read in time".to_owned()),
        };
        result.map_err(|error| format!("error: --web.config.file: {error}"))
    }
}

impl Control for AppControl {
    fn confirm(&self) -> Option<&dyn Confirm> {
        self.confirm.as_ref().map(|confirm| confirm as &dyn Confirm)
    }

    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && !self.cancel.is_cancelled()
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let _one_at_a_time = self.reloading.lock().await;
            systemd::reloading();
            // Each is read even if the other cannot be: they have nothing to do with each other.
            let (config, web) = (self.reload_config().await, self.reload_web_config().await);
            systemd::ready();
            config.and(web)
        })
    }

    fn web_config_is_stale(&self) -> bool {
        self.web_config.as_ref().is_some_and(|config| config.is_stale())
    }

    fn probe_now(&self, target: &str) -> BoxFuture<'_, ProbeNow> {
        let target = target.to_owned();
        Box::pin(self.handle.probe_now(target))
    }
}
