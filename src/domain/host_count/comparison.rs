//! What a second count of the extensions says beside the API's. The words are careful: the two may count
//! different things, and at different times.

use super::{HostCountKind, Table};

impl HostCountKind {
    pub const fn counter(self) -> &'static str {
        match self {
            Self::Asterisk => "Asterisk",
            Self::Database { .. } => "FreePBX's database",
        }
    }

    /// What there is to say of a count beside the API's, if anything. `api`: the API's total, where it is known;
    /// `is_failing`: the API gives no list.
    pub fn compared(self, count: Result<u64, &str>, api: Option<u64>, is_failing: bool) -> Option<String> {
        match (count, api) {
            (Err(why), _) => Some(format!("No second count: {why}.")),
            (Ok(count), Some(api)) => (count != api).then(|| difference(self, count, api)),
            (Ok(0), None) if is_failing => {
                Some("The PBX host itself has no extensions: check the PBX first, then its API.".to_owned())
            }
            (Ok(count), None) if is_failing => {
                Some(format!("The extensions exist: {} has {count}. Only the API fails.", self.counter()))
            }
            (Ok(_), None) => None,
        }
    }
}

fn difference(kind: HostCountKind, count: u64, api: u64) -> String {
    match kind {
        HostCountKind::Database { table, same_rows: false } => format!(
            "The call reports {api}, and FreePBX's database has {count} rows in `{}`. The call is your own, \
             so they may count different things; watch whether they change together.",
            table.as_str()
        ),
        HostCountKind::Database { table, same_rows: true } => format!(
            "The API reports {api}, and FreePBX's database has {count} rows in `{}`. FreePBX's {} counts \
             these same rows, so both agree after the next counts. If they still differ, the API's list is \
             wrong{}, or this database belongs to another PBX.",
            table.as_str(),
            match table {
                Table::Devices => "fetchAllExtensions",
                Table::Users => "core/users",
            },
            if api == 0 { " (FreePBX reports an empty list if its own query fails)" } else { "" }
        ),
        HostCountKind::Asterisk if count == 0 => format!(
            "The API reports {api}, and Asterisk has 0 loaded: unless none of them is a SIP phone, no phone \
             can register. Check Asterisk's log for why it loads none, and that `commands` names the SIP \
             driver in use."
        ),
        HostCountKind::Asterisk if count < api => format!(
            "The API reports {api}, and Asterisk has {count} loaded. That is normal with extensions that are \
             not SIP phones (virtual, IAX2, DAHDI, custom) or use another SIP driver, and before Apply \
             Config. Otherwise Asterisk is missing extensions that the PBX has."
        ),
        HostCountKind::Asterisk => format!(
            "The API reports {api}, and Asterisk has {count} loaded. That is normal after extensions were \
             deleted and before Apply Config. Otherwise the API does not list all extensions."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICES: HostCountKind = HostCountKind::Database { table: Table::Devices, same_rows: true };

    #[test]
    fn equal_counts_need_no_words() {
        for kind in [HostCountKind::Asterisk, DEVICES] {
            assert_eq!(kind.compared(Ok(12), Some(12), false), None);
        }
    }

    #[test]
    fn without_a_total_of_the_api_there_is_nothing_to_compare() {
        assert_eq!(DEVICES.compared(Ok(12), None, false), None);
    }

    #[test]
    fn a_failing_api_is_told_from_extensions_that_are_gone() {
        let words = |count| DEVICES.compared(Ok(count), None, true).expect("words");
        assert!(words(12).starts_with("The extensions exist: FreePBX's database has 12"), "{}", words(12));
        assert!(words(0).contains("has no extensions:"), "{}", words(0));
    }

    #[test]
    fn each_difference_is_told_with_both_numbers_and_what_may_explain_it() {
        let users = HostCountKind::Database { table: Table::Users, same_rows: true };
        let own = HostCountKind::Database { table: Table::Devices, same_rows: false };
        for (kind, count, expected) in [
            (DEVICES, 14, "fetchAllExtensions counts these same rows"),
            (users, 14, "core/users counts these same rows"),
            (own, 14, "they may count different things"),
            (HostCountKind::Asterisk, 0, "no phone can register"),
            (HostCountKind::Asterisk, 9, "virtual, IAX2, DAHDI, custom"),
            (HostCountKind::Asterisk, 14, "before Apply Config"),
        ] {
            let words = kind.compared(Ok(count), Some(12), false).expect("words");
            assert!(words.contains("reports 12") && words.contains(&count.to_string()), "{words}");
            assert!(words.contains(expected), "{words}");
        }
    }

    #[test]
    fn a_failed_count_is_told_whatever_the_api_says() {
        for api in [None, Some(12)] {
            let words = DEVICES.compared(Err("there is no such database"), api, false);
            assert_eq!(words.as_deref(), Some("No second count: there is no such database."));
        }
    }
}
