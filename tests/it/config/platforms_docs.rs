//! The part of docs/platforms.md that is made of the embedded descriptions. `UPDATE_DOCS=1` rewrites it.

use std::fmt::Write as _;
use std::fs;

use pbx_exporter::domain::platform::{Known, Platform};
use pbx_exporter::platform;

use super::docs::PLATFORMS;
use crate::support::golden::assert_current;

const BEGIN: &str = "<!-- platforms -->";
const END: &str = "<!-- end of platforms -->";

#[test]
fn the_platforms_are_documented_as_their_descriptions_say() {
    let document = fs::read_to_string(PLATFORMS).expect("the document");
    let (before, rest) = document.split_once(BEGIN).expect("a marker");
    let (_, after) = rest.split_once(END).expect("an end marker");
    assert_current(PLATFORMS, &format!("{before}{BEGIN}\n{}{END}{after}", generated()));
}

fn generated() -> String {
    let all: Vec<_> =
        platform::names().map(|name| platform::builtin(name).expect("an embedded one")).collect();
    let mut text =
        "\n| platform | product | grants | calls | known by |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for platform in &all {
        let name = &platform.name;
        let calls: Vec<_> = platform.calls.iter().map(|call| format!("`{}`", call.name)).collect();
        let mut known: Vec<_> = platform.documentation.facts.iter().map(|fact| fact.known).collect();
        known.sort();
        known.dedup();
        let known: Vec<_> = known.into_iter().map(Known::as_str).collect();
        let _ = writeln!(
            text,
            "| [`{name}`](#{name}) | {} | {} | {} | {} |",
            platform.title,
            grants(platform),
            calls.join(", "),
            known.join(", ")
        );
    }
    for platform in &all {
        text += &section(platform);
    }
    text + "\n"
}

fn grants(platform: &Platform) -> String {
    let served = platform.grants.served().map(|grant| format!("`{grant}`"));
    served.collect::<Vec<_>>().join(", ")
}

/// In lines that an editor shows whole.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("one at least");
        if last.len() + word.len() >= 136 {
            lines.push(word.to_owned());
        } else if last.is_empty() {
            *last += word;
        } else {
            last.push(' ');
            *last += word;
        }
    }
    lines.join("\n")
}

fn section(platform: &Platform) -> String {
    let (name, documentation) = (&platform.name, &platform.documentation);
    let mut text = format!("\n### {name}\n\n{}\n\n", wrapped(&documentation.setup));
    let _ = writeln!(text, "Its [description](../src/platform/descriptions/{name}.yaml) in short:\n");
    for grant in platform.grants.served() {
        let application = platform.application(grant).unwrap_or("an application");
        let _ = writeln!(text, "- grant `{grant}`: {application}");
    }
    for call in &platform.calls {
        let scope = call.scope.as_ref().map(|scope| format!("; needs `{scope}`")).unwrap_or_default();
        let _ = writeln!(text, "- call `{}`: {}{scope}", call.name, call.about);
    }
    for parameter in platform.token.iter().flat_map(|token| &token.parameters) {
        let need = if parameter.value.is_some() { "may be set" } else { "needed" };
        let about = parameter.about.as_deref().unwrap_or_default();
        let _ = writeln!(text, "- `auth.parameters.{}` ({need}): {about}", parameter.name);
    }
    if let Some(counted) = &platform.rate_limit.counted {
        let spared = if platform.rate_limit.shared {
            "; a target, or all targets of one `customer` or one application together, use at most half of what is left"
        } else {
            ""
        };
        let _ = writeln!(text, "- rate limit: counts {counted}{spared}");
    }
    text += "\n| what is known | how |\n| --- | --- |\n";
    for fact in &documentation.facts {
        let _ = writeln!(text, "| {} | {} |", fact.fact, fact.known.as_str());
    }
    text += "\nNot known:\n\n";
    for unknown in &documentation.unknown {
        let _ = writeln!(text, "- {unknown}");
    }
    text
}
