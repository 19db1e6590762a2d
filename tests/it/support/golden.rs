//! Comparison with files under `tests`; `UPDATE_GOLDEN=1` writes them anew.

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
