//! Proxy variables of the environment: other programs use them and this one does not, so that a connection which works
//! for `curl` may fail here.

use super::Report;
use crate::config::Lookup;
use crate::domain::{Operation, Reason, Target};

impl Report {
    /// Adds to the evidence of a connection that did not come about which variables are set and were not used. Whether the
    /// PBX is reached by that proxy alone they do not say.
    pub fn note_unused_proxies(&mut self, target: &Target, lookup: Lookup<'_>) {
        let Some((operation, Reason::Dns | Reason::Connect | Reason::Timeout)) = self.verdict.failure else {
            return;
        };
        if target.client.proxy.is_none()
            && let Some(names) = set(target, operation, lookup)
        {
            self.verdict.evidence.push(format!(
                "set in this environment and not used: {names}; this exporter takes a proxy from the target's `proxy` alone"
            ));
        }
    }
}

/// Names alone: a value may hold a password.
fn set(target: &Target, operation: Operation, lookup: Lookup<'_>) -> Option<String> {
    let by_scheme = match target.origin_of(operation).scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let names = by_scheme.into_iter().chain(["ALL_PROXY", "all_proxy"]);
    let set: Vec<_> = names.filter(|name| lookup(name).is_some_and(|value| !value.is_empty())).collect();
    (!set.is_empty()).then(|| set.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Outcome, Verdict};
    use crate::domain::Grant;
    use crate::domain::target::{Call, ProxySettings};
    use crate::platform::Certainty;
    use crate::sim;

    fn evidence(reason: Reason, target: &Target) -> Vec<String> {
        let environment = [
            ("HTTPS_PROXY", "http://made-up@proxy.example.com:3128"),
            ("ALL_PROXY", ""),
            ("http_proxy", "x"),
        ];
        let lookup = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let verdict = Verdict {
            outcome: Outcome::Failed,
            failure: Some((Operation::Extensions, reason)),
            cause: None,
            title: String::new(),
            certainty: (Certainty::Open, String::new()),
            evidence: Vec::new(),
            diagnosis: String::new(),
            avoid: Vec::new(),
            warnings: Vec::new(),
        };
        let mut report = Report { steps: Vec::new(), verdict, total: None, log: Vec::new() };
        report.note_unused_proxies(target, &lookup);
        report.verdict.evidence
    }

    #[test]
    fn a_connection_that_fails_shows_the_proxy_variables_that_are_not_used() {
        let origin = "https://pbx.example.com".parse().expect("a URL");
        let target = sim::target::target("office", &origin, Grant::ClientCredentials, Call::known("graphql"));
        let shown = evidence(Reason::Connect, &target);
        assert!(shown[0].starts_with("set in this environment and not used: HTTPS_PROXY; "), "{shown:?}");
        assert!(!shown[0].contains("made-up"), "{shown:?}");
        assert!(evidence(Reason::InvalidClient, &target).is_empty());
        let mut proxied = target;
        let url = "http://proxy.example.com:3128".parse().expect("a URL");
        proxied.client.proxy = Some(ProxySettings { url, credentials: None, no_proxy: None });
        assert!(evidence(Reason::Connect, &proxied).is_empty());
    }
}
