//! The page for confirmations, as the web may use it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::control::{Begun, BoxFuture, Confirm, Redirected};
use crate::domain::{Grant, Target};
use crate::oauth::Pending;
use crate::schedule::Handle;

/// A browser that has confirmed is not kept waiting longer for the probe that uses the tokens.
const ADOPT_WITHIN: Duration = Duration::from_secs(3);

/// See the module.
pub(super) struct ConfirmPage {
    pending: Arc<Pending>,
    external_url: Url,
    /// As they are configured now.
    targets: ArcSwap<Vec<Arc<Target>>>,
    handle: Handle,
    tasks: TaskTracker,
}

impl ConfirmPage {
    /// For no target yet. A stop waits for `tasks`.
    pub fn new(pending: Pending, external_url: Url, handle: Handle, tasks: TaskTracker) -> Self {
        Self { pending: Arc::new(pending), external_url, targets: ArcSwap::default(), handle, tasks }
    }

    /// Serves these targets from now on.
    pub fn replace(&self, targets: Vec<Arc<Target>>) {
        self.targets.store(Arc::new(targets));
    }

    fn target(&self, name: &str) -> Option<Arc<Target>> {
        let targets = self.targets.load();
        let named = targets.iter().find(|target| *target.name == *name).cloned();
        named.filter(|target| target.auth.grant == Grant::AuthorizationCode)
    }

    async fn start(&self, name: &str, code: &str) -> Result<Begun, String> {
        let target = self.target(name).ok_or("no target of that name is confirmed by a person")?;
        let mut callback = self.external_url.clone();
        callback.set_path(&format!("{}oauth/callback", self.external_url.path()));
        self.pending.begin(&target, code, callback).await.map_err(|error| error.to_string())
    }
}

async fn end(
    pending: &Pending,
    handle: &Handle,
    cookie: &str,
    redirected: &Redirected,
) -> Result<String, String> {
    let finished = pending.finish(cookie, redirected).await;
    let (target, granted) = finished.map_err(|error| error.tell())?;
    tracing::info!(target = &*target.name, "access was confirmed on the page");
    // Who asked for a probe a moment ago is not waited for: the next pass takes the tokens up, too.
    tokio::time::timeout(ADOPT_WITHIN, handle.probe_now(target.name.to_string())).await.ok();
    Ok(granted.tell(&target))
}

impl Confirm for ConfirmPage {
    fn external_url(&self) -> &Url {
        &self.external_url
    }

    fn begin(&self, target: &str, code: &str) -> BoxFuture<'_, Result<Begun, String>> {
        let (target, code) = (target.to_owned(), code.to_owned());
        Box::pin(async move { self.start(&target, &code).await })
    }

    fn finish(&self, cookie: &str, redirected: Redirected) -> BoxFuture<'_, Result<String, String>> {
        let (pending, handle, cookie) = (Arc::clone(&self.pending), self.handle.clone(), cookie.to_owned());
        // In a task of its own: a browser that goes away meanwhile must not take the tokens along.
        let finished = self.tasks.spawn(async move { end(&pending, &handle, &cookie, &redirected).await });
        Box::pin(async {
            finished.await.unwrap_or_else(|_| Err("The service failed inside; begin anew.".to_owned()))
        })
    }
}
