//! The token step, and when it must not be taken.

use super::run::{Run, failed, out_of_budget};
use super::verdict::Stop;
use super::{Status, StepName, hosts};
use crate::domain::outcome::Attempt;
use crate::domain::{Failure, Grant, Operation, Reason, SecretError, SecretSource, Target};
use crate::oauth::{IssuedToken, TokenAnswer, in_shell, request_token};
use crate::platform;
use secrecy::SecretString;

impl Run<'_> {
    /// One token request; a second, with an explicit scope, only where the first answer hides which of two causes it has.
    pub(super) async fn token(&mut self) -> Result<IssuedToken, Stop> {
        if self.target.auth.grant.needs_person() {
            let why = untested(self.target);
            self.note(
                StepName::Token,
                (Status::Skipped, "not asked: a refresh token serves once".to_owned()),
            );
            return Err(Stop::Untested("nothing is known to be wrong, but the token was not tested", why));
        }
        self.begin(StepName::Token);
        let address = self.target.token_address();
        let path = hosts::address(self.target, &address);
        let TokenAnswer { exchange, token, .. } = self.ask_token(None).await?;
        if let Ok(answer) = &exchange.result {
            self.note_clock(Operation::Token, answer);
        }
        if let Some(issued) = token {
            let facts = exchange.result.as_ref().map(|a| platform::facts(self.target, a)).unwrap_or_default();
            self.note_rate_limit(exchange.result.as_ref().ok());
            let told = format!("issued for grant {}", self.target.auth.grant);
            self.end(StepName::Token, (Status::Ok, told), Some(format!("POST {path}: {facts}")));
            return Ok(issued);
        }
        let answer = self.answered(StepName::Token, Operation::Token, &format!("POST {path}"), exchange)?;
        let context = self.context(Operation::Token, None);
        let mut failure = platform::token_failure(&context, &answer);
        let mut facts = format!("POST {path}: {}", platform::facts(self.target, &answer));
        if let Some(scope) = platform::wants_scope_check(&context, &answer).map(str::to_owned) {
            let second = self.ask_token(Some(&scope)).await?;
            let told = match (&second.token, &second.exchange.result) {
                (Some(_), _) => Some(Ok(())),
                (None, Ok(answer)) => Some(Err(answer)),
                (None, Err(_)) => None,
            };
            if let Some(told) = told {
                let what = told.map_or_else(|a| platform::facts(self.target, a), |()| "a token".to_owned());
                facts = format!("{facts}; asked for scope {scope}: {what}");
                let context = self.context(Operation::Token, None);
                failure = platform::after_scope_check(&context, failure, told);
            }
        }
        let told = failed(failure.reason, &facts);
        self.end(StepName::Token, told, Some(facts.clone()));
        Err(Stop::Broken(Operation::Token, failure, vec![facts]))
    }

    /// Grant `static`: nobody is asked for a token.
    pub(super) fn fixed_key(&mut self) -> Result<SecretString, Stop> {
        let key = self.target.auth.key.as_ref().map_or(Ok(SecretString::default()), SecretSource::read);
        let key = key.map_err(|error| self.unreadable(&error))?;
        for step in [StepName::Token, StepName::TokenContent] {
            self.note(step, (Status::Skipped, "a fixed key is used".to_owned()));
        }
        Ok(key)
    }

    fn unreadable(&mut self, error: &SecretError) -> Stop {
        let fixed = self.target.auth.grant == Grant::Static;
        let lacking = if fixed { "The list was not asked for" } else { "The token request was not made" };
        let failure = Failure::new(
            Reason::ExporterError,
            format!(
                "{lacking}: {error}. Put the secret there, readable for whoever runs this \
                 command and for the exporter's own user."
            ),
        );
        self.end(StepName::Token, (Status::Fail, error.to_string()), None);
        Stop::Broken(Operation::Token, failure, vec![error.to_string()])
    }

    async fn ask_token(&mut self, scope: Option<&str>) -> Result<TokenAnswer, Stop> {
        let permit = self.budget(Operation::Token).admit(true).await.map_err(out_of_budget)?;
        let grant = self.target.auth.grant;
        match request_token(self.parts.transport, self.target, grant, None, scope).await {
            Ok(answer) => {
                let mut attempt = Attempt::new(Operation::Token, Some(grant), &answer.exchange);
                if let (None, Ok(told)) = (&answer.token, &answer.exchange.result) {
                    let context = self.context(Operation::Token, None);
                    attempt.failure = Some(platform::token_failure(&context, told).reason);
                }
                permit.judge(&attempt);
                Ok(answer)
            }
            Err(error) => Err(self.unreadable(&error)),
        }
    }
}

fn untested(target: &Target) -> String {
    let (grant, title) = (target.auth.grant, &target.platform.title);
    let gives = if platform::refresh_revokes_access_token(target) {
        "gives a new refresh token for it and revokes the old one"
    } else {
        "may give a new refresh token for it and end the old one"
    };
    let mend = match grant {
        Grant::AuthorizationCode => {
            format!("let somebody confirm access by `pbx_exporter authorize {}`", in_shell(&target.name))
        }
        _ => "obtain a new refresh token and put it into the configuration".to_owned(),
    };
    format!(
        "With grant {grant} all that can be asked with serves once: {title} {gives}, so a test would take it from the \
         running exporter. Look at the exporter's page, or at pbx_target_condition, for what the token endpoint said last. \
         If that is authorization_required, {mend}."
    )
}
