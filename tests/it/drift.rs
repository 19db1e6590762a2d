//! The extensions listed, compared with those expected: through changes on both sides, in virtual time.

use std::path::Path;

use pbx_exporter::board::TargetState;
use pbx_exporter::causes::of_warning;
use pbx_exporter::domain::extensions::Id;
use pbx_exporter::domain::target::{Call, Expected};
use pbx_exporter::domain::{Grant, Operation, Target, Warning};
use pbx_exporter::exposition::Format;
use pbx_exporter::sim::fixtures::{Fixture, all};
use pbx_exporter::sim::{Fault, Generation};

use crate::support::process::value;
use crate::support::scrape::targets;
use crate::support::world::{World, minutes, pbx, seconds, usual};

const FAMILIES: [&str; 3] =
    ["pbx_extensions_expected", "pbx_extensions_missing", "pbx_extensions_unexpected"];

fn expecting(expected: Expected) -> Target {
    Target { expected: Some(expected), ..usual(Grant::ClientCredentials) }
}

fn list(ids: &[&str]) -> Expected {
    Expected::List(ids.iter().map(|&id| Id::from(id)).collect::<Vec<_>>().into())
}

fn file(path: &Path) -> Expected {
    Expected::File(path.to_owned())
}

/// Expected, missing and unexpected, as a scrape shows them.
fn scraped(world: &World) -> [Option<f64>; 3] {
    let text = targets(&world.board, Format::Text);
    FAMILIES.map(|family| value(&text, &format!("{family}{{target=\"office\"}}")))
}

fn counts(expected: f64, missing: f64, unexpected: f64) -> [Option<f64>; 3] {
    [expected, missing, unexpected].map(Some)
}

/// Why nothing was compared.
fn cause(state: &TargetState) -> String {
    let drift = state.drift.as_deref().expect("extensions are expected");
    drift.as_ref().expect_err("they were not compared").to_string()
}

const NONE: [Option<f64>; 3] = [None; 3];

#[tokio::test(start_paused = true)]
async fn what_changes_on_the_pbx_shows_with_the_next_probe_and_costs_no_request() {
    for (generation, call) in [
        (Generation::V16, Call::known("graphql")),
        (Generation::V17, Call::known("graphql")),
        (Generation::V17_0_1, Call::known("graphql")),
        (Generation::V16, Call::known("rest")),
    ] {
        let (pbx, transport) = pbx(generation);
        let world =
            World::start(transport, [Target { call, ..expecting(list(&["2000", "2001", "2002"])) }]).await;
        assert_eq!(scraped(&world), NONE, "before the first probe");
        seconds(5).await;
        assert_eq!(scraped(&world), counts(3.0, 0.0, 0.0));
        pbx.set_extension_ids(&["2000", "2002", "3000", "0201"]);
        minutes(1).await;
        assert_eq!(scraped(&world), counts(3.0, 1.0, 2.0));
        let state = world.state();
        let drift = state.drift().expect("compared");
        assert_eq!(drift.missing.first, [Id::from("2001")]);
        assert_eq!(drift.unexpected.first, [Id::from("0201"), Id::from("3000")]);
        assert_eq!((state.up, state.extensions), (Some(true), Some(4)));
        minutes(8).await;
        assert_eq!(pbx.requests(Operation::Extensions), world.state().probes);
        assert_eq!(pbx.requests(Operation::Token), 1);
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_list_there_are_no_series_and_no_ids_are_asked_for() {
    let (_pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(2).await;
    assert_eq!(world.state().extensions, Some(3));
    assert_eq!(scraped(&world), NONE);
    assert!(world.state().drift.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_expects_nothing_and_finds_everything_unexpected() {
    let (_pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [expecting(list(&[]))]).await;
    seconds(5).await;
    assert_eq!(scraped(&world), counts(0.0, 0.0, 3.0));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_followed_without_a_reload_and_never_makes_a_false_drift() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("accounts.csv");
    let write = |text: &str| std::fs::write(&path, text).expect("a file");
    let (_pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [expecting(file(&path))]).await;
    seconds(5).await;
    assert_eq!(scraped(&world), NONE);
    assert!(cause(&world.state()).contains("accounts.csv: No such file"), "{}", cause(&world.state()));
    for (text, expected) in [
        ("extension,secret\n2000,made-up\n2001,made-up\n2002,made-up\n", counts(3.0, 0.0, 0.0)),
        ("extension,secret\n2000,made-up\n2005,made-up\n", counts(2.0, 1.0, 2.0)),
        ("", NONE),
        ("[\"2000\", \"20", NONE),
        ("[\"2000\", \"2001\"]", counts(2.0, 0.0, 1.0)),
        ("extension,secret\n", counts(0.0, 0.0, 3.0)),
    ] {
        write(text);
        minutes(1).await;
        assert_eq!(scraped(&world), expected, "{text:?}");
        assert_eq!(world.state().up, Some(true), "the PBX is well whatever the file says");
    }
    std::fs::remove_file(&path).expect("it is there");
    minutes(1).await;
    assert_eq!(scraped(&world), NONE);
    assert_eq!(world.state().probe_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn while_the_list_fails_nothing_is_compared() {
    for fault in [Fault::ScopeRemoved, Fault::Html502, Fault::QueryFails, Fault::RejectAllTokens] {
        let (pbx, transport) = pbx(Generation::V17);
        pbx.set_token_lifetime(std::time::Duration::from_secs(120));
        let world = World::start(transport, [expecting(list(&["2000"]))]).await;
        seconds(5).await;
        assert_eq!(scraped(&world), counts(1.0, 0.0, 2.0));
        pbx.set_fault(Some(fault.clone()));
        minutes(4).await;
        assert_eq!((world.state().up, scraped(&world)), (Some(false), NONE), "{fault:?}");
        pbx.set_fault(None);
        minutes(12).await;
        assert_eq!(scraped(&world), counts(1.0, 0.0, 2.0), "{fault:?}");
    }
}

fn fixture(name: &str) -> &'static Fixture {
    let known = |fixture: &&Fixture| fixture.name == name && fixture.generations.contains(&Generation::V17);
    all().find(known).expect("a fixture of that name")
}

#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_tell_its_extensions_or_not_all_is_not_compared() {
    // The first counts three and names one; the second names none.
    for (name, said) in
        [("list", "counts 3 extensions, but lists 1"), ("list without a known total", "no extensions")]
    {
        let (pbx, transport) = pbx(Generation::V17);
        pbx.set_fault(Some(Fault::Fixture(fixture(name))));
        let world = World::start(transport, [expecting(list(&["2000", "2001"]))]).await;
        seconds(5).await;
        assert_eq!((world.state().up, scraped(&world)), (Some(true), NONE), "{name}");
        assert!(cause(&world.state()).contains(said), "{name}: {}", cause(&world.state()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_board_keeps_the_first_twenty_and_the_scrape_counts_all() {
    let (pbx, transport) = pbx(Generation::V17);
    pbx.set_extensions(1000);
    let world = World::start(transport, [expecting(list(&["2500", "1"]))]).await;
    seconds(5).await;
    assert_eq!(scraped(&world), counts(2.0, 1.0, 999.0));
    let state = world.state();
    let drift = state.drift().expect("compared");
    assert_eq!((drift.unexpected.first.len(), &*drift.unexpected.first[19]), (20, "2019"));
}

#[tokio::test(start_paused = true)]
async fn another_list_at_a_reload_counts_from_the_next_probe() {
    let (_pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [expecting(list(&["2000"]))]).await;
    seconds(5).await;
    world.replace([expecting(list(&["2000", "2001", "2002"]))]).await;
    seconds(5).await;
    assert_eq!(scraped(&world), counts(3.0, 0.0, 0.0));
    world.replace([usual(Grant::ClientCredentials)]).await;
    seconds(5).await;
    assert_eq!((world.state().up, scraped(&world)), (Some(true), NONE));
}

/// FreePBX gives an empty list where its own query failed.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_suddenly_empty_is_a_success_in_doubt() {
    let (pbx, transport) = pbx(Generation::V17);
    let world = World::start(transport, [usual(Grant::ClientCredentials)]).await;
    minutes(2).await;
    assert_eq!(world.state().warnings().next(), None);
    pbx.set_extensions(0);
    minutes(2).await;
    let state = world.state();
    assert_eq!((state.up, state.extensions), (Some(true), Some(0)), "it is exported as it is");
    assert!(state.warnings().eq([(Operation::Extensions, Warning::EmptyList)]), "there were some before");
    let doubt = of_warning(Warning::EmptyList);
    for part in [
        "has no extensions",
        "query failed",
        "SELECT COUNT(*) FROM devices",
        "mysqlcheck",
        "Before anybody restores",
    ] {
        assert!(doubt.contains(part), "{part}: {doubt}");
    }
    pbx.set_extensions(2);
    minutes(2).await;
    assert_eq!(world.state().warnings().next(), None);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_in_doubt_only_where_some_were_there_or_are_expected() {
    for (target, doubted) in [
        (usual(Grant::ClientCredentials), false),
        (expecting(list(&["2000"])), true),
        (expecting(list(&[])), false),
    ] {
        let (pbx, transport) = pbx(Generation::V16);
        pbx.set_extensions(0);
        let world = World::start(transport, [target]).await;
        minutes(2).await;
        assert_eq!(world.state().warnings().next().is_some(), doubted);
    }
}
