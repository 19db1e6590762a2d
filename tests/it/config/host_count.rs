//! `reference`: what a good one becomes, and what is warned of. Bad ones are in tests/config/bad.

use std::path::PathBuf;
use std::time::Duration;

use pbx_exporter::domain::HostCountSettings;
use pbx_exporter::domain::host_count::{
    AsteriskCommand, AsteriskSettings, DatabaseServer, DatabaseSettings, HostCountKind, HostCountSource,
    Table,
};

use super::{Files, load_text, one_target};

fn host_count(rest: &str) -> HostCountSettings {
    let config = load_text(&one_target("", rest)).unwrap_or_else(|e| panic!("{rest}: {e}"));
    config.targets[0].host_count.as_deref().expect("a reference").clone()
}

fn database(rest: &str) -> DatabaseSettings {
    match host_count(rest).source {
        HostCountSource::Database(database) => database,
        HostCountSource::Asterisk(_) => panic!("{rest}"),
    }
}

#[test]
fn asterisk_needs_no_further_key() {
    let settings = host_count("reference: {asterisk: {}}");
    let asterisk = AsteriskSettings {
        program: PathBuf::from("/usr/sbin/asterisk"),
        commands: vec![AsteriskCommand::PjsipShowEndpoints],
    };
    assert_eq!(settings.source, HostCountSource::Asterisk(asterisk));
    assert_eq!((settings.interval, settings.timeout), (Duration::from_secs(300), Duration::from_secs(10)));
    assert_eq!(load_text(&one_target("", "")).expect("a good file").targets[0].host_count, None);
}

#[test]
fn every_key_of_asterisk_and_times_arrives() {
    let settings = host_count(
        "reference: {interval: 2m, timeout: 5s, asterisk: {program: /opt/asterisk/sbin/asterisk, \
         commands: [sip show peers, pjsip show endpoints]}}",
    );
    let commands = vec![AsteriskCommand::SipShowPeers, AsteriskCommand::PjsipShowEndpoints];
    let program = PathBuf::from("/opt/asterisk/sbin/asterisk");
    assert_eq!(settings.source, HostCountSource::Asterisk(AsteriskSettings { program, commands }));
    assert_eq!((settings.interval, settings.timeout), (Duration::from_secs(120), Duration::from_secs(5)));
}

#[test]
fn every_key_of_the_database_arrives() {
    let files = Files::new(&[
        ("password.txt", "not-a-real-password\n"),
        (
            "pbx.yml",
            &one_target(
                "",
                "reference: {database: {host: 127.0.0.1, port: 3307, username: watcher, password_file: password.txt, name: pbx}}",
            ),
        ),
    ]);
    let config = files.load(&["pbx.yml"]).expect("a good file");
    let HostCountSource::Database(database) =
        config.targets[0].host_count.as_deref().expect("one").source.clone()
    else {
        panic!("a database")
    };
    assert_eq!(database.server, DatabaseServer::Tcp("127.0.0.1".into(), 3307));
    assert_eq!((database.username.as_str(), database.name.as_str()), ("watcher", "pbx"));
    let source = pbx_exporter::domain::SecretSource::File(files.path("password.txt"));
    assert_eq!(database.password, Some(source));
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn the_table_is_the_one_that_the_watched_call_reads() {
    let keys = "reference: {database: {socket: /run/mysqld/mysqld.sock, username: watcher}}";
    for (call, table, same_rows) in [
        ("graphql", Table::Devices, true),
        ("rest", Table::Users, true),
        ("{path: /admin/api/api/x}", Table::Devices, false),
    ] {
        let rest = format!("call: {call}, {keys}");
        assert_eq!(database(&rest).table, table, "{call}");
        assert_eq!(host_count(&rest).source.kind(), HostCountKind::Database { table, same_rows });
    }
    let database = database(keys);
    assert_eq!(database.server, DatabaseServer::Socket(PathBuf::from("/run/mysqld/mysqld.sock")));
    assert_eq!((database.password, database.name.as_str()), (None, "asterisk"));
}

#[test]
fn what_is_unkind_or_unsafe_is_warned_of() {
    for (keys, expected) in [
        ("interval: 30s, asterisk: {}", "reference.interval: 30s is short"),
        (
            "database: {host: db.example.com, username: watcher}",
            "reference.database.host: the connection has no TLS",
        ),
        (
            "database: {host: localhost, username: root}",
            "reference.database.username: root may do everything",
        ),
        ("database: {host: '::1', username: watcher}", ""),
    ] {
        let config = load_text(&one_target("", &format!("reference: {{{keys}}}"))).expect(keys);
        assert_eq!(config.warnings.len(), usize::from(!expected.is_empty()), "{keys}: {:?}", config.warnings);
        assert!(config.warnings.iter().all(|warning| warning.contains(expected)), "{:?}", config.warnings);
    }
}

#[test]
fn the_examples_of_the_documents_are_good() {
    let target = "targets:\n  - name: office\n    url: https://localhost\n    auth: {client_id: abc, client_secret: not-a-real-secret}\n";
    let files = Files::new(&[
        ("secrets/office.txt", "not-a-real-secret\n"),
        ("secrets/database.txt", "not-a-real-password\n"),
    ]);
    let document = include_str!("../../../docs/reference.md");
    let blocks = document.split("```yaml\n").skip(1);
    let blocks =
        blocks.filter_map(|rest| rest.split("```").next()).filter(|block| block.contains("reference:"));
    let mut count = 0;
    for block in blocks {
        let whole = if block.starts_with("targets:") { block.to_owned() } else { format!("{target}{block}") };
        files.write("block.yml", &whole, 0o600);
        let config = files.load(&["block.yml"]).unwrap_or_else(|error| panic!("{block}\n{error}"));
        assert!(
            config.targets[0].host_count.is_some() && config.warnings.is_empty(),
            "{:?}",
            config.warnings
        );
        count += 1;
    }
    assert_eq!(count, 2, "the examples were not found");
}
