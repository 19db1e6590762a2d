//! Comparison with files under `tests`, which `UPDATE_GOLDEN=1` writes again, and with generated ones that users
//! read, which `UPDATE_DOCS=1` does.

use std::path::Path;

/// Fails unless `actual` is what the file `name` under `tests/golden` holds.
pub fn assert_golden(name: &str, actual: &str) {
    assert_same(&format!("golden/{name}"), actual);
}

/// Fails unless `actual` is what the file `name` under `tests` holds.
pub fn assert_same(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let first = expected.lines().zip(actual.lines()).find(|(a, b)| a != b);
    assert!(
        expected == actual,
        "{name} differs, first in (golden, actual) {first:?}; UPDATE_GOLDEN=1 accepts"
    );
}

/// Compares a committed file with what it should be, or writes it.
pub fn assert_current(path: &str, text: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, text).expect("the file is written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{path} is out of date: run the tests with UPDATE_DOCS=1 and commit it");
}
