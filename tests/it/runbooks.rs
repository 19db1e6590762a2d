//! docs/runbooks: each page has what somebody woken up looks for, and the index leads to it.

use std::collections::BTreeSet;
use std::path::Path;

const SECTIONS: [&str; 7] = [
    "## Be sure",
    "## Mend",
    "### FreePBX 15 and 16",
    "### FreePBX 17",
    "### Ringme (Telphin, UCOM4B)",
    "## What popular advice gets wrong",
    "## Escalate",
];

/// Name and text of each page but the index.
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
        let places: Vec<_> = SECTIONS.map(|section| text.find(&format!("\n{section}\n"))).into();
        assert!(places.iter().all(Option::is_some), "{name}: {places:?}");
        assert!(places.is_sorted(), "{name}: {places:?}");
    }
}

#[test]
fn the_index_leads_to_each_page_and_links_lead_somewhere() {
    let index = include_str!("../../docs/runbooks/README.md");
    let pages = pages();
    let names: BTreeSet<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for name in &names {
        assert!(index.contains(&format!("[{name}]({name}.md)")), "the index lacks {name}");
    }
    let texts = pages.iter().map(|(_, text)| text.as_str()).chain([index]);
    for link in texts.flat_map(|text| text.split("](").skip(1)).filter_map(|rest| rest.split(')').next()) {
        let name = link.strip_suffix(".md").unwrap_or_default();
        let leads = match name {
            "../authorization" | "../commands" | "../reference" | "README" => true,
            name => names.contains(name),
        };
        assert!(leads, "{link} leads nowhere");
    }
}

#[test]
fn being_sure_takes_two_commands() {
    for (name, text) in pages() {
        let section =
            text.split_once("## Be sure\n").and_then(|(_, rest)| rest.split_once("\n## ")).expect("above").0;
        let block = section.split("```").nth(1).expect("a block of commands");
        assert_eq!(block.trim_start_matches("sh").trim().lines().count(), 2, "{name}: {block}");
    }
}
