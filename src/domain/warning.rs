//! What is odd although the call went well: closed, like a cause. The words are in `causes`.

use super::vocabulary;

vocabulary! {
    /// What is odd although the call went well.
    Warning {
        /// A list without extensions, where there were some before, or some are expected.
        EmptyList => "empty_list_in_doubt",
        /// A byte order mark stands before the JSON.
        Mark => "byte_order_mark",
        /// Other output stands around the JSON.
        Output => "output_around_json",
        /// Such output says that a disk is full.
        DiskFull => "disk_full_around_json",
    }
}
