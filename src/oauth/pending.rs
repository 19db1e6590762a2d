//! Confirmations begun on the service's page: one a one-time code, bound to the browser that brought it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::confirm::{Confirmation, Swapped, Unconfirmed, too_many_refusals};
use super::{in_shell, vault};
use crate::budget::Origin;
use crate::clock::Clock;
use crate::control::{Begun, Redirected};
use crate::domain::Target;
use crate::store::{self, CodeState, Store, StoreError};
use crate::transport::Transport;

/// So long a person may take, seconds: as long as a code of the PBX serves.
const PATIENCE: f64 = 600.0;
/// More than anybody begins at once.
const MOST: usize = 100;

struct Waiting {
    confirmation: Confirmation,
    cookie: SecretString,
    until: f64,
}

pub struct Pending {
    store: Arc<Store>,
    transport: Arc<dyn Transport>,
    clock: Clock,
    waiting: Mutex<HashMap<String, Waiting>>,
}

#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    #[error("the code is wrong; enter the latest one that the command showed for this target")]
    Wrong,
    #[error(
        "there is no code for this target: it was used or is older than 10 minutes; run `pbx_exporter \
         authorize {0} --page` for a new one"
    )]
    NoCode(String),
    #[error("this platform has no page where access can be confirmed")]
    NoEndpoint,
    /// One more refusal could bring a ban, for so long.
    #[error("{}", too_many_refusals(*.0))]
    Budget(Duration),
    #[error("too many confirmations are in progress; wait 10 minutes")]
    TooMany,
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Pending {
    pub fn new(store: Arc<Store>, transport: Arc<dyn Transport>, clock: Clock) -> Self {
        Self { store, transport, clock, waiting: Mutex::default() }
    }

    /// Begins one, which uses the one-time code up; not while what comes of it could not be asked of `origin`.
    pub async fn begin(
        &self,
        target: &Arc<Target>,
        code: &str,
        redirect_uri: Url,
        origin: &Origin,
    ) -> Result<Begun, NotBegun> {
        if let Some(wait) = origin.wait(false) {
            return Err(NotBegun::Budget(wait));
        }
        let now = self.clock.unix();
        let (store, name, code) = (Arc::clone(&self.store), Arc::clone(&target.name), code.to_owned());
        match vault::on_a_thread(move || store.use_code(&name, &code, now)).await? {
            CodeState::Right => {}
            CodeState::Wrong => return Err(NotBegun::Wrong),
            CodeState::None => return Err(NotBegun::NoCode(in_shell(&target.name))),
        }
        let confirmation =
            Confirmation::begin(Arc::clone(target), redirect_uri).ok_or(NotBegun::NoEndpoint)?;
        let begun = Begun {
            location: confirmation.location.to_string(),
            cookie: SecretString::from(store::random(32)),
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, waiting| now < waiting.until);
        if waiting.len() >= MOST {
            return Err(NotBegun::TooMany);
        }
        let state = confirmation.state().to_owned();
        waiting.insert(state, Waiting { confirmation, cookie: begun.cookie.clone(), until: now + PATIENCE });
        Ok(begun)
    }

    /// Ends one, whatever comes of it: it does not serve twice. Only the browser that began it can. The code is to be
    /// swapped.
    pub fn end(
        &self,
        cookie: &str,
        redirected: &Redirected,
    ) -> Result<(Confirmation, SecretString), Unconfirmed> {
        let confirmation = self.take(cookie, redirected).ok_or(Unconfirmed::WrongState)?;
        let code = confirmation.accept(redirected)?;
        Ok((confirmation, code))
    }

    /// Swaps a code on a place of the budget of `origin`.
    pub async fn swap(&self, confirmation: Confirmation, code: SecretString, origin: &Origin) -> Swapped {
        confirmation.swap(code, &*self.transport, &self.store, self.clock, Some(origin)).await
    }

    fn take(&self, cookie: &str, redirected: &Redirected) -> Option<Confirmation> {
        let state = redirected.state.as_deref()?;
        let now = self.clock.unix();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, waiting| now < waiting.until);
        let known = waiting.get(state)?;
        if !store::same(cookie.as_bytes(), known.cookie.expose_secret().as_bytes()) {
            return None;
        }
        waiting.remove(state).map(|waiting| waiting.confirmation)
    }
}
