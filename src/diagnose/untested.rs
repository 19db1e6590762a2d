//! Where a diagnosis ends for a cause that lies on this side, in words for a person.

use std::time::Duration;

use super::verdict::Stop;
use crate::domain::cause::Local;
use crate::domain::{Failure, Grant, Operation, SecretError, Target};
use crate::oauth::in_shell;
use crate::platform;

/// All that can be asked with serves once.
pub(super) fn spent(target: &Target) -> Stop {
    let (grant, title) = (target.auth.grant, &target.platform.title);
    let gives = if platform::refresh_revokes_access_token(target) {
        "gives a new refresh token for it and revokes the old one"
    } else {
        "may give a new refresh token for it and end the old one"
    };
    let fix = match grant {
        Grant::AuthorizationCode => {
            format!(
                "have someone confirm access: `pbx_exporter --config.file FILE authorize {}`",
                in_shell(&target.name)
            )
        }
        _ => "obtain a new refresh token and put it into the configuration".to_owned(),
    };
    let why = format!(
        "With grant {grant} the only credential works once: {title} {gives}, so a test would take it from the running exporter. Check the \
         exporter's page, or pbx_target_condition, for the last answer of the token endpoint. If that is authorization_required, {fix}."
    );
    Stop::Untested("no failure known, but the token was not tested", why)
}

/// This host has refused too often.
pub(super) fn out_of_budget(wait: Duration) -> Stop {
    let why = format!(
        "This origin has rejected as many requests as one run may risk (limits.refusals_per_origin, at most 3), so nothing more was sent \
         to it: more could get this host banned. Fix the targets shown above, then try again in {}.",
        humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)))
    );
    Stop::Untested("not tested: this origin has rejected too many requests of this run", why)
}

/// A secret cannot be read.
pub(super) fn unreadable(error: &SecretError) -> Stop {
    let failure = Failure::new(Local::CommandCannotRead { error: error.to_string().into() });
    Stop::Broken(Operation::Token, failure, vec![error.to_string()])
}
