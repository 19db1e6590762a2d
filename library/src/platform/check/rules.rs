//! Rules, words and what stands in their braces.

use super::{Problems, add, header_name, pointer};
use crate::domain::platform::{Part, Rule, Words};
use crate::domain::{Operation, Reason};
use crate::platform::words::PLACEHOLDERS;

pub(super) fn rule(found: &mut Problems, key: &str, rule: &Rule) {
    if rule.status.is_none() && rule.header.is_none() && rule.pointer.is_none() {
        add(found, key, "fits any answer; add `status`, `header` or `pointer`");
    }
    if rule.pointer.is_none() && (rule.values.is_some() || rule.prefix.is_some() || rule.contains.is_some()) {
        add(found, format!("{key}.pointer"), "missing, where the text is in the answer; add a JSON pointer");
    }
    pointer(found, &format!("{key}.pointer"), rule.pointer.as_ref());
    pointer(found, &format!("{key}.absent"), rule.absent.as_ref());
    if let Some(odd) = rule.status.iter().flatten().find(|status| !(100..=599).contains(*status)) {
        add(found, format!("{key}.status"), format!("{odd} is no HTTP status; write 100 to 599"));
    }
    if let Some(test) = &rule.header {
        header_name(found, &format!("{key}.header.name"), &test.name);
    }
    if rule.grants.is_some() && rule.of != Part::Token {
        add(found, format!("{key}.grants"), "is about token requests; add `of: token` or remove it");
    }
    if !allowed(rule.of).any(|reason| reason == rule.reason) {
        let told: Vec<_> = allowed(rule.of).map(Reason::as_str).collect();
        let text =
            format!("{} is nothing that such an answer says; use one of: {}", rule.reason, told.join(", "));
        add(found, format!("{key}.reason"), text);
    }
    if let Some(text) = &rule.diagnosis {
        placeholders(found, &format!("{key}.diagnosis"), text);
    }
}

/// What an answer can say, but for what only code knows to read or what happens on the way.
fn allowed(of: Part) -> impl Iterator<Item = Reason> {
    let (token, resource) = (of != Part::Resource, of != Part::Token);
    Reason::ALL.into_iter().filter(move |reason| {
        let fits = token && reason.occurs_at(Operation::Token)
            || resource && reason.occurs_at(Operation::Extensions);
        let ours = matches!(
            reason,
            Reason::ExporterError | Reason::AjaxDeclined | Reason::ResponseTooLarge | Reason::RedirectRefused
        );
        fits && !ours && !reason.is_transport()
    })
}

pub(super) fn words(found: &mut Problems, name: &str, words: &Words) {
    let key = format!("reasons.{name}");
    if !Reason::ALL.iter().any(|reason| reason.as_str() == name) {
        let known: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        add(found, &*key, format!("is no reason; use one of: {}", known.join(", ")));
    }
    if let Some(text) = &words.diagnosis {
        placeholders(found, &format!("{key}.diagnosis"), text);
    }
    for (name, text) in [("title", &words.title), ("because", &words.because)] {
        if text.as_ref().is_some_and(|text| text.contains(['{', '}'])) {
            add(found, format!("{key}.{name}"), "has a brace; placeholders are for `diagnosis` alone");
        }
    }
}

pub(super) fn placeholders(found: &mut Problems, key: &str, text: &str) {
    for part in text.split('{').skip(1) {
        let name = part.split_once('}').map(|(name, _)| name);
        if !name.is_some_and(|name| PLACEHOLDERS.contains(&name)) {
            let text = format!("has a brace without one of the known names: {}", PLACEHOLDERS.join(", "));
            add(found, key, text);
        }
    }
}
