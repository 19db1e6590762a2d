//! Transcripts of `diagnose` with a second count: from a real MariaDB, and from a program that poses as Asterisk.

use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::cli::diagnose::exit_of;
use pbx_exporter::cli::exit::Exit;
use pbx_exporter::diagnose::{Outcome, StepName};
use pbx_exporter::domain::host_count::{DatabaseServer, DatabaseSettings, HostCountSource};
use pbx_exporter::domain::{HostCountSettings, Reason};
use pbx_exporter::platform::Certainty;
use pbx_exporter::sim::Fault;
use pbx_exporter::sim::fixtures::Generation::V17;

use super::transcripts::{Case, Diagnosed, budget, case, diagnose_with, faulty, listing, without_secret};
use crate::host_count::{ENDPOINTS, asking, database, fake_asterisk, prints};
use crate::support::mariadb::{DEVICES, MariaDb, shared};
use crate::support::process::PATIENCE;
use crate::support::world::UNIX;

fn counting(database: DatabaseSettings) -> HostCountSettings {
    let source = HostCountSource::Database(database);
    HostCountSettings { source, interval: Duration::from_secs(300), timeout: PATIENCE }
}

/// With its transcript; how long anything took is left out, for a count takes real time.
async fn transcript(case: &Case, host_count: HostCountSettings) -> Diagnosed {
    let counting = |target: &mut pbx_exporter::domain::Target| target.host_count = Some(Arc::new(host_count));
    let diagnosed = diagnose_with(case, counting, &budget(6), UNIX).await;
    diagnosed.assert_transcript(case.name, |text| {
        text.lines().map(|line| timeless(line) + "\n").collect::<String>()
    });
    diagnosed
}

fn timeless(line: &str) -> String {
    if let Some((before, seconds)) = line.split_once("\"seconds\": ")
        && seconds != "null,"
    {
        return format!("{before}\"seconds\": 0.0,");
    }
    match line.get(23..30).filter(|time| time.ends_with(" ms") || time.ends_with(" s")) {
        Some(_) => format!("{}   0 ms{}", &line[..23], &line[30..]),
        None => line.to_owned(),
    }
}

fn step(diagnosed: &Diagnosed) -> &str {
    let steps = &diagnosed.report.steps;
    &steps.iter().find(|step| step.name == StepName::SecondCount).expect("the step").detail
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_list_shorter_than_the_database_is_no_working_api() {
    let server = shared().await;
    let host_count = counting(database::at(&server));
    for (case, lists) in [
        (listing("second_count-api-empty", V17, |pbx| pbx.set_extensions(0)), 0),
        (listing("second_count-api-less", V17, |pbx| pbx.set_extensions(4)), 4),
    ] {
        let diagnosed = transcript(&case, host_count.clone()).await;
        let told = format!("FreePBX's database has {DEVICES}, the API lists {lists}");
        assert_eq!(step(&diagnosed), told);
        assert_eq!((diagnosed.report.verdict.outcome, diagnosed.reason()), (Outcome::Failed, None));
        assert_eq!(exit_of(&diagnosed.report), Exit::Data);
    }
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_count_that_agrees_says_so_and_a_larger_list_is_a_warning() {
    let server = MariaDb::start().await;
    let host_count = counting(database::at(&server));
    let agrees = listing("second_count-agrees", V17, |pbx| pbx.set_extensions(5));
    let diagnosed = transcript(&agrees, host_count.clone()).await;
    assert_eq!(step(&diagnosed), "FreePBX's database has 5 as well");
    assert_eq!(diagnosed.report.verdict.title, "the API works: 5 extensions");
    let more = listing("second_count-api-more", V17, |pbx| pbx.set_extensions(6));
    let diagnosed = transcript(&more, host_count.clone()).await;
    assert_eq!(exit_of(&diagnosed.report), Exit::Fine);
    assert!(diagnosed.report.verdict.title.contains("but FreePBX's database has 5"), "{}", diagnosed.text);
    server.run("DELETE FROM asterisk.devices");
    let gone = listing("second_count-gone", V17, |pbx| pbx.set_extensions(0));
    let diagnosed = transcript(&gone, host_count).await;
    assert_eq!(step(&diagnosed), "FreePBX's database has 0 as well");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn where_the_api_fails_the_count_tells_whether_the_extensions_are_there() {
    let server = MariaDb::start().await;
    let host_count = counting(database::at(&server));
    let refused = |name| faulty(name, V17, Fault::SecretRegenerated);
    let diagnosed = transcript(&refused("second_count-api-fails"), host_count.clone()).await;
    assert_eq!(diagnosed.reason(), Some(Reason::InvalidClient));
    let evidence = &diagnosed.report.verdict.evidence;
    assert!(evidence.iter().any(|line| line.starts_with("The extensions exist")), "{evidence:?}");
    assert!(
        !evidence.iter().any(|line| line.contains("second count")),
        "nothing is well before it: {evidence:?}"
    );
    let unreadable = without_secret("second_count-exporter_error");
    let evidence = transcript(&unreadable, host_count.clone()).await.report.verdict.evidence;
    assert!(evidence.contains(&"FreePBX's database has 5".to_owned()), "{evidence:?}");
    assert!(!evidence.concat().contains("the API fails"), "the API is not to blame: {evidence:?}");
    server.run("DELETE FROM asterisk.devices");
    let evidence =
        transcript(&refused("second_count-api-fails-gone"), host_count).await.report.verdict.evidence;
    assert!(evidence.iter().any(|line| line.contains("has no extensions")), "{evidence:?}");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_count_that_fails_is_a_warning_and_no_verdict_on_the_api() {
    let nowhere = DatabaseServer::Socket("/no/such/mysqld.sock".into());
    let unreachable = counting(database::settings(nowhere));
    let absent = asking("/no/such/asterisk".into(), PATIENCE);
    for (name, host_count, told) in [
        ("second_count-no-database", unreachable, "failed to reach the database server"),
        ("second_count-no-asterisk", absent, "failed to start /no/such/asterisk"),
    ] {
        let diagnosed = transcript(&case(name, V17), host_count).await;
        assert!(step(&diagnosed).starts_with(&format!("no count: {told}")), "{}", step(&diagnosed));
        assert_eq!(exit_of(&diagnosed.report), Exit::Fine);
        assert_eq!(diagnosed.report.verdict.title, "the API works: 3 extensions");
        assert!(diagnosed.report.verdict.warnings[0].contains(told), "{}", diagnosed.text);
    }
}

#[tokio::test]
async fn asterisk_may_differ_for_good_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    let host_count = asking(fake_asterisk(folder.path(), &prints(ENDPOINTS)), PATIENCE);
    for case in [
        case("second_count-asterisk-less", V17),
        listing("second_count-asterisk-more", V17, |pbx| pbx.set_extensions(1)),
    ] {
        let diagnosed = transcript(&case, host_count.clone()).await;
        assert_eq!(exit_of(&diagnosed.report), Exit::Fine);
        assert!(diagnosed.report.verdict.title.ends_with("but Asterisk has 2"), "{}", diagnosed.text);
        assert!(
            diagnosed.report.verdict.warnings.iter().any(|w| w.contains("Apply Config")),
            "{}",
            diagnosed.text
        );
    }
}

#[tokio::test]
async fn an_empty_list_beside_phones_that_asterisk_serves_is_no_working_api() {
    let folder = tempfile::tempdir().expect("a folder");
    let host_count = asking(fake_asterisk(folder.path(), &prints(ENDPOINTS)), PATIENCE);
    let empty = listing("second_count-asterisk-api-empty", V17, |pbx| pbx.set_extensions(0));
    let diagnosed = transcript(&empty, host_count).await;
    assert_eq!(exit_of(&diagnosed.report), Exit::Data);
    assert_eq!(diagnosed.report.verdict.certainty.0, Certainty::Open);
    assert!(diagnosed.text.contains("Do not press Apply Config"), "{}", diagnosed.text);
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_call_of_ones_own_may_count_something_else() {
    let server = shared().await;
    let host_count = counting(DatabaseSettings { same_rows: false, ..database::at(&server) });
    let diagnosed = transcript(&case("second_count-own-call", V17), host_count).await;
    assert_eq!(exit_of(&diagnosed.report), Exit::Fine);
    assert!(diagnosed.report.verdict.warnings[0].contains("different things"), "{}", diagnosed.text);
}
