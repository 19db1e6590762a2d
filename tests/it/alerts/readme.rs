//! "Alerting in five minutes" of alerts/README.md, except what listens on fixed ports, does what it says.

use std::path::Path;

use super::{folder, run};
use crate::support::alertmanager::Alertmanager;

/// The commands and files of the section, in its order.
fn snippets() -> [String; 5] {
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("a file");
    let (_, section) = readme.split_once("\n## Alerting in five minutes\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    let blocks = section.split("   ```").skip(1).step_by(2);
    let line = |line: &str| line.strip_prefix("   ").unwrap_or(line).to_owned() + "\n";
    let blocks = blocks.map(|block| block.lines().skip(1).map(line).collect());
    blocks.collect::<Vec<_>>().try_into().expect("as many as are known here")
}

fn sh(folder: &Path, script: &str) {
    run("sh", &["-ec", &format!("cd '{}'\n{script}", folder.display())], &[]);
}

#[tokio::test]
#[ignore = "needs Alertmanager"]
async fn the_five_minutes_of_the_readme_lead_to_a_page() {
    let [copy, prometheus, receivers, start, page] = snippets();
    let place = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(folder(), place.path().join("alerts")).expect("a link");
    let config = place.path().join("alerting/alertmanager.yml");
    sh(place.path(), &copy);
    std::fs::write(config.with_file_name("prometheus.yml"), prometheus).expect("a file");
    let shipped = std::fs::read_to_string(&config).expect("copied");
    let (before, _) = shipped.split_once("\nreceivers:\n").expect("receivers");
    let own = format!("{before}\n{receivers}");
    std::fs::write(&config, &own).expect("a file");
    let checks: Vec<_> = start.lines().take_while(|line| line.contains(" check")).collect();
    assert_eq!(checks.len(), 2, "{start}");
    sh(config.parent().expect("a folder"), &checks.join("\n"));

    let alertmanager = Alertmanager::start(&own).await;
    assert!(page.contains("http://localhost:9093"), "{page}");
    sh(place.path(), &page.replace("localhost:9093", &alertmanager.address));
    let alerts = alertmanager.alerts().await.expect("an answer");
    assert_eq!(alerts[0]["receivers"][0]["name"], "page", "{alerts:?}");
    assert_eq!(alerts[0]["annotations"]["summary"], "Only a test.", "{alerts:?}");
}
