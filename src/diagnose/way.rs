//! The steps before any request: name resolution, TCP, TLS.

use url::Url;

use super::run::Run;
use super::verdict::Stop;
use super::{Status, StepName, hosts, steps};
use crate::domain::{Operation, Phase, TransportError};
use crate::transport::{Certificate, Dial, Event};

/// What one host showed.
#[derive(Default)]
struct Met {
    refused: Vec<String>,
    chain: Vec<Certificate>,
}

impl Run<'_> {
    /// Name resolution, TCP, TLS, to each host that is going to be asked.
    pub(super) async fn way(&self, dial: &dyn Dial) -> Result<(), Stop> {
        for (operation, origin) in hosts::all(self.target) {
            self.seen.about(hosts::of(self.target, operation));
            let result = self.way_to(dial, operation, origin).await;
            self.seen.about(None);
            result?;
        }
        Ok(())
    }

    async fn way_to(&self, dial: &dyn Dial, operation: Operation, origin: &Url) -> Result<(), Stop> {
        let (target, mut met) = (self.target, Met::default());
        self.seen.begin(StepName::NameResolution);
        let mut saw = |event| self.saw(origin, event, &mut met);
        let dialled = dial.dial(&target.client, origin, target.timeout, &mut saw).await;
        let Err(error) = dialled else { return Ok(()) };
        let step = match &error {
            TransportError::Dns(_) | TransportError::Resolver(_) => StepName::NameResolution,
            TransportError::Connect(_)
            | TransportError::Here(_)
            | TransportError::Timeout { phase: Phase::Connect, .. } => StepName::Connect,
            _ => StepName::Tls,
        };
        let evidence = steps::chain(&met.chain);
        let shown = match hosts::of(target, operation) {
            Some(host) => format!("{host}: {error}"),
            None => error.to_string(),
        };
        let tried = (!met.refused.is_empty()).then(|| format!("tried: {}", met.refused.join(", ")));
        let shown = [Some(shown), tried, evidence.clone()].into_iter().flatten().collect();
        self.seen.end(step, (Status::Fail, error.to_string()), evidence);
        Err(Stop::Broken(operation, self.probe.unreached(operation, &error), shown))
    }

    fn saw(&self, origin: &Url, event: Event, met: &mut Met) {
        let seen = &self.seen;
        match event {
            Event::Proxied(proxy) => {
                for name in [StepName::NameResolution, StepName::Connect, StepName::Tls] {
                    seen.note(name, (Status::Skipped, format!("requests go through the proxy {proxy}")));
                }
            }
            Event::Resolved(addresses) => {
                let host = origin.host_str().unwrap_or_default();
                let addresses: Vec<_> = addresses.iter().map(|a| a.ip().to_string()).collect();
                let detail = match &addresses[..] {
                    [only] if only == host.trim_matches(['[', ']']) => {
                        format!("the url has an address, {only}")
                    }
                    all => format!("{host} is {}", all.join(", ")),
                };
                seen.end(StepName::NameResolution, (Status::Ok, detail), None);
                seen.begin(StepName::Connect);
            }
            Event::Refused(address, cause) => met.refused.push(format!("{address} ({cause})")),
            Event::Connected(address) => {
                seen.end(StepName::Connect, steps::connected(address, &met.refused), None);
                if origin.scheme() == "http" {
                    seen.note(StepName::Tls, (Status::Skipped, "the url is http://".to_owned()));
                } else {
                    seen.begin(StepName::Tls);
                }
            }
            Event::Shown(chain) => met.chain = chain,
            Event::Secured(served) => {
                let now = self.probe.clock().unix();
                let told = steps::secured(self.target, &served, &met.chain, now);
                seen.end(StepName::Tls, told, steps::chain(&met.chain));
            }
        }
    }
}
