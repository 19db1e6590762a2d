//! The embedded descriptions: each is right, and each says something.

use super::*;

#[test]
fn every_embedded_description_parses_and_has_no_problem() {
    assert!(names().count() > 1);
    for name in names() {
        let text = text(name).unwrap();
        let parsed = serde_saphyr::from_str::<crate::domain::Platform>(text);
        let platform = parsed.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(problems(&platform), [], "{name}");
        assert_eq!(&*builtin(name).unwrap().name, name);
        let documentation = &platform.documentation;
        assert!(!documentation.setup.is_empty() && !documentation.facts.is_empty(), "{name}");
        assert!(!documentation.unknown.is_empty(), "{name}: nobody knows everything");
        for words in platform.reasons.values() {
            for sentence in words.avoid.iter().flatten() {
                assert!(sentence.starts_with("Do not ") && sentence.ends_with('.'), "{name}: {sentence}");
            }
            assert!(
                words.title.as_ref().is_none_or(|title| !title.ends_with('.') && title.len() < 80),
                "{name}"
            );
            assert!(words.because.as_ref().is_none_or(|because| because.ends_with('.')), "{name}");
        }
    }
    assert_eq!(builtin("nobody"), None);
}

#[test]
fn freepbx_is_asked_where_its_reader_looks() {
    let target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    assert_eq!(token_path(&target), freepbx::TOKEN_PATH);
    assert_eq!(list_request(&target).url.path(), freepbx::GRAPHQL_PATH);
    let rest = pbx(Grant::ClientCredentials, Call::known("rest"));
    assert!(list_request(&rest).url.path().starts_with(freepbx::REST_PATH));
    assert_eq!(target.platform.token.as_ref().unwrap().authorize.as_deref(), Some(freepbx::AUTHORIZE_PATH));
}

/// Diagnoses and advice of platforms that have no reader of their own.
#[test]
fn every_reason_has_words_on_every_platform() {
    for name in names() {
        let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
        target.platform = builtin(name).unwrap();
        target.call = Call::known(&target.platform.calls[0].name);
        for reason in Reason::ALL {
            for operation in Operation::ALL {
                let advice = advice(&target, operation, reason, &[]);
                assert!(!advice.title.ends_with('.') && advice.title.len() < 80, "{name} {reason}");
                assert!(advice.because.ends_with('.'), "{name} {reason}: {}", advice.because);
                assert!(!advice.avoid.is_empty() && advice.avoid.len() <= 4, "{name} {reason}");
                let said = words::general(&context(&target, operation, false), reason, 500);
                assert!(said.ends_with('.') && !said.contains("  "), "{name} {reason}: {said}");
            }
        }
    }
}
