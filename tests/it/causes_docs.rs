//! docs/causes.md is made of the causes and their words. `UPDATE_DOCS=1` rewrites it.

use std::fmt::Write as _;

use pbx_exporter::causes::{Explanation, explain, of_warning};
use pbx_exporter::domain::target::Call;
use pbx_exporter::domain::{Cause, Failure, Grant, Operation, Target, Warning};
use pbx_exporter::platform;
use pbx_exporter::sim::target::target;
use url::Url;

use crate::support::golden::assert_current;

#[test]
fn each_cause_is_documented_as_it_is_explained() {
    assert_current("docs/causes.md", &generated());
}

const HEAD: &str = "# Causes

A reason says what kind of failure it is; a cause says what to fix. A failing operation has one of each: the label `cause` of
`pbx_target_cause`, the member `cause` in the JSON of `diagnose` and `test-connection`, the field `cause` in the log. A platform of your
own may name further ones (`cause:` of a rule, see [platforms.md](platforms.md)); a rule without that has its reason's name.

The words are those for `pbx.example.com`, with made-up values.

| cause | reason | what is wrong |
| --- | --- | --- |
";

const WARNINGS: &str = "
# Warnings

What is odd although the call goes well: shown on the page and in `diagnose`, and logged once when it begins. `pbx_up` stays 1.

| warning | what it means, and what to do |
| --- | --- |
";

fn generated() -> String {
    let causes = Cause::samples();
    let freepbx = example("freepbx", "graphql");
    let mut text = HEAD.to_owned();
    for cause in &causes {
        let name = cause.name();
        let _ = writeln!(
            text,
            "| [`{name}`](#{name}) | `{}` | {} |",
            cause.reason(),
            said(&freepbx, cause).title
        );
    }
    for cause in causes {
        text += &section(&freepbx, &cause);
    }
    text += WARNINGS;
    for warning in Warning::ALL {
        let _ = writeln!(text, "| `{warning}` | {} |", of_warning(warning));
    }
    text
}

fn example(name: &str, call: &str) -> Target {
    let origin = Url::parse("https://pbx.example.com").expect("an address");
    let platform = platform::builtin(name).expect("an embedded one");
    Target { platform, ..target("office", &origin, Grant::ClientCredentials, Call::known(call)) }
}

fn said(target: &Target, cause: &Cause) -> Explanation {
    let extensions = cause.reason().occurs_at(Operation::Extensions);
    let operation = if extensions { Operation::Extensions } else { Operation::Token };
    explain(target, operation, &Failure::new(cause.clone()))
}

/// In FreePBX's words, and in the general ones where those are others.
fn section(freepbx: &Target, cause: &Cause) -> String {
    let on_freepbx = said(freepbx, cause);
    let mut text = format!("\n## {}\n\nReason `{}`.\n", cause.name(), cause.reason());
    text += &words(&on_freepbx);
    if let Cause::General(_) | Cause::Odd(_) = cause {
        let elsewhere = said(&example("portsip", "users"), cause);
        if elsewhere.wrong != on_freepbx.wrong {
            let _ = write!(text, "\nOn a platform without words of its own:\n{}", words(&elsewhere));
        }
    }
    text
}

fn words(said: &Explanation) -> String {
    let mut text = format!("\n- What it means: {}\n- How to fix it: {}\n", said.wrong, said.fix);
    let _ = writeln!(text, "- How it is known: {}: {}", said.certainty.as_str(), said.because);
    let _ = writeln!(text, "- What not to do: {}", said.avoid.join(" "));
    text
}
