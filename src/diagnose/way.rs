//! The steps before any request: name resolution, TCP, TLS.

use url::Url;

use super::run::Run;
use super::verdict::Stop;
use super::{Status, StepName, hosts, steps};
use crate::domain::{Operation, TransportError};
use crate::transport::Event;

impl Run<'_> {
    /// Name resolution, TCP, TLS, to each host that is going to be asked.
    pub(super) async fn way(&mut self) -> Result<(), Stop> {
        for (operation, origin) in hosts::all(self.target) {
            self.host = hosts::of(self.target, operation);
            self.way_to(operation, origin).await?;
        }
        self.host = None;
        Ok(())
    }

    async fn way_to(&mut self, operation: Operation, origin: &Url) -> Result<(), Stop> {
        let (target, dial) = (self.target, self.parts.dial);
        (self.refused, self.chain) = (Vec::new(), Vec::new());
        self.begin(StepName::NameResolution);
        let dialled =
            dial.dial(&target.client, origin, target.timeout, &mut |event| self.saw(origin, event)).await;
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
        let shown = match &self.host {
            Some(host) => format!("{host}: {error}"),
            None => error.to_string(),
        };
        let tried = (!self.refused.is_empty()).then(|| format!("tried: {}", self.refused.join(", ")));
        let shown = [Some(shown), tried, evidence.clone()].into_iter().flatten().collect();
        self.end(step, (Status::Fail, error.to_string()), evidence);
        self.host = None;
        Err(Stop::Broken(operation, self.unanswered(operation, &error), shown))
    }

    fn saw(&mut self, origin: &Url, event: Event) {
        match event {
            Event::Proxied(proxy) => {
                for name in [StepName::NameResolution, StepName::Connect, StepName::Tls] {
                    self.note(name, (Status::Skipped, format!("requests go through the proxy {proxy}")));
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
                self.end(StepName::NameResolution, (Status::Ok, detail), None);
                self.begin(StepName::Connect);
            }
            Event::Refused(address, cause) => self.refused.push(format!("{address} ({cause})")),
            Event::Connected(address) => {
                self.end(StepName::Connect, steps::connected(address, &self.refused), None);
                if origin.scheme() == "http" {
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
