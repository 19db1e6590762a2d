//! The keeper of one target's token: when it is acquired, refreshed, dropped, and when to wait.
//!
//! However many ask at once, one request goes out: who asks holds the lock while the request runs,
//! and the others find its result.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::IssuedToken;
use super::send::{context, send, unreadable};
use crate::budget::Origin;
use crate::clock::Clock;
use crate::domain::outcome::{Attempt, TokenView};
use crate::domain::token::{Token, renewal_after};
use crate::domain::{Class, Failure, Grant, Operation, Reason, SecretError, SecretSource, Target};
use crate::platform;
use crate::transport::Transport;

/// With what a token is asked for.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// For whom.
    pub target: &'a Target,
    /// How it travels.
    pub transport: &'a dyn Transport,
    /// Refusals this origin may still give.
    pub origin: &'a Origin,
    /// For exported timestamps.
    pub clock: Clock,
    /// Whether an outage now follows refusals of this origin.
    pub after_refusals: bool,
}

/// A token to be used.
#[derive(Debug)]
pub struct Held {
    /// The access token.
    pub secret: SecretString,
    /// When it was issued; tells one token from the next.
    pub issued: Instant,
    /// Scopes it seems to carry.
    pub scopes: Option<Vec<String>>,
    /// Whether it came in answer to this very question.
    pub fresh: bool,
}

/// No token is to be had.
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
    /// Exchanges with the token endpoint.
    pub attempts: Vec<Attempt>,
    /// What the token endpoint gave, or the failure that still stands there.
    pub news: Option<Result<(), Failure>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Keeper {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each true or not")]
struct State {
    token: Option<Token>,
    /// Outlives a dropped access token.
    refresh: Option<SecretString>,
    /// Refusals in a row since a token was accepted.
    refused: u32,
    /// Denials of the token endpoint in a row.
    denied: u32,
    last_refusal: Option<Instant>,
    not_before: Option<Instant>,
    /// Why no token request may go out now, or why the last one gave none.
    standing: Option<(Operation, Failure)>,
    /// Whether the newest token request gave a token.
    proven: bool,
    /// Whether the token in hand is to be renewed at the next question, whatever its age.
    doubted: bool,
    /// Only a person can bring a new refresh token.
    dead: bool,
    /// The answer to a refresh was lost, so that the refresh token may be used up.
    refresh_lost: bool,
    /// What the request with an explicit scope told of the failure that lasts.
    scope_verdict: Option<Failure>,
    /// Of the secrets with which the newest request was made.
    fingerprint: u64,
    /// Of the configured refresh token when it was read.
    refresh_fingerprint: u64,
    renewal_due: Option<f64>,
}

impl Keeper {
    /// A token, from memory or from the token endpoint.
    ///
    /// # Errors
    /// [`NoToken`], also while the endpoint must not be asked.
    pub async fn token(&self, asker: Asker<'_>, diary: &mut Diary) -> Result<Held, NoToken> {
        let mut state = self.state.lock().await;
        if asker.target.auth.grant == Grant::Static {
            return state.fixed_key(asker.target);
        }
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
            && state.token.is_none()
        {
            return Err(none);
        }
        state.held(in_hand)
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

    /// Notes that the resource accepted the token issued at `issued`.
    pub async fn accepted(&self, issued: Instant) {
        let mut state = self.state.lock().await;
        if state.last_refusal.is_none_or(|refusal| refusal <= issued) {
            state.refused = 0;
        }
    }

    /// The next question renews the token: what it may do is fixed when it is issued, so that only a
    /// new one shows a mend on the PBX.
    pub async fn doubt(&self, target: &Target) {
        self.state.lock().await.doubt(target);
    }

    /// Ends a back-off, keeping the count of refusals.
    pub async fn end_wait(&self) {
        self.state.lock().await.not_before = None;
    }

    /// Ends any back-off, keeping the count of refusals, and doubts the token: for a person who has
    /// mended something.
    pub async fn forgive(&self, target: &Target) {
        let mut state = self.state.lock().await;
        (state.not_before, state.dead) = (None, false);
        state.doubt(target);
    }

    /// Ends any back-off where the secrets are no longer those that were refused.
    pub async fn forgive_if_changed(&self, target: &Target) -> bool {
        self.state.lock().await.forgive_if_changed(target)
    }

    /// How long until the token endpoint may be asked again.
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
    if needs_person(target.auth.grant) { None } else { target.token_interval }
}

/// Whether only a person can replace a refresh token that is dead.
const fn needs_person(grant: Grant) -> bool {
    match grant {
        Grant::RefreshToken | Grant::AuthorizationCode => true,
        Grant::ClientCredentials | Grant::Password | Grant::Static => false,
    }
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
    fn fixed_key(&mut self, target: &Target) -> Result<Held, NoToken> {
        let waits = self.not_before.is_some_and(|at| Instant::now() < at);
        if waits && !self.forgive_if_changed(target) {
            return Err(self.standing_failure());
        }
        self.fingerprint = fingerprint(target.secrets());
        let key = target.auth.key.as_ref().map_or(Ok(SecretString::default()), SecretSource::read);
        match key {
            Ok(secret) => Ok(Held { secret, issued: Instant::now(), scopes: None, fresh: true }),
            Err(error) => {
                let text = format!("Nothing was asked: {}. The PBX is not to blame.", error.with_mend());
                self.fail(target, Operation::Extensions, Failure::new(Reason::ExporterError, text));
                Err(self.standing_failure())
            }
        }
    }

    /// Not where a person would have to replace what a renewal spends.
    fn doubt(&mut self, target: &Target) {
        if !needs_person(target.auth.grant) {
            self.doubted = self.token.is_some();
            self.drop_refresh(target);
        }
    }

    /// Another target of this origin had a good token rejected: an upgrade that regenerates the keys ends
    /// all of them, and each target that finds out by itself would draw a refusal of its own.
    fn doubt_if_others_died(&mut self, asker: Asker<'_>) {
        let died = asker.origin.tokens_died();
        if self.token.as_ref().is_some_and(|token| died.is_some_and(|died| token.issued < died)) {
            self.doubt(asker.target);
        }
    }

    /// A refresh keeps what the first grant gave, so a new grant tells more; not where there is none.
    fn drop_refresh(&mut self, target: &Target) {
        if !needs_person(target.auth.grant) {
            self.refresh = None;
        }
    }

    fn standing_failure(&self) -> NoToken {
        let (operation, failure) = self.standing.clone().unwrap_or_else(|| {
            let text = "no token and no cause for it: a mistake in pbx_exporter";
            (Operation::Token, Failure::new(Reason::ExporterError, text))
        });
        let wait = self.not_before.map_or(Duration::ZERO, |at| at - Instant::now());
        NoToken::Failed(operation, failure, wait)
    }

    fn forgive_if_changed(&mut self, target: &Target) -> bool {
        let changed = self.standing.is_some() && fingerprint(target.secrets()) != self.fingerprint;
        if changed {
            // A rotated refresh token outlives a change of any other secret.
            let renewed = fingerprint(target.auth.refresh_token.iter()) != self.refresh_fingerprint;
            let refresh = self.refresh.take().filter(|_| needs_person(target.auth.grant) && !renewed);
            let (token, renewal_due) = (self.token.take(), self.renewal_due);
            let refresh_fingerprint = self.refresh_fingerprint;
            *self = Self { token, refresh, refresh_fingerprint, renewal_due, ..Self::default() };
        }
        changed
    }

    /// Asks the token endpoint, unless it must not be asked now.
    async fn renew(&mut self, asker: Asker<'_>, diary: &mut Diary) -> Result<(), NoToken> {
        let waits = self.dead || self.not_before.is_some_and(|at| Instant::now() < at);
        // While an old token serves, passes go on and nobody else looks at the secrets.
        if waits && !self.forgive_if_changed(asker.target) {
            diary.news = self.news();
            return Err(self.standing_failure());
        }
        // Before the request: what changes while it runs is news.
        self.fingerprint = fingerprint(asker.target.secrets());
        let result = match self.refresh_at_hand(asker.target) {
            Ok(Some(refresh)) => self.refresh(asker, diary, refresh).await?,
            Ok(None) => self.acquire(asker, diary).await?,
            Err(error) => {
                diary.attempts.push(Attempt::unsent(Grant::RefreshToken, Reason::ExporterError));
                Err(unreadable(&error))
            }
        };
        let result = match result {
            Ok(issued) => {
                self.take(asker, &issued);
                Ok(())
            }
            Err(failure) => {
                if !self.dead {
                    self.fail(asker.target, Operation::Token, failure);
                }
                Err(self.standing_failure())
            }
        };
        diary.news = if result.is_ok() { Some(Ok(())) } else { self.news() };
        result
    }

    /// The failure that stands at the token endpoint; says that the old token serves, where it does.
    fn news(&self) -> Option<Result<(), Failure>> {
        let (Operation::Token, mut failure) = self.standing.clone()? else { return None };
        if self.token.is_some() {
            failure.diagnosis =
                format!("{} Meanwhile the token taken before stays in use.", failure.diagnosis).into();
        }
        Some(Err(failure))
    }

    fn refresh_at_hand(&mut self, target: &Target) -> Result<Option<SecretString>, SecretError> {
        if self.refresh.is_some() {
            return Ok(self.refresh.clone());
        }
        match (&target.auth.grant, &target.auth.refresh_token) {
            (Grant::RefreshToken, Some(source)) => {
                self.refresh_fingerprint = fingerprint(std::iter::once(source));
                source.read().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Refreshes; where the refresh token is dead, one new grant follows, or a person is needed.
    async fn refresh(
        &mut self,
        asker: Asker<'_>,
        diary: &mut Diary,
        refresh: SecretString,
    ) -> Result<Result<IssuedToken, Failure>, NoToken> {
        let sent = send(asker, diary, Grant::RefreshToken, Some(&refresh), None, self.proven).await?;
        let Err(failure) = sent.result else { return Ok(sent.result) };
        if sent.may_have_worked {
            self.refresh_lost = true;
            if platform::refresh_revokes_access_token(asker.target) {
                self.token = None;
            }
        }
        if !platform::refresh_refused_means_dead(&failure) {
            return Ok(Err(failure));
        }
        let needs_person = needs_person(asker.target.auth.grant);
        if needs_person && failure.reason != Reason::InvalidGrant {
            // It may be unharmed: what was refused is the request.
            return Ok(Err(failure));
        }
        self.note_refusal(&failure);
        self.refresh = None;
        if needs_person {
            self.dead = true;
            self.standing = Some((Operation::Token, needs_a_person(&failure, self.refresh_lost)));
            return Ok(Err(failure));
        }
        match self.acquire(asker, diary).await {
            Ok(result) => Ok(result),
            Err(_budget_is_spent) => Ok(Err(failure)),
        }
    }

    async fn acquire(
        &mut self,
        asker: Asker<'_>,
        diary: &mut Diary,
    ) -> Result<Result<IssuedToken, Failure>, NoToken> {
        let grant = asker.target.auth.grant;
        let sent = send(asker, diary, grant, None, None, self.proven).await?;
        let newest = diary.attempts.len() - 1;
        let context = context(asker.target, grant);
        let scope = sent.answer.as_ref().and_then(|answer| platform::wants_scope_check(&context, answer));
        let (Err(first), Some(scope)) = (&sent.result, scope) else {
            self.scope_verdict = None;
            return Ok(sent.result);
        };
        let refined = match &self.scope_verdict {
            Some(verdict) => verdict.clone(),
            None => self.check_scope(asker, diary, scope, first).await,
        };
        diary.attempts[newest].failure = Some(refined.reason);
        Ok(Err(refined))
    }

    /// One more request, with an explicit valid scope, tells an unknown word among the application's
    /// own scopes from a broken server.
    async fn check_scope(
        &mut self,
        asker: Asker<'_>,
        diary: &mut Diary,
        scope: &str,
        first: &Failure,
    ) -> Failure {
        let grant = asker.target.auth.grant;
        let Ok(second) = send(asker, diary, grant, None, Some(scope), self.proven).await else {
            return first.clone();
        };
        let told = match (&second.result, &second.answer) {
            (Ok(_), _) => Ok(()),
            (Err(_), Some(answer)) => Err(answer),
            (Err(_), None) => return first.clone(),
        };
        let refined = platform::after_scope_check(&context(asker.target, grant), first.clone(), told);
        self.note_refusal(&refined);
        self.scope_verdict = Some(refined.clone());
        refined
    }

    fn take(&mut self, asker: Asker<'_>, issued: &IssuedToken) {
        use oauth2::TokenResponse as _;
        let grants = &asker.target.platform.grants;
        let used = grants.gives_refresh_token(asker.target.auth.grant);
        if let Some(refresh) = issued.refresh_token().filter(|_| used) {
            self.refresh = Some(SecretString::from(refresh.secret().as_str()));
        }
        let lifetime = issued.lifetime();
        let now = asker.clock.unix();
        self.token = Some(Token {
            secret: SecretString::from(issued.access_token().secret().as_str()),
            issued: Instant::now(),
            issued_unix: now,
            lifetime,
            scopes: issued.scope_hint(),
        });
        self.renewal_due =
            renewal_after(lifetime, token_interval(asker.target)).map(|after| now + after.as_secs_f64());
        (self.denied, self.not_before, self.standing) = (0, None, None);
        (self.proven, self.doubted, self.refresh_lost) = (true, false, false);
        self.scope_verdict = None;
    }

    fn note_refusal(&mut self, failure: &Failure) {
        match failure.class() {
            Class::Refused => {
                self.refused = self.refused.saturating_add(1);
                self.last_refusal = Some(Instant::now());
            }
            Class::Denied => self.denied = self.denied.saturating_add(1),
            Class::Transient | Class::RateLimited => {}
        }
    }

    fn fail(&mut self, target: &Target, operation: Operation, failure: Failure) {
        self.note_refusal(&failure);
        let count = if failure.class() == Class::Denied { self.denied } else { self.refused };
        self.not_before = Some(Instant::now() + target.wait_after(&failure, count));
        self.standing = Some((operation, failure));
        self.proven = false;
    }
}

fn needs_a_person(refusal: &Failure, lost: bool) -> Failure {
    let cause = if lost {
        " The answer to an earlier refresh was lost, so the PBX had most likely replaced this token already."
    } else {
        ""
    };
    Failure::new(
        Reason::AuthorizationRequired,
        format!(
            "{}{cause} With the grant refresh_token there is nothing else to ask with: obtain a new refresh \
             token and put it into the configuration. Until then no token request is sent.",
            refusal.diagnosis
        ),
    )
}
