//! `expected_extensions` and its file.

use pbx_exporter::domain::target::{Call, Expected};

use super::{Files, load_text, one_target};

/// The ids of the only target's list.
fn ids(expected: Option<&Expected>) -> String {
    let Some(Expected::List(ids)) = expected else { panic!("no list: {expected:?}") };
    ids.iter().map(|id| &**id).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_list_is_ordered_and_each_counts_once() {
    let config = load_text(&one_target("", "expected_extensions: [2001, '2000', 2001, '0200', alice]"));
    let config = config.expect("a good file");
    assert_eq!(ids(config.targets[0].expected.as_ref()), "0200 2000 2001 alice");
    assert_eq!(config.notes.len(), 1, "{:?}", config.notes);
    assert!(config.notes[0].ends_with("expected_extensions: given more than once, counted once: 2001"));
    let none = load_text(&one_target("", "expected_extensions: []")).expect("a good file");
    assert_eq!(ids(none.targets[0].expected.as_ref()), "");
    assert_eq!(load_text(&one_target("", "")).expect("a good file").targets[0].expected, None);
}

#[test]
fn a_number_that_yaml_takes_its_zeros_from_is_an_error() {
    let error = load_text(&one_target("", "expected_extensions: [2000, 0200]")).expect_err("a lost zero");
    assert!(error.contains("expected_extensions[1]") && error.contains("in quotes"), "{error}");
}

#[test]
fn a_file_is_named_from_the_folder_of_the_configuration() {
    let text = one_target("", "expected_extensions_file: lists/accounts.csv");
    let files = Files::new(&[("lists/accounts.csv", "extension\n2000\n2000\n"), ("pbx.yml", &text)]);
    let config = files.load(&["pbx.yml"]).expect("a good file");
    assert_eq!(config.targets[0].expected, Some(Expected::File(files.path("lists/accounts.csv"))));
    assert_eq!(config.warnings, Vec::<String>::new());
    assert!(config.notes[0].ends_with("counted once: 2000"), "{:?}", config.notes);
}

#[test]
fn a_file_that_cannot_be_read_is_a_warning_because_the_pbx_is_watched_all_the_same() {
    let text = one_target("", "expected_extensions_file: accounts.csv");
    let files = Files::new(&[("pbx.yml", &text)]);
    for (content, said) in
        [(None, "No such file"), (Some(""), "it is empty"), (Some("[\"x\""), "not valid JSON")]
    {
        if let Some(content) = content {
            files.write("accounts.csv", content, 0o600);
        }
        let config = files.load(&["pbx.yml"]).expect("a good file");
        let [warning] = config.warnings.as_slice() else { panic!("{:?}", config.warnings) };
        assert!(warning.contains("expected_extensions_file: failed to read accounts.csv: "), "{warning}");
        assert!(
            warning.contains(said) && warning.ends_with("extensions are not compared until it can be read")
        );
    }
}

#[test]
fn a_target_replaces_an_inherited_list_in_whatever_form() {
    let target = one_target("", "expected_extensions: [2000]");
    let text = format!("defaults: {{expected_extensions_file: accounts.csv}}\n{target}");
    let config = load_text(&text).expect("a good file");
    assert_eq!(ids(config.targets[0].expected.as_ref()), "2000");
    let none = one_target("", "expected_extensions: null");
    let none = load_text(&format!("defaults: {{expected_extensions: [1]}}\n{none}")).expect("a good file");
    assert_eq!(none.targets[0].expected, None);
}

#[test]
fn a_call_of_ones_own_says_where_its_extensions_are() {
    let keys = "call: {path: /accounts, list: /items, id: /number}, expected_extensions: [2000]";
    let config = load_text(&one_target("", keys)).expect("a good file");
    let Call::Custom(call) = &config.targets[0].call else { panic!("a custom call") };
    assert_eq!((call.list.as_deref(), call.id.as_deref()), (Some("/items"), Some("/number")));
}
