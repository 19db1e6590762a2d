//! From a failing PBX to whoever is told: the real exporter watches simulated PBXes, and the right alert, and only it, comes out
//! of the real Prometheus and Alertmanager, and ends when the PBX is well again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::cases::{CASES, Case, HEALTHY, Pbx, UNWATCHED, config};
use super::exporter;
use super::stage::{Notice, Stage};
use crate::support::process::{Service, within};
use crate::support::tls::Authority;

/// What takes seconds takes not longer than this on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(90);

const ANY_PORT: &str = "127.0.0.1:0";
const DOWN: &str = "PbxExporterDown";

/// Waits until the last that was told of each is this.
async fn until(stage: &Stage, about: &[(&str, &str)], status: &str) {
    let mut lacking = about.len();
    within(PATIENCE, &format!("{about:?} is told as {status}"), async || {
        let told = stage.told().await;
        let is_so = |(target, alert): &&(&str, &str)| {
            let course = told.get(&((*target).to_owned(), (*alert).to_owned()));
            course.is_some_and(|course| course.last().is_some_and(|last| last == status))
        };
        let left: Vec<_> = about.iter().filter(|about| !is_so(about)).collect();
        if left.len() < lacking {
            lacking = left.len();
            println!("not yet {status}: {left:?}");
        }
        left.is_empty().then_some(())
    })
    .await;
}

/// Waits until Alertmanager has the alert in this state.
async fn until_it_is(expected: &str, stage: &Stage, case: &Case) {
    within(PATIENCE, &format!("{} is {expected}", case.alert), async || {
        let now = stage.state(case.target, case.alert).await;
        (now? == expected).then_some(())
    })
    .await;
}

/// All PBXes but one become ill, and well again.
async fn failures(stage: &Stage, exporter: &Service, pbxes: &BTreeMap<&str, Pbx>) {
    for case in &CASES {
        pbxes[case.target].is_hurt(case, exporter);
    }
    let about = CASES.each_ref().map(|case| (case.target, case.alert));
    until(stage, &about, "firing").await;
    for case in &CASES {
        pbxes[case.target].is_fixed(case, exporter);
    }
    until(stage, &about, "resolved").await;
}

/// An exporter that watches an ill PBX goes away and comes back; then the PBX gets well. The exporter that came back.
async fn lost_exporter(stage: &Stage, first: Service, config: &str, pbx: &Pbx) -> Service {
    let about = [(UNWATCHED.target, UNWATCHED.alert)];
    pbx.is_hurt(&UNWATCHED, &first);
    until(stage, &about, "firing").await;
    let address = first.address.clone();
    drop(first);
    until(stage, &[("", DOWN)], "firing").await;
    until_it_is("suppressed", stage, &UNWATCHED).await;
    let second = exporter(&address, config, &[]).await;
    until_it_is("active", stage, &UNWATCHED).await;
    pbx.is_fixed(&UNWATCHED, &second);
    until(stage, &[("", DOWN)], "resolved").await;
    until(stage, &about, "resolved").await;
    second
}

#[tokio::test]
#[ignore = "needs Prometheus and Alertmanager"]
async fn each_failure_is_told_once_to_the_right_people_and_so_is_its_end() {
    let authority = Authority::new();
    let mut pbxes = BTreeMap::new();
    for name in CASES.iter().map(|case| case.target).chain([HEALTHY]) {
        pbxes.insert(name, Pbx::start(&authority).await);
    }
    let unwatched = Pbx::start(&authority).await;
    let secrets =
        CASES.iter().filter_map(|case| Some((case.file()?, pbxes[case.target].secret(case.file()?))));
    let text = config(&authority, pbxes.iter().map(|(name, pbx)| (*name, pbx)));
    let main = exporter(ANY_PORT, &text, &secrets.collect::<Vec<_>>()).await;
    let text = config(&authority, [(UNWATCHED.target, &unwatched)].into_iter());
    let lost = exporter(ANY_PORT, &text, &[]).await;
    let lost_address = lost.address.clone();
    for name in pbxes.keys() {
        let up = format!("pbx_up{{target=\"{name}\"}}");
        within(PATIENCE, &up, async || (main.value(&up).await == Some(1.0)).then_some(())).await;
    }
    let stage = Stage::start(&[&main.address, &lost_address]).await;
    let lost = lost_exporter(&stage, lost, &text, &unwatched);
    let ((), _second) = tokio::join!(failures(&stage, &main, &pbxes), lost);

    let mut expected: BTreeMap<_, _> =
        CASES.iter().chain([&UNWATCHED]).map(|case| ((case.target, case.alert), case)).collect();
    for notice in stage.notices().await {
        match expected.get(&(&*notice.target, &*notice.alert)) {
            Some(case) => assert_told(&notice, case.receiver, &[case.target, case.reason.as_str()]),
            None => assert_told(&notice, "page", &[&lost_address]),
        }
    }
    let told = stage.told().await;
    let whole = ["firing", "resolved"];
    assert!(told.values().all(|course| course == &whole), "{told:#?}");
    let told: Vec<_> = told.keys().map(|(target, alert)| (&**target, &**alert)).collect();
    expected.insert(("", DOWN), &UNWATCHED);
    assert_eq!(told, expected.into_keys().collect::<Vec<_>>());
    for (target, expected) in [(HEALTHY, false), (CASES[0].target, true)] {
        let fired = format!("count_over_time(ALERTS{{alertstate=\"firing\", target=\"{target}\"}}[1h])");
        assert_eq!(stage.prometheus.query(&fired).await.is_some(), expected, "{target}");
    }
}

/// Whoever is woken by it knows what it is about, and where to read on.
fn assert_told(notice: &Notice, receiver: &str, words: &[&str]) {
    let annotation = |name: &str| notice.annotations.get(name).map_or("", String::as_str);
    let severity = if receiver == "page" { "critical" } else { "warning" };
    assert_eq!((&*notice.receiver, &*notice.severity), (receiver, severity), "{notice:?}");
    assert!(annotation("summary").ends_with('.'), "{notice:?}");
    let description = annotation("description");
    // The reason is asked for while the text is made; it may just have gone when the end is told.
    let words = if notice.status == "firing" { words } else { &words[..1] };
    assert!(words.iter().all(|word| description.contains(word)), "{words:?}: {notice:?}");
    assert!(!description.contains("error calling") && !description.contains("<no value>"), "{notice:?}");
    let (_, page) = annotation("runbook_url").split_once("/blob/main/").expect("a page of this repository");
    assert!(page.ends_with(&format!("/{}.md", notice.alert)), "{notice:?}");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(page).is_file(), "{page}");
}
