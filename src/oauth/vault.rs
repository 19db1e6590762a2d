//! What a keeper has on disk: read once, written after each change, and what others handed over.
//!
//! File operations wait for the disk, so they run on a thread of their own.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::domain::cause::Local;
use crate::domain::token::Token;
use crate::domain::{Failure, Grant, SecretError, SecretSource, Target};
use crate::store::{self, Access, Chain, HandedOver, Left, Owner, Record, Store, StoreError, Turn, Written};

/// A confirmation whose command has not yet got its answer is waited for as long, seconds.
const CONFIRMING: f64 = 120.0;

#[derive(Debug, Default)]
pub(super) struct Vault {
    /// What is in memory and newer than the file; gone before the turn is.
    unsaved: Option<Unsaved>,
    store: Option<Arc<Store>>,
    /// At the file, where there is to be one.
    turn: Option<Turn>,
    /// Known once the file was read.
    owner: Option<Owner>,
    /// Fingerprint of the configured refresh token from which the kept one descends; known without files, too.
    seed: Option<String>,
    serial: u64,
    trouble: Option<String>,
    /// Notes on what others left, logged already.
    notes: Vec<String>,
}

/// What could not be written. Where only a person can replace it, it is tried once more when the keeper goes.
#[derive(Debug)]
struct Unsaved(Option<(Arc<Store>, Record)>);

impl Drop for Unsaved {
    fn drop(&mut self) {
        let Some((store, record)) = self.0.take() else { return };
        if let Err(error) = store.save(&record) {
            tracing::error!(
                target = record.owner.target,
                "the latest tokens are lost because they could not be written before the exporter stopped: \
                 {error}"
            );
        }
    }
}

pub(super) enum Trouble {
    Store(StoreError),
    Secret(SecretError),
    /// By the keeper of a later configuration: nobody sees what becomes of this one.
    Replaced,
}

impl Trouble {
    pub fn cause(&self) -> String {
        match self {
            Self::Store(error) => error.to_string(),
            Self::Secret(error) => error.with_fix(),
            Self::Replaced => "a reload has replaced this target".to_owned(),
        }
    }

    /// What this means to a target that cannot do without.
    pub fn failure(&self) -> Failure {
        let error = self.cause().into();
        Failure::new(match self {
            Self::Store(StoreError::Seed { .. }) | Self::Secret(_) => Local::SecretUnreadable { error },
            Self::Replaced => Local::TargetReplaced,
            Self::Store(_) => Local::StorageUnusable { error },
        })
    }
}

impl Vault {
    pub fn new(store: Option<Arc<Store>>, target: &Target) -> Self {
        let turn = store.as_ref().map(|store| store.next_turn(&target.name));
        Self { store, turn, ..Self::default() }
    }

    pub const fn is_saved(&self) -> bool {
        self.store.is_none() || self.unsaved.is_none()
    }

    /// The file's content, at the first question that succeeds.
    pub async fn open(&mut self, target: &Target) -> Result<Option<Record>, Trouble> {
        let Some(store) = self.store.clone().filter(|_| self.owner.is_none()) else { return Ok(None) };
        if let Some(turn) = &mut self.turn
            && !turn.begin().await
        {
            return Err(Trouble::Replaced);
        }
        let owner = owner(target).map_err(Trouble::Secret)?;
        let asked = owner.clone();
        let loaded = on_a_thread(move || store.load(&asked)).await.map_err(Trouble::Store)?;
        for text in loaded.notes {
            tracing::warn!(target = &*target.name, "{text}");
        }
        self.seed.clone_from(&owner.seed);
        self.owner = Some(owner);
        self.serial = loaded.record.as_ref().map_or(0, |record| record.serial);
        Ok(loaded.record)
    }

    /// The next question reads the file of whoever is the owner then.
    pub fn close(&mut self) {
        (self.owner, self.seed, self.serial) = (None, None, 0);
    }

    /// Whether the configured refresh token may be sent: not the one whose descendants ended. What is kept from now
    /// on descends from it.
    pub fn is_new_seed(&mut self, refresh_token: &SecretString, ended: bool) -> bool {
        let seed = Some(store::fingerprint(refresh_token.expose_secret()));
        let is_new = self.seed != seed;
        self.seed = seed;
        is_new || !ended || self.owner.is_none()
    }

    /// Whether the configured refresh token is another than the one from which the kept one descends. One that cannot
    /// be read is none.
    pub fn has_new_seed(&self, target: &Target) -> bool {
        let seed = target.auth.refresh_token.as_ref().filter(|_| target.auth.grant == Grant::RefreshToken);
        let seed = seed.and_then(|source| source.read().ok());
        seed.is_some_and(|seed| self.seed != Some(store::fingerprint(seed.expose_secret())))
    }

    pub async fn save(
        &mut self,
        target: &Target,
        chain: &Chain,
        token: Option<&Token>,
    ) -> Result<(), Trouble> {
        self.is_as_before();
        let (Some(store), Some(owner)) = (self.store.clone(), self.owner.clone()) else {
            self.unsaved = Some(Unsaved(None));
            return Ok(());
        };
        let owner = Owner { seed: self.seed.clone(), ..owner };
        let access = token.map(|token| access(token, target));
        // Also where it fails, for it may be there all the same.
        self.serial += 1;
        let record = Record { owner, serial: self.serial, chain: chain.clone(), access };
        let precious = target.auth.grant.needs_person() && record.chain.refresh_token.is_some();
        self.unsaved = Some(Unsaved(precious.then(|| (Arc::clone(&store), record.clone()))));
        on_a_thread(move || store.save(&record)).await.map_err(Trouble::Store)?;
        self.is_as_before();
        Ok(())
    }

    /// What could not be written is no longer so.
    pub fn is_as_before(&mut self) {
        if let Some(mut unsaved) = self.unsaved.take() {
            unsaved.0 = None;
        }
    }

    pub async fn save_late(
        &mut self,
        target: &Target,
        chain: &Chain,
        token: Option<&Token>,
    ) -> Result<(), Trouble> {
        if self.unsaved.is_some() { self.save(target, chain, token).await } else { Ok(()) }
    }

    pub async fn handed_over(&mut self, target: &Target, clock: Clock) -> Left {
        let (Some(store), Some(owner)) = (self.store.clone(), self.owner.clone()) else {
            return Left::default();
        };
        let now = clock.unix();
        let mut left = on_a_thread(move || store.handed_over(&owner, now)).await;
        let notes = std::mem::take(&mut left.notes);
        for text in notes.iter().filter(|text| !self.notes.contains(text)) {
            tracing::warn!(target = &*target.name, "{text}");
        }
        self.notes = notes;
        left
    }

    /// Removes them once they are on disk as our own. What cannot be removed is known when it is seen again.
    pub async fn forget(&mut self, target: &Target, names: Vec<String>) {
        let Some(store) = self.store.clone() else { return };
        let removed = move || names.iter().try_for_each(|name| store.remove_handed_over(name));
        let text = on_a_thread(removed).await.err().map(|error| error.to_string());
        self.log_once(target, text);
    }

    /// Logs a trouble once while it lasts, where the target works without its files.
    pub fn log_trouble(&mut self, target: &Target, trouble: Option<&Trouble>) {
        let text = trouble.map(|trouble| {
            let cause = trouble.cause();
            format!(
                "the token storage cannot be used: {cause}. Tokens are still requested and used, but until \
                 this is fixed they are kept only in memory, and a restart requests new ones"
            )
        });
        self.log_once(target, text);
    }

    pub fn log_once(&mut self, target: &Target, text: Option<String>) {
        if let Some(text) = text.as_ref().filter(|text| Some(*text) != self.trouble.as_ref()) {
            tracing::error!(target = &*target.name, "{text}");
        }
        self.trouble = text;
    }
}

pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime goes down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

pub(crate) fn owner(target: &Target) -> Result<Owner, SecretError> {
    let seed = target.auth.refresh_token.as_ref().map(SecretSource::read).transpose()?;
    Ok(Owner {
        target: target.name.to_string(),
        platform: target.platform.name.to_string(),
        origin: origins(target),
        client_id: target.auth.client_id.clone(),
        grant: target.auth.grant.as_str().to_owned(),
        seed: seed.map(|seed| store::fingerprint(seed.expose_secret())),
    })
}

/// Where tokens come from and where they go to, which usually is the same.
fn origins(target: &Target) -> String {
    let (from, to) = (target.token_place(), target.place());
    if from == to { to } else { format!("{from} {to}") }
}

pub(super) fn access(token: &Token, target: &Target) -> Access {
    Access {
        token: Written(token.secret.clone()),
        issued: token.issued_unix,
        lifetime: token.lifetime.map(|lifetime| lifetime.as_secs_f64()),
        scopes: token.scopes.clone(),
        secrets: secrets(target),
    }
}

/// Shows whether the secrets that token requests send have changed.
fn secrets(target: &Target) -> u16 {
    let read = target.auth.secrets().filter_map(|source| source.read().ok());
    let all = read.map(|secret| store::fingerprint(secret.expose_secret())).collect::<String>();
    store::change_mark(&all)
}

/// The access token of a file, where it is still good.
pub(super) fn token(access: &Access, target: &Target, clock: Clock) -> Option<Token> {
    let age = Duration::try_from_secs_f64((clock.unix() - access.issued).max(0.0)).ok()?;
    let token = Token {
        secret: access.token.0.clone(),
        issued: Instant::now().checked_sub(age)?,
        issued_unix: access.issued,
        lifetime: access.lifetime.and_then(|lifetime| Duration::try_from_secs_f64(lifetime).ok()),
        scopes: access.scopes.clone(),
    };
    // A changed secret shows at once, unless that would spend what only a person can replace.
    let secrets = target.auth.grant.needs_person() || access.secrets == secrets(target);
    (secrets && !token.is_expired(Instant::now())).then_some(token)
}

/// Whether a confirmation that has no answer may still get it.
pub(super) fn is_confirming(handed: &HandedOver, now: f64) -> bool {
    let lost = handed.record.chain.in_flight.as_ref().is_some_and(|in_flight| in_flight.lost);
    let begun = handed.record.chain.confirmed.as_ref().map_or(0.0, |confirmed| confirmed.at);
    !lost && now < begun + CONFIRMING
}

pub(crate) const fn is_confirmed_by_a_person(target: &Target) -> bool {
    matches!(target.auth.grant, Grant::AuthorizationCode)
}
