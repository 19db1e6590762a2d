//! One pass of the service's own probe, as `test-connection` and `extensions` make it, and what it may send.

use std::sync::Arc;

use crate::domain::Target;
use crate::platform;

/// What a pass sends besides one token request and the list, for an announcement; nothing where no platform has more to ask.
pub fn follow_ups<'a>(targets: impl IntoIterator<Item = &'a Target>) -> &'static str {
    let more = |target: &Target| platform::validity_request(target).is_some();
    if targets.into_iter().any(more) { FOLLOW_UPS } else { "" }
}

const FOLLOW_UPS: &str = " Where an answer leaves the cause open it sends one thing more: after a bare error page of the token endpoint a \
     second token request, with an explicit scope; after an unclear answer to the list the harmless query \
     { __typename }.";

/// `target` as a command asks it: the version, which only a metric shows, is not asked for.
pub fn target(target: &Arc<Target>) -> Arc<Target> {
    if target.version {
        Arc::new(Target { version: false, ..Target::clone(target) })
    } else {
        Arc::clone(target)
    }
}
