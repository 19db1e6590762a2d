//! Whom a diagnosis asks: the PBX and, where it is elsewhere, its token endpoint.

use url::Url;

use crate::domain::{Grant, Operation, Target};

/// The origins that requests go to, in the order of the first ones, each with what it is asked.
pub(super) fn all(target: &Target) -> Vec<(Operation, &Url)> {
    let list = (Operation::Extensions, &target.origin);
    match (target.has_token_elsewhere(), target.auth.grant) {
        (true, _) => vec![(Operation::Token, target.token_origin()), list],
        (false, Grant::Static) => vec![list],
        (false, _) => vec![(Operation::Token, &target.origin)],
    }
}

/// The host that this is asked of, with a port that is not the usual one; `None`: there is but one.
pub(super) fn of(target: &Target, operation: Operation) -> Option<String> {
    let origin = if operation == Operation::Token { target.token_origin() } else { &target.origin };
    target
        .has_token_elsewhere()
        .then(|| origin[url::Position::BeforeHost..url::Position::AfterPort].to_owned())
}

/// An address without its query, which may hold a key; where there is but one origin the path alone.
pub(super) fn address<'a>(target: &Target, url: &'a Url) -> &'a str {
    if target.has_token_elsewhere() { &url[..url::Position::AfterPath] } else { url.path() }
}
