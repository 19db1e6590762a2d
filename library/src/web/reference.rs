//! The second count of the extensions on the page: the number beside the API's, and what a difference
//! means. The words are careful: the two may count different things, and at different times.

use maud::{Markup, html};

use super::page::moment;
use crate::board::{Reference, TargetState};
use crate::domain::reference::{ReferenceKind, Table};

/// The number, below the API's.
pub(super) fn count(counted: &Reference, state: &TargetState) -> Markup {
    html! {
        @if let Ok(count) = counted.count {
            @if state.extensions.is_some() { br; }
            span.dim { (counted.kind.as_str()) ": " (count) }
        }
    }
}

/// What there is to say of it, if anything.
pub(super) fn hint(counted: &Reference, state: &TargetState, now: f64) -> Markup {
    let count = counted.count.as_ref().map_err(|text| &**text).copied();
    html! {
        @if let Some(words) = words(counted.kind, count, state.extensions, state.up == Some(false)) {
            p {
                code { "second count" } " "
                span.dim { (moment(counted.at, now - counted.at)) " ago" }
                br;
                (words)
            }
        }
    }
}

/// `api`: the API's total, where it is known; `is_failing`: the API gives no list.
fn words(
    kind: ReferenceKind,
    count: Result<u64, &str>,
    api: Option<u64>,
    is_failing: bool,
) -> Option<String> {
    match (count, api) {
        (Err(why), _) => Some(format!("No second count: {why}.")),
        (Ok(count), Some(api)) => (count != api).then(|| difference(kind, count, api)),
        (Ok(0), None) if is_failing => Some(
            "The PBX host itself counts no extensions: look at the PBX first, and only then at its API."
                .to_owned(),
        ),
        (Ok(count), None) if is_failing => Some(format!(
            "The extensions are there: {} has {count}. It is the way through the API that fails.",
            match kind {
                ReferenceKind::Asterisk => "Asterisk",
                ReferenceKind::Database { .. } => "FreePBX's database",
            }
        )),
        (Ok(_), None) => None,
    }
}

fn difference(kind: ReferenceKind, count: u64, api: u64) -> String {
    match kind {
        ReferenceKind::Database { table, same_rows: false } => format!(
            "The call reports {api}, and FreePBX's database has {count} rows in `{}`. The call is your own, so they may \
             well count different things; watch whether they change together.",
            table.as_str()
        ),
        ReferenceKind::Database { table, same_rows: true } => format!(
            "The API reports {api}, and FreePBX's database has {count} rows in `{}`. FreePBX's {} counts these same \
             rows, so both agree once each has been counted anew. If they stay apart, the API does not tell the \
             truth (FreePBX reports an empty list where its own query fails), or this database is of another PBX.",
            table.as_str(),
            match table {
                Table::Devices => "fetchAllExtensions",
                Table::Users => "core/users",
            }
        ),
        ReferenceKind::Asterisk if count == 0 => format!(
            "The API reports {api}, and Asterisk has 0 loaded: unless all are something else than SIP phones, \
             no phone can register. Look into Asterisk's log for why it loads none, and whether `commands` names the SIP \
             driver in use."
        ),
        ReferenceKind::Asterisk if count < api => format!(
            "The API reports {api}, and Asterisk has {count} loaded. That is usual where there are extensions which \
             are no SIP phones (virtual, IAX2, DAHDI, custom) or which another SIP driver serves, and before Apply \
             Config. If there are none of these, Asterisk does not serve extensions that FreePBX has."
        ),
        ReferenceKind::Asterisk => format!(
            "The API reports {api}, and Asterisk has {count} loaded. That is usual after extensions were deleted and \
             before Apply Config. If that is done, the API does not list all extensions."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICES: ReferenceKind = ReferenceKind::Database { table: Table::Devices, same_rows: true };

    #[test]
    fn equal_counts_need_no_words() {
        for kind in [ReferenceKind::Asterisk, DEVICES] {
            assert_eq!(words(kind, Ok(12), Some(12), false), None);
        }
    }

    #[test]
    fn without_a_total_of_the_api_there_is_nothing_to_compare() {
        assert_eq!(words(DEVICES, Ok(12), None, false), None);
    }

    #[test]
    fn a_failing_api_is_told_from_extensions_that_are_gone() {
        let words = |count| words(DEVICES, Ok(count), None, true).expect("words");
        assert!(
            words(12).starts_with("The extensions are there: FreePBX's database has 12"),
            "{}",
            words(12)
        );
        assert!(words(0).contains("counts no extensions:"), "{}", words(0));
    }

    #[test]
    fn each_difference_is_told_with_both_numbers_and_what_may_explain_it() {
        let users = ReferenceKind::Database { table: Table::Users, same_rows: true };
        let own = ReferenceKind::Database { table: Table::Devices, same_rows: false };
        for (kind, count, expected) in [
            (DEVICES, 14, "fetchAllExtensions counts these same rows"),
            (users, 14, "core/users counts these same rows"),
            (own, 14, "they may well count different things"),
            (ReferenceKind::Asterisk, 0, "no phone can register"),
            (ReferenceKind::Asterisk, 9, "virtual, IAX2, DAHDI, custom"),
            (ReferenceKind::Asterisk, 14, "before Apply Config"),
        ] {
            let words = words(kind, Ok(count), Some(12), false).expect("words");
            assert!(words.contains("reports 12") && words.contains(&count.to_string()), "{words}");
            assert!(words.contains(expected), "{words}");
        }
    }

    #[test]
    fn a_failed_count_is_told_whatever_the_api_says() {
        for api in [None, Some(12)] {
            let words = words(DEVICES, Err("there is no such database"), api, false);
            assert_eq!(words.as_deref(), Some("No second count: there is no such database."));
        }
    }
}
