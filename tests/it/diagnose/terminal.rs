//! `diagnose` in a real terminal: colour, the live list, wrapping.

use pbx_exporter::sim::Fault;

use super::commands::{pbx, target};
use crate::support::process::CONFIG;
use crate::support::terminal::{Shown, run};

const RED: &str = "\x1b[1;31mFAIL\x1b[0m";

/// A PBX whose secret was regenerated, diagnosed.
async fn diagnosed(arguments: &[&str], variables: &[(&str, &str)]) -> Shown {
    let server = pbx().await;
    server.pbx().set_fault(Some(Fault::SecretRegenerated));
    let text = format!("targets:\n{}", target("bad", &server, ""));
    let arguments = [&["diagnose", "--config.file", CONFIG], arguments].concat();
    let shown = run(&arguments, variables, (CONFIG, &text), &[]).await;
    assert_eq!(shown.code, Some(6), "{shown:?}");
    shown
}

/// The text as it stands in the end: no colour, nothing that was written over.
fn lines(shown: &Shown) -> Vec<String> {
    let mut text = shown.text.replace("\r\n", "\n");
    while let Some(start) = text.find("\x1b[") {
        let end = start + text[start..].find(['m', 'K']).expect("whole");
        if text[..=end].ends_with('K') {
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            text.replace_range(line..=end, "");
        } else {
            text.replace_range(start..=end, "");
        }
    }
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs script"]
async fn a_terminal_gets_colour_a_live_list_and_eighty_columns() {
    let shown = diagnosed(&[], &[]).await;
    assert!(shown.text.contains(RED) && shown.text.contains("\r\x1b[2K  ...  token"), "{shown:?}");
    let lines = lines(&shown);
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("  FAIL  token ")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("...  ")), "{lines:#?}");
}

#[tokio::test]
#[ignore = "needs script"]
async fn colour_is_left_out_where_it_is_not_wanted() {
    for (arguments, variables, coloured) in [
        (&[][..], &[("NO_COLOR", "1")][..], false),
        (&[], &[("NO_COLOR", "")], true),
        (&["--color", "never"], &[], false),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
    ] {
        let shown = diagnosed(arguments, variables).await;
        assert_eq!(shown.text.contains(RED), coloured, "{arguments:?} {variables:?}");
        assert_eq!(shown.text.replace("\x1b[2K", "").contains('\x1b'), coloured, "{shown:?}");
        assert!(shown.text.contains("\r\x1b[2K  ...  token"), "{shown:?}");
    }
    let dumb = diagnosed(&[], &[("TERM", "dumb")]).await;
    assert!(!dumb.text.contains('\x1b') && dumb.text.contains("  FAIL  token "), "{dumb:?}");
}
