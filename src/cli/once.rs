//! One pass of the service's own probe, as commands make it, and what it may send.

use std::sync::Arc;

use crate::budget::Origin;
use crate::clock::Clock;
use crate::domain::Target;
use crate::platform;
use crate::probe::Probe;
use crate::transport::Transport;

/// What a pass sends besides one token request and the list, for an announcement; nothing where no platform has more to ask.
pub fn follow_ups<'a>(targets: impl IntoIterator<Item = &'a Target>) -> &'static str {
    let more = |target: &Target| platform::validity_request(target).is_some();
    if targets.into_iter().any(more) { FOLLOW_UPS } else { "" }
}

const FOLLOW_UPS: &str = " If an answer leaves the cause open, it sends one more request: after a bare error page of the token endpoint a \
     second token request, with an explicit scope; after an unclear answer to the list the harmless query \
     { __typename }.";

/// What a command asks `target` by. `origins`: the API's and the token endpoint's. The version, which only a metric
/// shows, is not asked for.
pub fn probe(target: &Arc<Target>, transport: Arc<dyn Transport>, origins: [Arc<Origin>; 2]) -> Probe {
    let target = if target.version {
        Arc::new(Target { version: false, ..Target::clone(target) })
    } else {
        Arc::clone(target)
    };
    let [origin, token_origin] = origins;
    Probe::new(target, None, transport, origin, Clock::System).taking_tokens_at(token_origin)
}
