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
    let mend = match grant {
        Grant::AuthorizationCode => {
            format!(
                "let somebody confirm access: `pbx_exporter authorize {}` with the service's --config.file",
                in_shell(&target.name)
            )
        }
        _ => "obtain a new refresh token and put it into the configuration".to_owned(),
    };
    let why = format!(
        "With grant {grant} all that can be asked with serves once: {title} {gives}, so a test would take it from the \
         running exporter. Look at the exporter's page, or at pbx_target_condition, for what the token endpoint said last. \
         If that is authorization_required, {mend}."
    );
    Stop::Untested("nothing is known to be wrong, but the token was not tested", why)
}

/// This host has refused too often.
pub(super) fn out_of_budget(wait: Duration) -> Stop {
    let why = format!(
        "This host has drawn as many refusals as one run may draw from an origin (limits.refusals_per_origin, but no \
         more than 3), so nothing more was sent to it: more could bring a ban of this machine. Mend what the targets before \
         it show, then try again in {}.",
        humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)))
    );
    Stop::Untested("not tested: this origin has refused too often from this host", why)
}

/// A secret cannot be read.
pub(super) fn unreadable(error: &SecretError) -> Stop {
    let failure = Failure::new(Local::CommandCannotRead { error: error.to_string().into() });
    Stop::Broken(Operation::Token, failure, vec![error.to_string()])
}
