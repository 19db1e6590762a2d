//! The page for confirmations, as the web may use it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::control::{Begun, BoxFuture, Confirm, Redirected};
use crate::domain::{Grant, Target};
use crate::oauth::Pending;
use crate::oauth::confirm::Received;
use crate::schedule::Handle;

/// A browser that has confirmed is not kept waiting longer for the probe that uses the tokens.
const ADOPT_WITHIN: Duration = Duration::from_secs(3);

pub(super) struct ConfirmPage {
    external_url: Url,
    /// As they are configured now.
    targets: ArcSwap<Vec<Arc<Target>>>,
    ending: Ending,
}

impl ConfirmPage {
    /// For no target yet. A stop is told by `cancel`, and waits for `tasks`.
    pub fn new(
        pending: Pending,
        external_url: Url,
        handle: Handle,
        tasks: TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let ending = Ending { pending: Arc::new(pending), handle, tasks, cancel };
        Self { external_url, targets: ArcSwap::default(), ending }
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
        let unknown = "no target of this name needs a person's confirmation";
        let target = self.target(name).ok_or(unknown)?;
        let origin = self.ending.handle.origin(name.to_owned()).await.ok_or(unknown)?;
        let mut callback = self.external_url.clone();
        callback.set_path(&format!("{}oauth/callback", self.external_url.path()));
        let begun = self.ending.pending.begin(&target, code, callback, &origin).await;
        begun.map_err(|error| error.to_string())
    }
}

/// What the end of a confirmation needs.
#[derive(Clone)]
struct Ending {
    pending: Arc<Pending>,
    handle: Handle,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Ending {
    async fn run(self, cookie: &str, redirected: &Redirected) -> Result<String, String> {
        let ended = self.pending.end(cookie, redirected);
        let (confirmation, code) = ended.map_err(|error| error.sentence())?;
        let target = Arc::clone(&confirmation.target);
        let origin = self.handle.origin(target.name.to_string()).await;
        let origin = origin
            .ok_or("Nothing has changed: this target is no longer configured, or the service is stopping.")?;
        let swapped = self.pending.swap(confirmation, code, &origin).await;
        let note = async {
            if let Some(attempt) = swapped.attempt {
                self.handle.note(target.name.to_string(), attempt).await;
            }
        };
        let received = match swapped.result {
            Ok(received) => received,
            Err(error) => {
                note.await;
                return Err(error.sentence());
            }
        };
        // What was received is on disk before anything else is done.
        let handed = received.hand_over().await;
        note.await;
        match handed {
            Ok(granted) => {
                self.tell(&target).await;
                Ok(granted.sentence(&target))
            }
            Err(error) => {
                let text = format!(
                    "access was confirmed on the page, but the tokens cannot be written yet: {error}. They are in memory, and writing is \
                     retried until the service stops"
                );
                tracing::error!(target = &*target.name, "{text}");
                let tasks = self.tasks.clone();
                tasks.spawn(self.hand_over_late(target.clone(), received));
                Ok(format!("For {}: {text}; do not stop it before the target is up.", target.name))
            }
        }
    }

    async fn hand_over_late(self, target: Arc<Target>, received: Received) {
        let handed = self.cancel.run_until_cancelled(received.hand_over_at_last()).await;
        // Once more where the service ends.
        let lost = match handed {
            Some(_) => None,
            None => received.hand_over().await.err(),
        };
        match lost {
            None => self.tell(&target).await,
            Some(error) => tracing::error!(
                target = &*target.name,
                "the tokens of a confirmation are lost, because they could not be written before the service stopped: {error}; access has \
                 to be confirmed again"
            ),
        }
    }

    async fn tell(&self, target: &Target) {
        tracing::info!(target = &*target.name, "access was confirmed on the page");
        // Who asked for a probe a moment ago is not waited for: the next pass takes the tokens up, too.
        tokio::time::timeout(ADOPT_WITHIN, self.handle.probe_now(target.name.to_string())).await.ok();
    }
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
        let (ending, cookie) = (self.ending.clone(), cookie.to_owned());
        // In a task of its own: a browser that goes away meanwhile must not take the tokens along.
        let finished = self.ending.tasks.spawn(async move { ending.run(&cookie, &redirected).await });
        Box::pin(async { finished.await.unwrap_or_else(|_| Err("Internal error; start again.".to_owned())) })
    }
}
