//! Transcripts of `diagnose` for a platform that is data alone: Ringme.

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::budget::Origin;
use pbx_exporter::cli::diagnose::{document, exit_of, text};
use pbx_exporter::cli::terminal::Style;
use pbx_exporter::clock::Clock;
use pbx_exporter::diagnose::Parts;
use pbx_exporter::domain::Grant;
use pbx_exporter::sim::{RingmeFault, SimRingme, SimTransport, ringme};

use crate::support::golden::assert_same;
use crate::support::world::{UNIX, origin};

#[tokio::test(start_paused = true)]
async fn what_a_data_platform_says_has_transcripts() {
    let person = Grant::Password;
    let machine = Grant::ClientCredentials;
    for (name, grant, fault) in [
        ("well", machine, None),
        ("well-password", person, None),
        ("access_denied", machine, Some(RingmeFault::Resource("access denied"))),
        ("user_blocked", machine, Some(RingmeFault::Resource("user blocked"))),
        ("invalid_client", machine, Some(RingmeFault::SecretReplaced)),
        ("invalid_grant", person, Some(RingmeFault::Token("wrong password"))),
        ("token_rejected", machine, Some(RingmeFault::Resource("token refused"))),
        ("rate_limited", machine, None),
        ("unexpected_response", machine, Some(RingmeFault::Token("token of odd letters"))),
        ("api_not_found", machine, Some(RingmeFault::Resource("no such record"))),
    ] {
        let pbx = Arc::new(SimRingme::new(Clock::steered(UNIX)));
        pbx.set_fault(fault);
        if name == "rate_limited" {
            pbx.set_budget(0);
        }
        let transport = SimTransport::default().with(&origin(), pbx);
        let target = Arc::new(ringme::target("office", &origin(), grant));
        let budget = Origin::new(6, Duration::from_secs(2400));
        let clock = Clock::steered(UNIX);
        let parts = Parts { transport: &transport, dial: &transport, clock, origin: &budget };
        let style = Style { width: Some(80), ..Style::default() };
        let mut out = Vec::new();
        let report = text(&target, parts, style, &mut out).await;
        let told = String::from_utf8(out).expect("text");
        let exit = exit_of(&report).code();
        assert_same(&format!("diagnose/ringme-{name}.txt"), &format!("{told}\nexit code {exit}\n"));
        let reason = report.verdict.failure.map(|(_, reason)| reason.as_str());
        assert!(name.starts_with(reason.unwrap_or("well")), "{name} gives {reason:?}");
        let json = format!("{:#}\n", document(&[(target, report)]));
        assert_same(&format!("diagnose/ringme-{name}.json"), &json);
    }
}
