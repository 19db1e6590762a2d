//! The steps before any request: name resolution, TCP, TLS.

use super::run::Run;
use super::steps;
use super::verdict::Stop;
use super::{Status, StepName};
use crate::domain::{Grant, Operation, TransportError};
use crate::transport::Event;

impl Run<'_> {
    /// Name resolution, TCP, TLS.
    pub(super) async fn way(&mut self) -> Result<(), Stop> {
        let (target, dial) = (self.target, self.parts.dial);
        self.begin(StepName::NameResolution);
        let dialled =
            dial.dial(&target.client, &target.origin, target.timeout, &mut |event| self.saw(event)).await;
        let Err(error) = dialled else { return Ok(()) };
        let step = match &error {
            TransportError::Dns(_) | TransportError::Timeout { phase: "resolve", .. } => {
                StepName::NameResolution
            }
            TransportError::Connect(_) | TransportError::Timeout { phase: "connect", .. } => {
                StepName::Connect
            }
            _ => StepName::Tls,
        };
        let evidence = steps::chain(&self.chain);
        let shown = [Some(error.to_string()), evidence.clone()].into_iter().flatten().collect();
        self.end(step, (Status::Fail, error.to_string()), evidence);
        // What comes next at this host: the token endpoint may be elsewhere, or a key fixed.
        let elsewhere = target.has_token_elsewhere() || target.auth.grant == Grant::Static;
        let operation = if elsewhere { Operation::Extensions } else { Operation::Token };
        Err(Stop::Broken(operation, self.unanswered(operation, &error), shown))
    }

    fn saw(&mut self, event: Event) {
        match event {
            Event::Proxied(proxy) => {
                for name in [StepName::NameResolution, StepName::Connect, StepName::Tls] {
                    self.note(name, (Status::Skipped, format!("requests go through the proxy {proxy}")));
                }
            }
            Event::Resolved(addresses) => {
                let host = self.target.origin.host_str().unwrap_or_default();
                let addresses: Vec<_> = addresses.iter().map(|a| a.ip().to_string()).collect();
                let detail = match &addresses[..] {
                    [only] if only == host.trim_matches(['[', ']']) => {
                        format!("the url has an address, {only}")
                    }
                    all => format!("{host} is {}", all.join(", ")),
                };
                self.end(StepName::NameResolution, (Status::Ok, detail), None);
                self.begin(StepName::Connect);
            }
            Event::Refused(address, cause) => self.refused.push(format!("{address} ({cause})")),
            Event::Connected(address) => {
                self.end(StepName::Connect, steps::connected(address, &self.refused), None);
                if self.target.origin.scheme() == "http" {
                    self.note(StepName::Tls, (Status::Skipped, "the url is http://".to_owned()));
                } else {
                    self.begin(StepName::Tls);
                }
            }
            Event::Shown(chain) => self.chain = chain,
            Event::Secured(served) => {
                let now = self.parts.clock.unix();
                let told = steps::secured(self.target, &served, &self.chain, now);
                self.end(StepName::Tls, told, steps::chain(&self.chain));
            }
        }
    }
}
