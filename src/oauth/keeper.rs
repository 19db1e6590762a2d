//! The keeper of one target's token: when it is acquired, refreshed, dropped, and when to wait.
//!
//! However many ask at once, one request goes out: who asks holds the lock while the request runs,
//! and the others find its result.

mod recall;
mod renew;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::vault::Vault;
use crate::budget::Origin;
use crate::clock::Clock;
use crate::domain::cause::Local;
use crate::domain::outcome::{Attempt, TokenView};
use crate::domain::token::{Token, renewal_after};
use crate::domain::{Failure, Grant, Operation, SecretSource, Target};
use crate::observer::Observer;
use crate::platform;
use crate::store::{Chain, Store};
use crate::transport::Transport;

#[derive(Clone, Copy)]
pub struct Asker<'a> {
    pub target: &'a Target,
    pub transport: &'a dyn Transport,
    pub origin: &'a Origin,
    pub clock: Clock,
    /// Whether an outage now follows refusals of this origin.
    pub after_refusals: bool,
    /// Who watches.
    pub watch: &'a dyn Observer,
}

#[derive(Debug)]
pub struct Held {
    pub secret: SecretString,
    /// When it was issued; distinguishes it from the next.
    pub issued: Instant,
    /// Scopes it seems to carry.
    pub scopes: Option<Vec<String>>,
    /// Whether it came in answer to this very question.
    pub fresh: bool,
}

#[derive(Debug)]
pub enum NoToken {
    /// Which operation failed and why, and how long until the token endpoint may be asked again.
    Failed(Operation, Failure, Duration),
    /// Nothing was asked: the origin's budget of refusals is spent for so long.
    Budget(Duration),
}

/// What a question to the keeper did besides giving a token.
#[derive(Debug, Default)]
pub struct Diary {
    pub attempts: Vec<Attempt>,
    /// What the token endpoint gave, or the failure that still stands there.
    pub news: Option<Result<(), Failure>>,
}

#[derive(Debug, Default)]
pub struct Keeper {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each true or not")]
struct State {
    token: Option<Token>,
    /// The refresh token, which outlives a dropped access token, and what became of those before.
    chain: Chain,
    vault: Vault,
    /// When a confirmation began that got no answer, Unix seconds.
    interrupted: Option<f64>,
    /// Whether the files could not be used when last asked.
    troubled: bool,
    /// Refusals in a row since a token was accepted.
    refused: u32,
    /// Denials of the token endpoint in a row.
    denied: u32,
    /// Requests since a token was given that may have left a row there.
    rows: u32,
    last_refusal: Option<Instant>,
    not_before: Option<Instant>,
    /// Why no token request may go out now, or why the last one gave none.
    standing: Option<(Operation, Failure)>,
    /// Whether a token was given since the last refusal.
    proven: bool,
    /// Whether the token in hand is to be renewed at the next question, whatever its age.
    doubted: bool,
    /// Only a person can bring a new refresh token.
    dead: bool,
    /// What the request with an explicit scope showed about the lasting failure.
    scope_verdict: Option<Failure>,
    /// Of the secrets with which the newest request was made.
    fingerprint: u64,
    renewal_due: Option<f64>,
}

impl Keeper {
    /// One without a token; `store` has what was kept of `target`, and gets what is to be kept.
    pub fn new(store: Option<Arc<Store>>, target: &Target) -> Self {
        let state = State { vault: Vault::new(store, target), ..State::default() };
        Self { state: Mutex::new(state) }
    }

    pub async fn token(&self, asker: Asker<'_>, diary: &mut Diary) -> Result<Held, NoToken> {
        let mut state = self.state.lock().await;
        if asker.target.auth.grant == Grant::Static {
            return state.fixed_key(asker);
        }
        state.recall(asker, diary).await?;
        let now = Instant::now();
        if state.token.as_ref().is_some_and(|token| token.is_expired(now)) {
            state.token = None;
        }
        state.doubt_if_others_died(asker);
        let in_hand = state.token.as_ref().map(|token| token.issued);
        let due = state.doubted
            || state.token.as_ref().is_none_or(|token| renewal_is_due(token, asker.target, now));
        if due
            && let Err(none) = state.renew(asker, diary).await
            && (state.token.is_none() || state.is_unsafe(asker.target))
        {
            return Err(none);
        }
        let held = state.held(in_hand)?;
        asker.watch.holds(state.token.as_ref());
        Ok(held)
    }

    /// Drops the token issued at `issued` after the resource rejected it. `fresh`: straight after its
    /// issue, which counts as a refusal of the credentials; the refresh token that came with it is then
    /// worth no more.
    pub async fn rejected(&self, target: &Target, issued: Instant, fresh: Option<Failure>) {
        let mut state = self.state.lock().await;
        if state.token.as_ref().is_some_and(|token| token.issued == issued) {
            state.token = None;
        }
        if let Some(failure) = fresh {
            state.drop_refresh(target);
            state.fail(target, Operation::Extensions, failure);
        }
    }

    pub async fn accepted(&self, issued: Instant) {
        let mut state = self.state.lock().await;
        if state.last_refusal.is_none_or(|refusal| refusal <= issued) {
            state.refused = 0;
        }
    }

    /// The next question renews the token: what it may do is fixed when it is issued, so that only a
    /// new one shows a fix on the PBX. Not where that would end the token in use.
    pub async fn doubt(&self, target: &Target) {
        if !target.platform.has_one_live_token() {
            self.state.lock().await.doubt(target);
        }
    }

    pub async fn end_wait(&self) {
        self.state.lock().await.not_before = None;
    }

    /// Ends any back-off, keeping the count of refusals, and doubts the token: for a person who has fixed something.
    pub async fn forgive(&self, target: &Target) {
        let mut state = self.state.lock().await;
        (state.not_before, state.dead, state.scope_verdict) = (None, false, None);
        state.doubt(target);
    }

    /// Ends any back-off where the secrets are no longer those that were refused.
    pub async fn forgive_if_changed(&self, target: &Target) -> bool {
        self.state.lock().await.forgive_if_changed(target)
    }

    /// Whether somebody confirmed access since a token was last used.
    pub async fn is_confirmed(&self, target: &Target, clock: Clock) -> bool {
        if target.auth.grant != Grant::AuthorizationCode {
            return false;
        }
        let mut state = self.state.lock().await;
        let left = state.vault.handed_over(target, clock).await;
        left.usable.iter().any(|handed| handed.record.has_tokens() && state.is_news(&handed.record))
    }

    pub async fn wait(&self) -> Duration {
        let not_before = self.state.lock().await.not_before;
        not_before.map_or(Duration::ZERO, |at| at - Instant::now())
    }

    /// What may be shown of the token in use, and when the next request is due.
    pub async fn facts(&self) -> (Option<TokenView>, Option<f64>) {
        let state = self.state.lock().await;
        let facts = state.token.as_ref().map(|token| TokenView {
            issued: token.issued,
            issued_unix: token.issued_unix,
            expiry: token.lifetime.map(|lifetime| token.issued_unix + lifetime.as_secs_f64()),
        });
        (facts, state.renewal_due)
    }
}

fn renewal_is_due(token: &Token, target: &Target, now: Instant) -> bool {
    renewal_after(token.lifetime, token_interval(target)).is_some_and(|after| now >= token.issued + after)
}

/// Off where each use of the rotating refresh token is a risk.
const fn token_interval(target: &Target) -> Option<Duration> {
    if target.auth.grant.needs_person() { None } else { target.token_interval }
}

fn fingerprint<'a>(sources: impl Iterator<Item = &'a SecretSource>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for source in sources {
        source.read().ok().map(|secret| secret.expose_secret().to_owned()).hash(&mut hasher);
    }
    hasher.finish()
}

impl State {
    /// `known`: the issue of the token in hand when the question came.
    fn held(&self, known: Option<Instant>) -> Result<Held, NoToken> {
        let token = self.token.as_ref().ok_or_else(|| self.standing_failure())?;
        Ok(Held {
            secret: token.secret.clone(),
            issued: token.issued,
            scopes: token.scopes.clone(),
            fresh: known != Some(token.issued),
        })
    }

    /// The key of the grant `static`, unless it was refused and the wait after that lasts. It is always fresh: none
    /// other is to be had.
    fn fixed_key(&mut self, asker: Asker<'_>) -> Result<Held, NoToken> {
        let target = asker.target;
        let waits = self.not_before.is_some_and(|at| Instant::now() < at);
        if waits && !self.forgive_if_changed(target) {
            return Err(self.standing_failure());
        }
        self.fingerprint = fingerprint(target.secrets());
        let key = target.auth.key.as_ref().map_or(Ok(SecretString::default()), SecretSource::read);
        match key {
            Ok(secret) => {
                asker.watch.holds(None);
                Ok(Held { secret, issued: Instant::now(), scopes: None, fresh: true })
            }
            Err(error) => {
                asker.watch.lacks(&error);
                let cause = Local::KeyUnreadable { error: error.with_fix().into() };
                self.fail(target, Operation::Extensions, Failure::new(cause));
                Err(self.standing_failure())
            }
        }
    }

    /// Not where a person would have to replace what a renewal spends.
    fn doubt(&mut self, target: &Target) {
        if !target.auth.grant.needs_person() {
            self.doubted = self.token.is_some();
            self.drop_refresh(target);
        }
    }

    /// Another target of this origin had a good token rejected: where tokens die together, each target that finds out by itself would get a rejection of its own.
    fn doubt_if_others_died(&mut self, asker: Asker<'_>) {
        let died = asker.origin.tokens_died().filter(|_| platform::tokens_die_together(asker.target));
        if self.token.as_ref().is_some_and(|token| died.is_some_and(|died| token.issued < died)) {
            self.doubt(asker.target);
        }
    }

    /// A refresh keeps what the first grant gave, so a new grant shows more; not where there is none.
    fn drop_refresh(&mut self, target: &Target) {
        if !target.auth.grant.needs_person() {
            self.chain.refresh_token = None;
        }
    }

    /// Whether the tokens in memory would be lost at a restart, and must not be used before.
    fn is_unsafe(&self, target: &Target) -> bool {
        target.auth.grant.needs_person() && !self.vault.is_saved()
    }

    fn standing_failure(&self) -> NoToken {
        let standing = self.standing.clone();
        let (operation, failure) =
            standing.unwrap_or_else(|| (Operation::Token, Failure::new(Local::NoCause)));
        let wait = self.not_before.map_or(Duration::ZERO, |at| at - Instant::now());
        NoToken::Failed(operation, failure, wait)
    }

    fn forgive_if_changed(&mut self, target: &Target) -> bool {
        let changed = self.standing.is_some() && fingerprint(target.secrets()) != self.fingerprint;
        if changed {
            // A rotated refresh token outlives a change of any other secret.
            let renewed = self.vault.is_saved() && self.vault.has_new_seed(target);
            if renewed {
                self.vault.close();
            }
            let chain = std::mem::take(&mut self.chain);
            *self = Self {
                token: self.token.take(),
                chain: if target.auth.grant.needs_person() && !renewed { chain } else { Chain::default() },
                vault: std::mem::take(&mut self.vault),
                interrupted: self.interrupted,
                renewal_due: self.renewal_due,
                ..Self::default()
            };
        }
        changed
    }
}
