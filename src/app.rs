//! The only place that builds clock, transport, board, scheduler and router, and starts and stops
//! them.

mod confirmations;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use self::confirmations::ConfirmPage;
use crate::board::Board;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{BoxFuture, Confirm, Control, ProbeNow};
use crate::domain::StorageSettings;
use crate::logfile;
use crate::metrics::{ExporterMetrics, Kept};
use crate::oauth::{Pending, on_a_thread};
use crate::schedule::{Handle, Parts, Scheduler};
use crate::store::Store;
use crate::transport::HttpTransport;
use crate::web;

/// A stop takes no longer than this, whatever hangs; a second is left for a slow machine to exit within 5.
const STOP_WITHIN: Duration = Duration::from_secs(4);
/// And the listener with its connections, after that.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Gives the configuration as it is now; the error is the whole text for people.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

pub struct Setup {
    pub config: Config,
    pub loader: Loader,
    /// Where to listen; bound by the caller, who so learns early of a port in use.
    pub listener: TcpListener,
    pub telemetry_path: String,
    /// The exporter's own counters, which the log layer shares.
    pub metrics: Arc<ExporterMetrics>,
}

pub struct App {
    passes: TaskTracker,
    web: TaskTracker,
    cancel: CancellationToken,
    close: CancellationToken,
    control: Arc<AppControl>,
}

impl App {
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        web::check_telemetry_path(&setup.telemetry_path)
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
        });
        control.apply(setup.config).await;
        let router = web::router(web::WebState {
            board,
            exporter: setup.metrics,
            kept: Kept::default(),
            clock: Clock::System,
            control: control.clone(),
            telemetry_path: setup.telemetry_path,
        })
        .map_err(anyhow::Error::msg)?;
        let listener = setup.listener.into_std()?;
        let closed = close.clone();
        apart(web.track_future(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => web::serve(listener, router, closed).await,
                Err(error) => tracing::error!(%error, "failed to listen on the thread that serves"),
            }
        }))?;
        Ok(Self { passes, web, cancel, close, control })
    }

    pub fn control(&self) -> Arc<dyn Control> {
        self.control.clone()
    }

    /// Stops: readiness drops, token requests under way are awaited, everything else is cancelled; the
    /// pages go last. `false` where something had to be left behind to be in time.
    pub async fn stop(self) -> bool {
        self.cancel.cancel();
        self.passes.close();
        let passes = tokio::time::timeout(STOP_WITHIN, self.passes.wait()).await;
        self.close.cancel();
        self.web.close();
        let web = tokio::time::timeout(CLOSE_WITHIN, self.web.wait()).await;
        passes.is_ok() && web.is_ok()
    }
}

/// The storage for tokens, owned by this process if it can be. Where it cannot, it is tried again when it is needed.
async fn own_store(config: &Config) -> Option<Arc<Store>> {
    let store = Arc::new(Store::new(config.storage.as_ref()?));
    let asked = store.clone();
    if let Err(error) = on_a_thread(move || asked.own()).await {
        tracing::error!(
            "{error}; until then targets whose tokens only a person can replace show exporter_error"
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
}

/// What holds from the start to the end: a change in mid-life could leave one token in two places.
#[derive(PartialEq)]
struct Fixed {
    storage: Option<StorageSettings>,
    external_url: Option<Url>,
}

impl Fixed {
    fn allows(&self, config: Config) -> Result<Config, String> {
        let mend =
            "error: storage and authorization hold from the start on; restart pbx_exporter to change them";
        if Self::of(&config) == *self { Ok(config) } else { Err(mend.to_owned()) }
    }

    fn of(config: &Config) -> Self {
        Self { storage: config.storage.clone(), external_url: config.external_url.clone() }
    }
}

impl AppControl {
    async fn apply(&self, config: Config) {
        for note in &config.notes {
            tracing::info!("{note}");
        }
        for line in &config.unreadable {
            tracing::error!(
                "{line}; until then the targets that use it show exporter_error, the others are watched"
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
            let loader = self.loader.clone();
            // It reads files, and a large configuration takes its time: no event loop waits for it.
            let result = tokio::task::spawn_blocking(move || loader()).await;
            let config = result
                .unwrap_or_else(|_| Err("reading the configuration panicked; please report it".into()))
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
        })
    }

    fn probe_now(&self, target: &str) -> BoxFuture<'_, ProbeNow> {
        let target = target.to_owned();
        Box::pin(self.handle.probe_now(target))
    }
}
