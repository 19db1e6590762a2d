//! Tokens on disk, as the keeper uses them: restarts, kills, lost answers, confirmations. Virtual time.

mod keeper;
mod kill;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::budget::Origin;
use pbx_exporter::clock::Clock;
use pbx_exporter::domain::outcome::Outcome;
use pbx_exporter::domain::{Failure, Grant, Reason, Target};
use pbx_exporter::probe::Probe;
use pbx_exporter::sim::{Generation, SimPbx, SimTransport};
use pbx_exporter::store::Store;
use pbx_exporter::transport::Transport;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::person::{confirm, settings};
use crate::support::world::{UNIX, pbx, usual};

/// A PBX, a folder for tokens, and a clock that both lives of the exporter share.
struct Place {
    folder: TempDir,
    pbx: Arc<SimPbx>,
    transport: Arc<SimTransport>,
    clock: Clock,
}

/// One life of the exporter, from its start to its end.
struct Life {
    probe: Probe,
}

impl Place {
    fn new() -> Self {
        let (pbx, transport) = pbx(Generation::V17);
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, pbx, transport, clock: Clock::steered(UNIX) }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the exporter over this storage and transport.
    fn start_with(&self, target: Target, store: Arc<Store>, transport: Arc<dyn Transport>) -> Life {
        let origin = Arc::new(Origin::new(1000, Duration::from_secs(2400)));
        let probe = Probe::new(Arc::new(target), None, transport, origin, self.clock);
        Life { probe: probe.keeping_tokens(Some(store)) }
    }

    fn start(&self, target: Target) -> Life {
        let store = Arc::new(Store::new(&settings(self.path())));
        self.start_with(target, store, self.transport.clone())
    }

    /// A person confirms access for the usual target by the command.
    async fn confirm(&self) {
        let store = Arc::new(Store::new(&settings(self.path())));
        let target = usual(Grant::AuthorizationCode);
        let granted = confirm(&*self.pbx, &*self.transport, &target, &store, self.clock).await;
        assert!(granted.expect("confirmed").renewable);
    }

    fn refreshes(&self) -> u64 {
        self.pbx.token_requests_by_grant(Grant::RefreshToken)
    }
}

impl Life {
    async fn pass(&self) -> Outcome {
        self.probe.pass(&CancellationToken::new()).await.expect("an outcome")
    }

    /// One pass that gets the list.
    async fn works(&self, when: &str) {
        let outcome = self.pass().await;
        assert!(outcome.is_success(), "{when}: {:?}", outcome.token);
    }

    /// One pass that gets no token; why.
    async fn fails(&self) -> Failure {
        self.pass().await.token.expect("news").expect_err("a failure")
    }

    /// One pass that finds nothing left to ask with; what a person is told.
    async fn wants_a_person(&self) -> String {
        let failure = self.fails().await;
        assert_eq!(failure.reason, Reason::AuthorizationRequired, "{failure:?}");
        failure.diagnosis.into_owned()
    }
}
