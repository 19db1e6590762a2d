//! `--web.config.file`: TLS, users, headers, HTTP/2 and rate limit, in the file of the Prometheus family.
//!
//! Belongs here: what is in force, and when something else may take its place. The file is stricter than its model
//! where that one is weak: one that cannot be used, or that would take a protection away while it is rewritten, never
//! takes the place of the last good one.

mod clients;
mod file;
mod headers;
mod tls;
mod users;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue};
use ring::digest::{Context, SHA256};
use tokio::time::{MissedTickBehavior, interval};

use self::file::File;
use self::tls::Material;
pub(super) use self::tls::ServerTls;
pub(super) use self::users::Users;
use crate::metrics::ExporterMetrics;

/// How soon a change on the disk is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// What one reading of the file gave.
#[derive(Default)]
pub(super) struct InForce {
    pub users: Users,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub tls: Option<ServerTls>,
    pub rate_limit: Option<RateLimit>,
    pub http2: bool,
}

/// A token every so often, up to so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateLimit {
    /// `None`: as often as anybody likes.
    pub interval: Option<Duration>,
    pub burst: i64,
}

/// The file, and what of it is in force.
pub struct WebConfig {
    path: PathBuf,
    now: ArcSwap<InForce>,
    /// Held while files are read, which may hang; who only wants to know what came of it does not wait.
    reading: Mutex<()>,
    tried: Mutex<Tried>,
    metrics: Arc<ExporterMetrics>,
}

/// The newest try.
#[derive(Clone, Default)]
struct Tried {
    /// Of all bytes that it read.
    digest: Option<Vec<u8>>,
    /// Why it could not take its place.
    error: Option<String>,
}

impl std::fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebConfig").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What is on the disk, not yet judged.
struct OnDisk {
    file: File,
    material: Option<Material>,
}

/// Whether the file can be used; gives what a person should know. Nothing is started.
///
/// # Errors
/// Why not, in the family's words.
pub fn check(path: &Path) -> Result<Vec<String>, String> {
    let text = read(path)?;
    judge(&on_disk(path, &text)?).map(|(_, warnings)| warnings)
}

/// Whether the file turns TLS on.
///
/// # Errors
/// It cannot be read.
pub fn speaks_tls(path: &Path) -> Result<bool, String> {
    let file = file::parse(&read(path)?)?;
    Ok(file.tls_server_config.is_some_and(|tls| tls.is_on()))
}

impl WebConfig {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(path: &Path, metrics: Arc<ExporterMetrics>) -> Result<Self, String> {
        let opened = Self {
            path: path.to_owned(),
            now: ArcSwap::default(),
            reading: Mutex::default(),
            tried: Mutex::default(),
            metrics,
        };
        opened.attempt(Asked::Start)?;
        let now = opened.now();
        if now.tls.is_some() {
            tracing::info!(http2 = now.http2, "TLS is enabled.");
        } else {
            tracing::info!("TLS is disabled.");
        }
        Ok(opened)
    }

    pub(super) fn now(&self) -> Arc<InForce> {
        self.now.load_full()
    }

    /// Whether the newest reading is not in force.
    pub fn is_stale(&self) -> bool {
        lock(&self.tried).error.is_some()
    }

    /// Reads it because somebody asks for that, who so may take users or a check of certificates away.
    ///
    /// # Errors
    /// Why the last good one stays in force.
    pub fn reload(&self) -> Result<(), String> {
        self.attempt(Asked::Explicitly)
    }

    /// Looks for changes until dropped. Files are read on a thread of their own, for they may hang.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let this = Arc::clone(&self);
            tokio::task::spawn_blocking(move || this.attempt(Asked::ByTheClock).ok()).await.ok();
        }
    }

    fn attempt(&self, asked: Asked) -> Result<(), String> {
        let _one_at_a_time = lock(&self.reading);
        let read = read(&self.path).and_then(|text| Ok((on_disk(&self.path, &text)?, text)));
        let digest = read.as_ref().ok().map(|(on_disk, text)| digest(text, on_disk.material.as_ref()));
        let before = lock(&self.tried).clone();
        if asked == Asked::ByTheClock && digest.is_some() && digest == before.digest {
            return before.error.map_or(Ok(()), Err);
        }
        let judged = read.and_then(|(on_disk, _)| judge(&on_disk)).and_then(|(new, warnings)| {
            if asked != Asked::Start {
                allowed(&self.now.load(), &new, asked)?;
            }
            Ok((new, warnings))
        });
        self.metrics.web_config_read(judged.is_ok());
        let result = judged.map(|(new, warnings)| self.put(new, &warnings, asked));
        if let Err(error) = &result {
            self.report(error, &before, asked);
        }
        *lock(&self.tried) = Tried { digest, error: result.clone().err() };
        result
    }

    /// What a person asked for is reported each time, what the clock finds once.
    fn report(&self, error: &str, before: &Tried, asked: Asked) {
        let is_known = before.error.as_deref() == Some(error);
        if asked == Asked::Explicitly || (asked == Asked::ByTheClock && !is_known) {
            let file = self.path.display();
            tracing::error!(%error, %file, "failed to reload the web configuration; the last good one stays in force");
        }
    }

    fn put(&self, new: InForce, warnings: &[String], asked: Asked) {
        for warning in warnings {
            tracing::warn!("{}: {warning}", self.path.display());
        }
        self.now.store(Arc::new(new));
        if asked != Asked::Start {
            tracing::info!(file = %self.path.display(), "web configuration in force");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who wants the file to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Start,
    Explicitly,
    ByTheClock,
}

fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("failed to read {shown}: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{shown} is no text"))
}

fn on_disk(path: &Path, text: &str) -> Result<OnDisk, String> {
    let file = file::parse(text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let tls = file.tls_server_config.as_ref().filter(|tls| tls.is_on());
    let material = tls.map(|tls| tls.material(folder)).transpose()?;
    Ok(OnDisk { file, material })
}

fn digest(text: &str, material: Option<&Material>) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    let parts = material.map(Material::parts).unwrap_or_default();
    for part in [text.as_bytes()].into_iter().chain(parts) {
        context.update(&part.len().to_le_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

fn judge(on_disk: &OnDisk) -> Result<(InForce, Vec<String>), String> {
    let file = &on_disk.file;
    let users = Users::check(file.basic_auth_users.clone().unwrap_or_default())?;
    let http = file.http_server_config.as_ref();
    let http2 = http.and_then(|http| http.http2).unwrap_or(true);
    let headers = headers::check(http.and_then(|http| http.headers.clone()).unwrap_or_default())?;
    let read = match (&file.tls_server_config, &on_disk.material) {
        (Some(tls), Some(material)) => tls::build(tls, material, http2)?,
        _ => tls::Read { tls: None, warnings: Vec::new() },
    };
    let rate_limit = file.rate_limit.and_then(rate_limit);
    Ok((InForce { users, headers, tls: read.tls, rate_limit, http2 }, read.warnings))
}

/// Off without an interval; without limit where it is negative, as in Go.
fn rate_limit(limit: file::RateLimit) -> Option<RateLimit> {
    let nanoseconds = limit.interval.map_or(0, |interval| interval.0);
    let interval = u64::try_from(nanoseconds).ok().map(Duration::from_nanos);
    (nanoseconds != 0).then(|| RateLimit { interval, burst: limit.burst.unwrap_or(0) })
}

/// What a running listener may change to. A file that is truncated before it is written again reads as one that asks
/// for nothing; so only a person may take protection away.
fn allowed(old: &InForce, new: &InForce, asked: Asked) -> Result<(), String> {
    if old.tls.is_some() != new.tls.is_some() {
        return Err(
            "whether TLS is spoken holds from the start on; restart pbx_exporter to change it".to_owned()
        );
    }
    if asked == Asked::Explicitly {
        return Ok(());
    }
    let gone = if !old.users.is_empty() && new.users.is_empty() {
        Some("asks for no password any more")
    } else if let (Some(old), Some(new)) = (&old.tls, &new.tls) {
        let (old, new) = (old.demands, new.demands);
        if new.certificate < old.certificate {
            Some("asks less of client certificates")
        } else {
            (old.names && !new.names).then_some("no longer has client_allowed_sans")
        }
    } else {
        None
    };
    match gone {
        None => Ok(()),
        Some(what) => Err(format!(
            "the file {what}; the last good one stays in force, for it may be half written. If it is meant so, ask for \
             a reload (SIGHUP or POST /-/reload)"
        )),
    }
}
