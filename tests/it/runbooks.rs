//! docs/runbooks: each page has what somebody woken up looks for, and the index leads to it.

use std::path::Path;

const SECTIONS: [&str; 8] = [
    "## Check",
    "## Fix",
    "### FreePBX 15 and 16",
    "### FreePBX 17",
    "### Ringme (Telphin, UCOM4B)",
    "## After the fix",
    "## Wrong advice",
    "## Escalate",
];

/// Name and text of each page except the index.
fn pages() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks");
    let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("an entry").path());
    let read = |path: &Path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("text"))
    };
    let mut pages: Vec<_> = files.map(|path| read(&path)).filter(|(name, _)| name != "README").collect();
    pages.sort();
    assert!(pages.len() > 20, "{} pages", pages.len());
    pages
}

#[test]
fn each_page_has_every_section_in_its_order() {
    for (name, text) in pages() {
        assert!(text.starts_with(&format!("# {name}\n\n")), "{name}: its title");
        // Where the exporter is the cause, no kind of PBX has steps of its own.
        let is_needed = |section: &&str| section.starts_with("## ") || !name.starts_with("PbxExporter");
        let sections = SECTIONS.into_iter().filter(is_needed);
        let places: Vec<_> = sections.map(|section| text.find(&format!("\n{section}\n"))).collect();
        assert!(places.iter().all(Option::is_some), "{name}: {places:?}");
        assert!(places.is_sorted(), "{name}: {places:?}");
    }
}

#[test]
fn the_index_leads_to_each_page() {
    let index = include_str!("../../docs/runbooks/README.md");
    for (name, _) in pages() {
        assert!(index.contains(&format!("[{name}]({name}.md)")), "the index lacks {name}");
    }
}

/// What a command costs: nobody is asked; something is, without credentials; a PBX may refuse.
fn cost(command: &str) -> u8 {
    if [" diagnose ", " extensions "].iter().any(|word| command.contains(word)) {
        return 2;
    }
    u8::from(["https://", "openssl "].iter().any(|word| command.contains(word)))
}

#[test]
fn the_checks_are_two_or_three_commands_and_what_asks_nobody_comes_first() {
    for (name, text) in pages() {
        let section =
            text.split_once("## Check\n").and_then(|(_, rest)| rest.split_once("\n## ")).expect("above").0;
        let block = section.split("```").nth(1).expect("a block of commands");
        let commands: Vec<_> = block.trim_start_matches("sh").trim().lines().collect();
        assert!((2..=3).contains(&commands.len()), "{name}: {block}");
        assert!(commands.is_sorted_by_key(|command| cost(command)), "{name}: {block}");
    }
}

#[test]
fn a_command_that_reads_secrets_is_run_by_who_may_and_names_the_configuration() {
    for (name, text) in pages() {
        for line in text.lines().filter(|line| line.contains("pbx_exporter ")) {
            for command in ["check", "diagnose office", "extensions office", "authorize office"] {
                let whole = format!("sudo pbx_exporter --config.file /etc/pbx_exporter/pbx.yml {command}");
                let bare = line.matches(&format!("pbx_exporter {command}")).count();
                let printed = line.matches(&format!("pbx.yml {command}")).count();
                assert_eq!((bare, printed), (0, line.matches(&whole).count()), "{name}: {line}");
            }
        }
    }
}
