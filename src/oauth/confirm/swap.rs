//! A code swapped for tokens, and these handed over to whoever owns the token storage.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{Confirmation, Granted, Unconfirmed};
use crate::budget::Origin;
use crate::causes;
use crate::clock::Clock;
use crate::domain::outcome::Attempt;
use crate::domain::{Grant, Operation, Target};
use crate::oauth::request::{Code, swap_code};
use crate::oauth::send::{Sent, judge};
use crate::oauth::vault;
use crate::store::{self, Chain, Confirmed, Record, Store, StoreError};
use crate::transport::Transport;

/// From one try to write tokens to the next.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

impl Confirmation {
    /// Swaps the code for tokens. That it is about to be used up is on disk before it is sent. The request takes a place in
    /// the budget of `origin`, where that is known: by the service, not by a command beside it.
    pub async fn swap(
        self,
        code: SecretString,
        transport: &dyn Transport,
        store: &Arc<Store>,
        clock: Clock,
        origin: Option<&Origin>,
    ) -> Swapped {
        let mut made = None;
        let swapping = async {
            let permit = match origin {
                Some(origin) => Some(origin.admit(false).await.map_err(Unconfirmed::Budget)?),
                None => None,
            };
            let received = self.intend(&code, store, clock)?;
            received.write().await?;
            let target = Arc::clone(&self.target);
            let verifier = self.verifier.map(|verifier| SecretString::from(verifier.into_secret()));
            let code = Code { secret: code, verifier, redirect_uri: self.redirect_uri };
            let answer = swap_code(transport, &target, &code).await;
            let after_refusals = origin.is_some_and(Origin::refused_credentials_lately);
            let (sent, attempt) = judge(&target, Grant::AuthorizationCode, answer, after_refusals);
            if let Some(permit) = permit {
                permit.judge(&attempt);
            }
            made = Some(attempt);
            received.take(sent, &target, clock).await
        };
        Swapped { result: swapping.await, attempt: made }
    }

    /// What says that `code` is about to be spent.
    fn intend(&self, code: &SecretString, store: &Arc<Store>, clock: Clock) -> Result<Received, Unconfirmed> {
        let (id, at) = (store::random(12), clock.unix());
        let redirect_uri = Some(self.redirect_uri.to_string());
        let confirmed = Confirmed { id: id.clone(), at, redirect_uri };
        let mut chain = Chain { confirmed: Some(confirmed), ..Chain::default() };
        chain.begin(code, at);
        let record = Record { owner: vault::owner(&self.target)?, serial: 0, chain, access: None };
        Ok(Received { store: Arc::clone(store), id, record })
    }
}

pub struct Swapped {
    pub result: Result<Received, Unconfirmed>,
    /// The request, where one was made, for whoever counts it.
    pub attempt: Option<Attempt>,
}

/// Tokens of a confirmation, which nobody else has.
#[must_use = "only what is handed over is found again"]
pub struct Received {
    store: Arc<Store>,
    id: String,
    record: Record,
}

impl Received {
    async fn take(mut self, sent: Sent, target: &Target, clock: Clock) -> Result<Self, Unconfirmed> {
        match (sent.result, sent.refresh_token) {
            (Ok(issued), _) => {
                self.record.chain.received(issued.refresh_secret());
                self.record.access = Some(vault::access(&issued.token(clock), target));
                Ok(self)
            }
            // The keeper asks with it.
            (Err(_), Some(refresh_token)) => {
                self.record.chain.received(Some(refresh_token));
                Ok(self)
            }
            (Err(failure), None) => {
                // Where that cannot be written, the error still says that this left no tokens.
                if sent.may_have_worked {
                    self.record.chain.lost();
                    self.write().await.ok();
                } else {
                    self.take_back().await.ok();
                }
                let explanation = causes::explain(target, Operation::Token, &failure);
                Err(Unconfirmed::Failed(Box::new(explanation)))
            }
        }
    }

    /// Hands the tokens over to whoever owns the storage. Where it fails they are still here, for another try.
    pub async fn hand_over(&self) -> Result<Granted, StoreError> {
        self.write().await?;
        Ok(Granted {
            usable: self.record.access.is_some(),
            renewable: self.record.chain.refresh_token.is_some(),
        })
    }

    pub async fn hand_over_at_last(&self) -> Granted {
        loop {
            tokio::time::sleep(AGAIN_AFTER).await;
            if let Ok(granted) = self.hand_over().await {
                return granted;
            }
        }
    }

    async fn write(&self) -> Result<(), StoreError> {
        let (store, id, record) = (Arc::clone(&self.store), self.id.clone(), self.record.clone());
        vault::on_a_thread(move || store.hand_over(&id, &record)).await
    }

    async fn take_back(self) -> Result<(), StoreError> {
        let Self { store, id, record } = self;
        vault::on_a_thread(move || store.take_back(&id, &record.owner.target)).await
    }
}
