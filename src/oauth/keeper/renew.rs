//! What a keeper sends, and what it makes of the answer.

use secrecy::SecretString;
use tokio::time::Instant;

use super::{Asker, Diary, NoToken, State, fingerprint};
use crate::domain::outcome::Attempt;
use crate::domain::{Class, Failure, Grant, Operation, Reason, SecretError, Target};
use crate::oauth::send::{context, send, unreadable};
use crate::oauth::{IssuedToken, Refresh, person, request};
use crate::platform;
use crate::store::{InFlight, Refused, Written};

impl State {
    pub(super) async fn renew(&mut self, asker: Asker<'_>, diary: &mut Diary) -> Result<(), NoToken> {
        let waits = self.dead || self.not_before.is_some_and(|at| Instant::now() < at);
        // While an old token serves, passes go on and nobody else looks at the secrets.
        if waits {
            if !self.forgive_if_changed(asker.target) {
                diary.news = self.news(asker.target);
                return Err(self.standing_failure());
            }
            // With another configured refresh token there is another file.
            self.recall(asker, diary).await?;
        }
        // Before the request: what changes while it runs is news.
        self.fingerprint = fingerprint(asker.target.secrets());
        let result = match self.refresh_at_hand(asker.target) {
            Ok(Some(refresh)) => self.refresh(asker, diary, refresh).await?,
            Ok(None) if asker.target.auth.grant.needs_person() => {
                self.wants_a_person(asker);
                diary.news = self.news(asker.target);
                return Err(self.standing_failure());
            }
            Ok(None) => self.acquire(asker, diary).await?,
            Err(error) => {
                diary.attempts.push(Attempt::unsent(Grant::RefreshToken, Reason::ExporterError));
                Err(unreadable(&error))
            }
        };
        let result = match result {
            Ok(issued) => {
                self.take(asker, &issued);
                // Nothing is wrong any more once it is written.
                let kept = self.keep_or_fail(asker).await;
                kept.map_err(|failure| self.waits_for_storage(asker, diary, failure))?;
                Ok(())
            }
            Err(failure) => {
                if !self.dead {
                    self.fail(asker.target, Operation::Token, failure);
                }
                Err(self.standing_failure())
            }
        };
        diary.news = if result.is_ok() { Some(Ok(())) } else { self.news(asker.target) };
        result
    }

    /// The failure that stands at the token endpoint; says that the old token serves, where it does.
    fn news(&self, target: &Target) -> Option<Result<(), Failure>> {
        let (Operation::Token, mut failure) = self.standing.clone()? else { return None };
        if self.token.is_some() && !self.is_unsafe(target) {
            failure.circumstances.token_serves = true;
        }
        Some(Err(failure))
    }

    fn refresh_at_hand(&mut self, target: &Target) -> Result<Option<SecretString>, SecretError> {
        // What cannot be read has not changed.
        if let Ok(beside) = self.beside(target) {
            self.chain.retry(beside);
        }
        if let Some(kept) = &self.chain.refresh_token {
            return Ok(Some(kept.0.clone()));
        }
        match (&target.auth.grant, &target.auth.refresh_token) {
            (Grant::RefreshToken, Some(source)) => {
                let secret = source.read()?;
                Ok(self.vault.is_new_seed(&secret, self.chain.ended.is_some()).then_some(secret))
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
        let permit = asker.origin.admit(self.proven).await.map_err(NoToken::Budget)?;
        let before = self.chain.in_flight.clone();
        if let Err(failure) = self.intend(asker, &refresh).await {
            diary.attempts.push(Attempt::unsent(Grant::RefreshToken, failure.reason()));
            return Ok(Err(failure));
        }
        // Known before, for it may change while the request runs.
        let beside = self.beside(asker.target).unwrap_or_default();
        let spends = Refresh { token: &refresh, redirect_uri: self.confirmed_address() };
        let sent = send(asker, diary, permit, Grant::RefreshToken, Some(spends), None).await;
        let Err(mut failure) = sent.result else { return Ok(sent.result) };
        if sent.may_have_worked {
            self.chain.lost();
            if platform::refresh_revokes_access_token(asker.target) {
                self.token = None;
            }
        }
        let needs_person = asker.target.auth.grant.needs_person();
        if let Some(received) = sent.refresh_token.filter(|_| needs_person) {
            self.chain.received(Some(received));
            self.keep_or_fail(asker).await.ok();
            failure.circumstances.refresh_token_kept = true;
            return Ok(Err(failure));
        }
        // With a person, whatever else was refused is the request: the refresh token may be unharmed.
        let dead = platform::refresh_refused_means_dead(&failure)
            && (!needs_person || failure.reason() == Reason::InvalidGrant);
        if dead {
            self.note_refusal(&failure);
            let refused = Refused { token: Written(refresh), beside };
            self.bury(asker, &failure, before, refused);
        } else if !sent.may_have_worked {
            self.chain.in_flight = before;
        }
        // What cannot be written now is written before the next token request.
        self.keep_or_fail(asker).await.ok();
        if needs_person || !dead {
            return Ok(Err(failure));
        }
        match self.acquire(asker, diary).await {
            Ok(result) => Ok(result),
            Err(_budget_is_spent) => Ok(Err(failure)),
        }
    }

    /// The refresh token is dead. `before`: the request whose answer had not come.
    fn bury(&mut self, asker: Asker<'_>, refusal: &Failure, before: Option<InFlight>, refused: Refused) {
        let needs_person = asker.target.auth.grant.needs_person();
        if needs_person {
            self.dead = true;
            let failure = person::refused(asker.target, &self.chain, refusal, before.as_ref());
            self.standing = Some((Operation::Token, failure));
        }
        self.chain.end(Some(refused).filter(|_| needs_person), before, asker.clock.unix());
    }

    fn confirmed_address(&self) -> Option<&str> {
        self.chain.confirmed.as_ref().and_then(|confirmed| confirmed.redirect_uri.as_deref())
    }

    fn beside(&self, target: &Target) -> Result<u16, SecretError> {
        request::beside_refresh(target, self.confirmed_address())
    }

    async fn acquire(
        &mut self,
        asker: Asker<'_>,
        diary: &mut Diary,
    ) -> Result<Result<IssuedToken, Failure>, NoToken> {
        let grant = asker.target.auth.grant;
        let permit = asker.origin.admit(self.proven).await.map_err(NoToken::Budget)?;
        let sent = send(asker, diary, permit, grant, None, None).await;
        let newest = diary.attempts.len() - 1;
        let context = context(asker.target, grant);
        let scope = sent.answer.as_ref().and_then(|answer| platform::wants_scope_check(&context, answer));
        let (Err(first), Some(scope)) = (&sent.result, scope) else {
            // What comes and goes with this failure does not ask for the verdict, and its rows, again.
            if !sent.result.as_ref().is_err_and(|failure| failure.left_row) {
                self.scope_verdict = None;
            }
            return Ok(sent.result);
        };
        let refined = match &self.scope_verdict {
            Some(verdict) => verdict.clone(),
            None => self.check_scope(asker, diary, scope, first).await,
        };
        diary.attempts[newest].failure = Some(refined.reason());
        Ok(Err(refined))
    }

    /// One more request, with an explicit valid scope, distinguishes an unknown word among the application's own scopes from a broken server.
    async fn check_scope(
        &mut self,
        asker: Asker<'_>,
        diary: &mut Diary,
        scope: &str,
        first: &Failure,
    ) -> Failure {
        let grant = asker.target.auth.grant;
        let Ok(permit) = asker.origin.admit(self.proven).await else { return first.clone() };
        let second = send(asker, diary, permit, grant, None, Some(scope)).await;
        self.count_row(&second.result);
        let told = match (&second.result, &second.answer) {
            (Ok(_), _) => Ok(()),
            (Err(_), Some(answer)) => Err(answer),
            (Err(_), None) => {
                self.scope_verdict = Some(first.clone());
                return first.clone();
            }
        };
        let refined = platform::after_scope_check(first.clone(), told);
        self.note_refusal(&refined);
        self.scope_verdict = Some(refined.clone());
        refined
    }

    fn take(&mut self, asker: Asker<'_>, issued: &IssuedToken) {
        let used = asker.target.platform.grants.gives_refresh_token(asker.target.auth.grant);
        self.chain.received(issued.refresh_secret().filter(|_| used));
        self.token = Some(issued.token(asker.clock));
        self.note_renewal_due(asker);
        (self.denied, self.rows, self.not_before, self.standing) = (0, 0, None, None);
        (self.proven, self.doubted) = (true, false);
        self.scope_verdict = None;
    }

    /// Also of a token that came and is of no use.
    fn count_row(&mut self, result: &Result<IssuedToken, Failure>) {
        let left = result.as_ref().map_or_else(|failure| failure.left_row, |_| true);
        self.rows = self.rows.saturating_add(left.into());
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

    pub(super) fn fail(&mut self, target: &Target, operation: Operation, failure: Failure) {
        self.note_refusal(&failure);
        let class = failure.class();
        let count = if class == Class::Denied { self.denied } else { self.refused };
        self.rows = self.rows.saturating_add(failure.left_row.into());
        self.not_before = Some(Instant::now() + target.wait_after_token(&failure, count, self.rows));
        self.standing = Some((operation, failure));
        // No answer says nothing of what was sent: who was good keeps its place beside bad neighbours.
        self.proven &= !matches!(class, Class::Refused | Class::Denied);
    }
}
