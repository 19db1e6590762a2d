//! The extensions one by one, where they are wanted: all pages of them, compared with those expected.

use super::call::Call;
use super::{Pass, Probe, Stop};
use crate::domain::extensions::{Drift, Listed, Pages, Untold};
use crate::domain::{Answer, Failure, Listing};
use crate::platform::CallContext;
use crate::{expected, platform};

impl Probe {
    /// The same, with each extension in the outcome of its passes: for a person who asks.
    #[must_use]
    pub fn keeping_list(mut self) -> Self {
        self.keeps_list = true;
        self
    }

    /// The list. In one request, unless the platform pages; it names the extensions where they are
    /// wanted, else their total alone.
    pub(super) async fn request_list(
        &self,
        pass: &mut Pass<'_>,
        call: &Call<'_>,
    ) -> Result<Result<Listing, Failure>, Stop> {
        pass.gathered.listed = None;
        let each = self.keeps_list || self.target.expected.is_some();
        if !each && !platform::counts_by_listing(&self.target) {
            let request = platform::list_request(&self.target);
            return self.exchange(pass, call, request, platform::read_list).await;
        }
        let (mut pages, mut after) = (Pages::knowing(self.memory().page_size), None::<String>);
        loop {
            let request = platform::extensions_request(&self.target, after.as_deref());
            let read = |ctx: &CallContext<'_>, answer: &Answer| {
                platform::read_extensions(ctx, answer, after.as_deref())
            };
            match self.exchange(pass, call, request, read).await? {
                Ok(page) => after = pages.add(page),
                Err(failure) if pages.ends_with(&failure) => {
                    after = None;
                    let newest = pass.gathered.diary.attempts.last_mut();
                    if let Some(answered) = newest.filter(|attempt| attempt.status.is_some()) {
                        answered.failure = None;
                    }
                }
                Err(failure) => return Ok(Err(failure)),
            }
            if after.is_none() {
                break;
            }
        }
        self.memory().page_size = pages.size();
        pass.gathered.made_sure = pages.was_whole();
        let (total, listed) = pages.finish();
        pass.gathered.listed = each.then_some(listed);
        Ok(Ok(Listing { total }))
    }

    /// `None`: none are expected.
    pub(super) fn drift(&self, listed: &Listed) -> Option<Result<Drift, Untold>> {
        let expected = self.target.expected.as_ref()?;
        let compared = listed.as_ref().map_err(Untold::clone).and_then(|listed| {
            let expected = expected::ids(expected).map_err(|error| Untold::from(error.to_string()))?;
            Ok(Drift::between(&expected, listed))
        });
        Some(compared)
    }
}
