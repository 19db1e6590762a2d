//! Of this machine: nothing was asked. `{error}` is our own text of what is wrong here.

use super::Words;
use super::way::OURS;
use crate::domain::cause::Local;

pub(super) const fn words(cause: &Local) -> Words {
    match cause {
        Local::SecretUnreadable { .. } => {
            OURS.say("No token was requested: {error}.", "The PBX is not the cause.")
        }
        Local::KeyUnreadable { .. } => OURS.say("No request was sent: {error}.", "The PBX is not the cause."),
        Local::CommandCannotRead { .. } => OURS.say(
            "{not_asked}: {error}.",
            "Put the secret there, readable by the user who runs this command and by the exporter's own user.",
        ),
        Local::StorageUnusable { .. } => OURS.say(
            "{error}. The PBX is not the cause.",
            "Until this is fixed, no token is requested, and only tokens on disk are used: a restart would lose the refresh token of any \
             other.",
        ),
        Local::TargetReplaced => OURS.say(
            "No token was requested: a reload has replaced this target.",
            "The PBX is not the cause.",
        ),
        Local::Panic => OURS.say(
            "pbx_exporter itself failed while probing this target (a panic, counted in pbx_exporter_panics_total; its log gives the \
             place).",
            "Please report this bug. The PBX is not the cause.",
        ),
        Local::NoCause => OURS.say("no token and no cause for it:", "a bug in pbx_exporter"),
    }
}
