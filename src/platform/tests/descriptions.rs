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

#[test]
fn every_cause_has_words_on_every_platform() {
    for name in names() {
        let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
        target.platform = builtin(name).unwrap();
        target.call = Call::known(&target.platform.calls[0].name);
        for (cause, operation) in
            Cause::samples().into_iter().flat_map(|cause| Operation::ALL.map(|of| (cause.clone(), of)))
        {
            let failure = context(&target, operation, true).failure(cause);
            let said = causes::explain(&target, operation, &failure);
            let cause = &said.cause;
            assert!(!said.title.ends_with('.') && said.title.len() < 80, "{name} {cause}");
            assert!(said.because.ends_with('.'), "{name} {cause}: {}", said.because);
            assert!(!said.avoid.is_empty() && said.avoid.len() <= 4, "{name} {cause}");
            let all = [&said.title, &said.wrong, &said.fix, &said.because];
            for text in all.into_iter().chain(&said.avoid) {
                assert!(!text.is_empty() || *text == said.fix, "{name} {cause}");
                assert!(!text.contains("  ") && text.trim() == text, "{name} {cause}: {text}");
                let open = target.platform.ban.is_none() && text.contains("{ban_");
                assert!(open || !text.contains(['{', '}']), "{name} {cause}: {text}");
            }
        }
    }
}

#[test]
fn a_cause_has_one_name_of_its_own() {
    let names: Vec<_> = Cause::samples().iter().map(Cause::name).collect();
    for (place, name) in names.iter().enumerate() {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!((1..=40).contains(&name.len()) && name.bytes().all(allowed), "{name}");
        assert!(!names[..place].contains(name), "{name} twice");
    }
}
