//! The list of the extensions, and their second count.

use secrecy::SecretString;

use super::run::{Run, failed};
use super::verdict::{Counted, Stop};
use super::{StepName, steps};
use crate::domain::extensions::{Listed, Page, Pages};
use crate::domain::{Failure, Listing, Operation};
use crate::host_count;
use crate::platform::{self, Validity};

impl Run<'_> {
    pub(super) async fn list(
        &mut self,
        token: &SecretString,
        scopes: Option<&[String]>,
        validity: Validity,
    ) -> Result<(Listing, Option<Listed>), Stop> {
        self.begin(StepName::Extensions);
        let (mut pages, mut after, mut first) = (Pages::default(), None::<String>, None);
        // One by one only where they are compared.
        let each = self.target.expected.is_some() || platform::counts_by_listing(self.target);
        loop {
            let request = if each {
                platform::extensions_request(self.target, after.as_deref())
            } else {
                platform::list_request(self.target)
            };
            let asked = self.asked(&request);
            let exchange = self.exchange(Operation::Extensions, self.with_token(request, token)?).await?;
            let answer = self.answered(StepName::Extensions, Operation::Extensions, &asked, exchange)?;
            self.note_clock(Operation::Extensions, &answer);
            self.note_rate_limit(Some(&answer));
            let facts = format!("{asked}: {}", platform::facts(self.target, &answer));
            let context = self.context(Operation::Extensions, scopes);
            let page = if each {
                platform::read_extensions(&context, &answer, after.as_deref())
            } else {
                let alone = |Listing { total }| Page { total, ..Page::alone(Ok(Vec::new())) };
                platform::read_list(&context, &answer).map(alone)
            };
            let (page, total) = match page {
                Ok(page) => (page.clone(), page.total),
                Err(failure) if pages.ends_with(&failure) => (Page::alone(Ok(Vec::new())), None),
                Err(failure) => return Err(self.not_listed(failure, facts, scopes, validity)),
            };
            first.get_or_insert(facts);
            after = pages.add(page);
            if after.is_none() {
                let (all, listed) = if each { pages.finish() } else { (total, Ok(Vec::new())) };
                let listing = Listing { total: all };
                self.end(StepName::Extensions, steps::listed(listing), first);
                return Ok((listing, each.then_some(listed)));
            }
        }
    }

    fn not_listed(
        &mut self,
        failure: Failure,
        facts: String,
        scopes: Option<&[String]>,
        validity: Validity,
    ) -> Stop {
        let context = self.context(Operation::Extensions, scopes);
        let failure = if platform::wants_validity_check(&context, &failure) {
            platform::after_validity_check(&context, failure, validity)
        } else {
            failure
        };
        self.end(StepName::Extensions, failed(failure.reason, &facts), Some(facts.clone()));
        Stop::Broken(Operation::Extensions, failure, vec![facts])
    }

    /// Past the API, also where that is broken: whether the extensions are there is then worth most.
    pub(super) async fn second_count(&mut self, listed: &Result<Option<u64>, Stop>) -> Option<Counted> {
        let settings = self.target.host_count.clone()?;
        self.begin(StepName::SecondCount);
        let count = host_count::count_once(&settings).await.map_err(|error| error.to_string());
        let counted = Counted { kind: settings.source.kind(), count };
        let told = steps::second_count(&counted, listed.as_ref().ok().copied().flatten());
        self.end(StepName::SecondCount, told, None);
        Some(counted)
    }
}
