//! Of this machine: nothing was asked. `{error}` is our own text of what is wrong here.

use super::Words;
use super::way::OURS;
use crate::domain::cause::Local;

pub(super) const fn words(cause: &Local) -> Words {
    match cause {
        Local::SecretUnreadable { .. } => {
            OURS.say("No token was asked for: {error}.", "The PBX is not to blame.")
        }
        Local::KeyUnreadable { .. } => OURS.say("Nothing was asked: {error}.", "The PBX is not to blame."),
        Local::CommandCannotRead { .. } => OURS.say(
            "{not_asked}: {error}.",
            "Put the secret there, readable for whoever runs this command and for the exporter's own user.",
        ),
        Local::StorageUnusable { .. } => OURS.say(
            "{error}. The PBX is not to blame.",
            "Until this is mended no token is asked for, and none is used that is not on disk: at a restart its refresh token would be lost.",
        ),
        Local::TargetReplaced => OURS.say(
            "No token was asked for: a reload has replaced this target.",
            "The PBX is not to blame.",
        ),
        Local::Panic => OURS.say(
            "pbx_exporter itself failed while it probed this target (a panic, counted in pbx_exporter_panics_total; its log names the place).",
            "Please report it. The PBX is not to blame.",
        ),
        Local::NoCause => OURS.say("no token and no cause for it:", "a mistake in pbx_exporter"),
    }
}
