//! How a keeper recalls what is on disk, adopts what a person confirmed, and writes down what changes.

use secrecy::SecretString;
use tokio::time::Instant;

use super::{Asker, Diary, NoToken, State, token_interval};
use crate::domain::outcome::Attempt;
use crate::domain::token::{Token, renewal_after};
use crate::domain::{Failure, Grant, Operation};
use crate::oauth::person;
use crate::oauth::vault::{self, Trouble, is_confirmed_by_a_person, is_confirming};
use crate::platform;
use crate::store::{Confirmed, HandedOver, Record};

impl State {
    /// What is on disk is in memory, and the other way round, before a token is used or asked for.
    pub(super) async fn recall(&mut self, asker: Asker<'_>, diary: &mut Diary) -> Result<(), NoToken> {
        let recalled = self.try_to_recall(asker).await;
        if !asker.target.auth.grant.needs_person() {
            self.vault.log_trouble(asker.target, recalled.as_ref().err());
            return Ok(());
        }
        let failure = match recalled {
            Ok(confirmed) => {
                if (std::mem::take(&mut self.troubled) || confirmed) && self.token.is_some() {
                    diary.news = Some(Ok(()));
                }
                return Ok(());
            }
            Err(trouble) => trouble.failure(),
        };
        diary.attempts.push(Attempt::unsent(Grant::RefreshToken, failure.reason()));
        Err(self.waits_for_storage(asker, diary, failure))
    }

    /// Nothing is used or asked for until the files can be used.
    pub(super) fn waits_for_storage(
        &mut self,
        asker: Asker<'_>,
        diary: &mut Diary,
        failure: Failure,
    ) -> NoToken {
        self.troubled = true;
        diary.news = Some(Err(failure.clone()));
        NoToken::Failed(Operation::Token, failure, asker.target.failure_interval)
    }

    /// Whether somebody confirmed access again.
    async fn try_to_recall(&mut self, asker: Asker<'_>) -> Result<bool, Trouble> {
        if let Some(record) = self.vault.open(asker.target).await? {
            // What came while the file could not be read is newer.
            let newer = self.token.is_some() || self.chain.refresh_token.is_some();
            if asker.target.auth.grant.needs_person() || !newer {
                self.take_record(asker, record);
            }
        }
        self.vault.save_late(asker.target, &self.chain, self.token.as_ref()).await?;
        if is_confirmed_by_a_person(asker.target) { self.adopt(asker).await } else { Ok(false) }
    }

    fn take_record(&mut self, asker: Asker<'_>, record: Record) {
        self.chain = record.chain;
        let in_doubt = self.chain.in_flight.is_some() && platform::refresh_revokes_access_token(asker.target);
        let access = record.access.filter(|_| !in_doubt);
        self.token = access.and_then(|access| vault::token(&access, asker.target, asker.clock));
        self.note_renewal_due(asker);
    }

    pub(super) fn note_renewal_due(&mut self, asker: Asker<'_>) {
        if let Some(token) = &self.token {
            let after = renewal_after(token.lifetime, token_interval(asker.target));
            self.renewal_due = after.map(|after| token.issued_unix + after.as_secs_f64());
        }
    }

    /// Takes the newest confirmation for our own: on disk before it is used, and only then gone from where it was.
    async fn adopt(&mut self, asker: Asker<'_>) -> Result<bool, Trouble> {
        let now = asker.clock.unix();
        let left = self.vault.handed_over(asker.target, asker.clock).await;
        let (confirmed, begun): (Vec<HandedOver>, Vec<HandedOver>) =
            left.usable.into_iter().partition(|handed| handed.record.has_tokens());
        if let Some(error) = left.unusable.filter(|_| confirmed.is_empty() && !self.can_go_on()) {
            return Err(Trouble::Store(error));
        }
        let begun: Vec<_> = begun.into_iter().filter(|handed| !is_confirming(handed, now)).collect();
        let mut done: Vec<String> = confirmed.iter().map(|handed| handed.name.clone()).collect();
        let newest = confirmed.into_iter().next_back().map(|handed| handed.record);
        let adopts = newest.as_ref().is_some_and(|record| self.is_news(record));
        if !adopts && newest.as_ref().is_some_and(|record| !self.is_known(record)) {
            // It serves once what is in use has ended.
            return Ok(false);
        }
        if let Some(record) = newest {
            if adopts && !self.take_over(asker, record).await? {
                return Ok(false);
            }
            done.extend(begun.iter().map(|handed| handed.name.clone()));
        } else {
            let newest = begun.last().and_then(|handed| handed.record.chain.confirmed.as_ref());
            let before = std::mem::replace(&mut self.interrupted, newest.map(|confirmed| confirmed.at));
            if before != self.interrupted && self.dead {
                self.wants_a_person(asker);
            }
        }
        if !done.is_empty() {
            self.vault.forget(asker.target, done).await;
        }
        Ok(adopts)
    }

    /// What cannot be written stays where it is, and what was in use so far stays in use. Whether it could.
    async fn take_over(&mut self, asker: Asker<'_>, record: Record) -> Result<bool, Trouble> {
        let before = (self.chain.clone(), self.token.clone());
        self.take_record(asker, record);
        let inherits = self.chain.inherit(&before.0);
        if let Err(trouble) = self.keep(asker).await {
            (self.chain, self.token) = before;
            self.vault.is_as_before();
            self.note_renewal_due(asker);
            if !self.can_go_on() {
                return Err(trouble);
            }
            let text = format!("a confirmation is not in use yet: {}", trouble.cause());
            self.vault.log_once(asker.target, Some(text));
            return Ok(false);
        }
        (self.dead, self.not_before, self.standing) = (false, None, None);
        (self.refused, self.denied, self.rows, self.doubted) = (0, 0, 0, false);
        tracing::info!(target = &*asker.target.name, "access was confirmed");
        if inherits {
            tracing::warn!(
                target = &*asker.target.name,
                "the PBX gave no refresh token with the confirmation; the previous one stays in use"
            );
        }
        Ok(true)
    }

    /// Whether there is a token to use or to ask with.
    fn can_go_on(&self) -> bool {
        let lives = |token: &Token| !token.is_expired(Instant::now());
        self.chain.refresh_token.is_some() || self.token.as_ref().is_some_and(lives)
    }

    /// Not what was adopted before and could not be removed; and nothing older while there is something to ask with.
    /// Clocks may go back, so that what looks older still serves where there is nothing else.
    pub(super) fn is_news(&self, record: &Record) -> bool {
        let (known, found) = (&self.chain.confirmed, &record.chain.confirmed);
        match (known, found) {
            (Some(known), Some(found)) => {
                !self.is_known(record) && (found.at >= known.at || self.chain.refresh_token.is_none())
            }
            _ => true,
        }
    }

    /// Whether it is the confirmation that was adopted last.
    fn is_known(&self, record: &Record) -> bool {
        let id = |confirmed: &Option<Confirmed>| confirmed.as_ref().map(|confirmed| confirmed.id.clone());
        id(&self.chain.confirmed) == id(&record.chain.confirmed)
    }

    pub(super) async fn keep(&mut self, asker: Asker<'_>) -> Result<(), Trouble> {
        self.vault.save(asker.target, &self.chain, self.token.as_ref()).await
    }

    /// The same; only a target that needs a person cares for the failure.
    pub(super) async fn keep_or_fail(&mut self, asker: Asker<'_>) -> Result<(), Failure> {
        match self.keep(asker).await {
            Ok(()) => Ok(()),
            Err(trouble) if asker.target.auth.grant.needs_person() => Err(trouble.failure()),
            Err(trouble) => {
                self.vault.log_trouble(asker.target, Some(&trouble));
                Ok(())
            }
        }
    }

    pub(super) async fn intend(&mut self, asker: Asker<'_>, refresh: &SecretString) -> Result<(), Failure> {
        let before = self.chain.in_flight.clone();
        self.chain.begin(refresh, asker.clock.unix());
        let kept = self.keep_or_fail(asker).await;
        if kept.is_err() {
            // Nothing is spent, so the file still says what is so.
            self.chain.in_flight = before;
            self.vault.is_as_before();
        }
        kept
    }

    /// Nothing is left to ask with, and no request will bring it.
    pub(super) fn wants_a_person(&mut self, asker: Asker<'_>) {
        self.dead = true;
        let failure = person::none(asker.target, &self.chain, self.interrupted);
        self.standing = Some((Operation::Token, failure));
        if self.token.as_ref().is_some_and(|token| token.is_expired(Instant::now())) {
            self.token = None;
        }
    }
}
