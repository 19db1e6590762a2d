//! Rules, words and what stands in their braces.

use super::{Found, answer_header, not_empty, pointer, sent};
use crate::domain::platform::{Grants, PLACEHOLDERS, Part, Rule, Word, Words};
use crate::domain::{Cause, Operation, Reason};

pub(super) fn rule(found: &mut Found<'_>, rule: &Rule, grants: &Grants) {
    if rule.status.is_none() && rule.header.is_none() && rule.pointer.is_none() {
        found.here("matches any answer; add `status`, `header` or `pointer`");
    }
    let of_body = rule.pointer.is_some() || rule.header.is_some() || rule.absent.is_some();
    if !of_body && rule.status.iter().flatten().any(|status| (200..300).contains(status)) {
        found
            .at("status", "turns every success into a failure; add `pointer` or `header`, or remove the 2xx");
    }
    if rule.pointer.is_none() && (rule.values.is_some() || rule.prefix.is_some() || rule.contains.is_some()) {
        found.at("pointer", "missing; add a JSON pointer to the text in the answer");
    }
    pointer(found, "pointer", rule.pointer.as_ref());
    pointer(found, "absent", rule.absent.as_ref());
    if let Some(odd) = rule.status.iter().flatten().find(|status| !(100..=599).contains(*status)) {
        found.at("status", format!("{odd} is not an HTTP status; write 100 to 599"));
    }
    not_empty(found, "status", rule.status.as_deref());
    words_sought(found, rule, grants);
    if rule.absent.is_some() && rule.absent == rule.pointer {
        found.at("absent", "is the same as `pointer`, so the rule never matches; remove one");
    }
    if rule.grants.is_some() && rule.of != Part::Token {
        found.at("grants", "applies only to token requests; add `of: token` or remove it");
    }
    meaning(found, rule);
}

/// What a rule looks for: words, header fields, grants.
fn words_sought(found: &mut Found<'_>, rule: &Rule, grants: &Grants) {
    not_empty(found, "values", rule.values.as_deref());
    not_empty(found, "grants", rule.grants.as_deref());
    sent(found, "grants", rule.grants.as_deref(), grants);
    contradicting(found, "values", rule.values.as_deref(), [rule.prefix.as_ref(), rule.contains.as_ref()]);
    if let Some(test) = &rule.header {
        not_empty(found, "header.values", test.values.as_deref());
        contradicting(found, "header.values", test.values.as_deref(), [None, test.contains.as_ref()]);
        answer_header(found, "header.name", &test.name);
    }
    let in_header = rule.header.as_ref().and_then(|test| test.contains.as_ref());
    let parts = [("path", &rule.path), ("prefix", &rule.prefix), ("contains", &rule.contains)];
    let parts = parts.into_iter().map(|(name, part)| (name, part.as_ref()));
    for (name, part) in parts.chain([("header.contains", in_header)]) {
        if part.is_some_and(String::is_empty) {
            found.at(name, "is empty, which matches any text; write part of the text, or remove it");
        }
    }
}

/// What a rule says of an answer that fits.
fn meaning(found: &mut Found<'_>, rule: &Rule) {
    if !allowed(rule.of).any(|reason| reason == rule.reason) {
        let told: Vec<_> = allowed(rule.of).map(Reason::as_str).collect();
        let text = format!(
            "{} cannot be the reason for such an answer; use one of: {}",
            rule.reason,
            told.join(", ")
        );
        found.at("reason", text);
    }
    if let Some(text) = &rule.diagnosis {
        sentence(found, "diagnosis", text);
    }
    plain(found, [&rule.title, &rule.because], rule.avoid.as_deref());
    if let Some(name) = &rule.cause {
        cause(found, name);
    }
}

/// A name for `pbx_target_cause` that means nothing else already.
fn cause(found: &mut Found<'_>, name: &str) {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !(1..=40).contains(&name.len()) || !name.bytes().all(allowed) {
        found.at("cause", "is not a valid cause name; write 1 to 40 of a-z, 0-9 and _");
    } else if Cause::samples().iter().any(|known| known.name() == name) {
        found.at("cause", format!("{name} is a built-in cause; choose another name, or remove it"));
    }
}

/// All that is said of a text has to fit.
fn contradicting(found: &mut Found<'_>, member: &str, values: Option<&[Word]>, parts: [Option<&String>; 2]) {
    let [prefix, contains] = parts.map(|part| part.map_or("", String::as_str));
    let fits = |word: &Word| {
        let word = word.to_string();
        word.starts_with(prefix) && word.contains(contains)
    };
    if values.is_some_and(|values| !values.is_empty() && !values.iter().any(fits)) {
        found.at(
            member,
            "has no value that matches `prefix` and `contains`, so the rule never matches; remove one of \
             them",
        );
    }
}

/// The first that fits counts, so that a rule with the same conditions after it has no use.
pub(super) fn twin(found: &mut Found<'_>, at: usize, rules: &[Rule]) {
    let conditions = |rule: &Rule| Rule {
        reason: Reason::UnexpectedResponse,
        cause: None,
        diagnosis: None,
        title: None,
        certainty: None,
        because: None,
        avoid: None,
        ..rule.clone()
    };
    let first = rules[..at].iter().position(|before| conditions(before) == conditions(&rules[at]));
    if let Some(first) = first {
        found.here(format!("matches the same answers as rules[{first}], which comes first; remove one"));
    }
}

/// What an answer can say, except what only code can read or what happens on the way.
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

pub(super) fn words(found: &mut Found<'_>, name: &str, words: &Words) {
    if !Reason::ALL.iter().any(|reason| reason.as_str() == name) {
        let known: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        found.here(format!("is not a reason; use one of: {}", known.join(", ")));
    }
    if let Some(text) = &words.diagnosis {
        sentence(found, "diagnosis", text);
    }
    plain(found, [&words.title, &words.because], words.avoid.as_deref());
}

/// Texts without placeholders.
fn plain(found: &mut Found<'_>, [title, because]: [&Option<String>; 2], avoid: Option<&[String]>) {
    for (name, text) in [("title", title), ("because", because)] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            found.at(name, EMPTY);
        } else if text.as_ref().is_some_and(|text| text.contains(['{', '}'])) {
            found.at(name, "has a brace; placeholders work only in `diagnosis`");
        }
    }
    if avoid.into_iter().flatten().any(|text| text.trim().is_empty()) {
        found.at("avoid", EMPTY);
    }
}

const EMPTY: &str = "is empty; write a sentence, or remove it to use the general text";

pub(super) fn sentence(found: &mut Found<'_>, member: &str, text: &str) {
    if text.trim().is_empty() {
        found.at(member, EMPTY);
    }
    for part in text.split('{').skip(1) {
        let name = part.split_once('}').map(|(name, _)| name);
        if !name.is_some_and(|name| PLACEHOLDERS.contains(&name)) {
            let text = format!("has a brace that is not a known placeholder: {}", PLACEHOLDERS.join(", "));
            found.at(member, text);
        }
    }
}
