//! A real MariaDB: what is counted, that nothing is written, and each way to fail.

use std::path::PathBuf;
use std::time::Duration;

use pbx_exporter::domain::host_count::{DatabaseServer, DatabaseSettings, HostCountSource, Table};
use pbx_exporter::domain::{HostCountSettings, SecretSource};
use pbx_exporter::host_count::{HostCountError, count_once};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, UnixStream};

use crate::support::mariadb::{DEVICES, MariaDb, PASSWORD, USERS, shared};
use crate::support::process::PATIENCE;

pub fn settings(server: DatabaseServer) -> DatabaseSettings {
    DatabaseSettings {
        program: None,
        server,
        username: "watcher".into(),
        password: Some(SecretSource::Literal(SecretString::from(PASSWORD))),
        name: "asterisk".into(),
        table: Table::Devices,
        same_rows: true,
    }
}

pub fn at(database: &MariaDb) -> DatabaseSettings {
    settings(DatabaseServer::Socket(database.socket()))
}

async fn count(database: DatabaseSettings) -> Result<u64, HostCountError> {
    count_within(database, PATIENCE).await
}

async fn count_within(database: DatabaseSettings, timeout: Duration) -> Result<u64, HostCountError> {
    let source = HostCountSource::Database(database);
    count_once(&HostCountSettings { source, interval: Duration::from_secs(300), timeout }).await
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_user_with_the_right_to_one_column_counts_both_tables() {
    let server = shared().await;
    assert_eq!(count(at(&server)).await.expect("a count"), DEVICES);
    assert_eq!(count(DatabaseSettings { table: Table::Users, ..at(&server) }).await.expect("a count"), USERS);
    let modern = DatabaseSettings { username: "modern".into(), ..at(&server) };
    assert_eq!(count(modern).await.expect("ed25519 will do as well"), DEVICES);
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_count_sees_what_changed_since() {
    let server = MariaDb::start().await;
    assert_eq!(count(at(&server)).await.expect("a count"), DEVICES);
    server.run("DELETE FROM asterisk.devices");
    assert_eq!(count(at(&server)).await.expect("a count"), 0);
    let settings = at(&server);
    drop(server);
    let error = count(settings).await.expect_err("the server is gone");
    assert!(matches!(error, HostCountError::Connect(_)), "{error}");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn an_account_for_the_system_user_needs_no_password() {
    let server = MariaDb::start().await;
    let id = std::process::Command::new("id").arg("-un").output().expect("id runs");
    let me = String::from_utf8(id.stdout).expect("UTF-8").trim().to_owned();
    server.run(&format!(
        "CREATE OR REPLACE USER '{me}'@localhost IDENTIFIED VIA unix_socket; GRANT SELECT ON asterisk.* TO '{me}'@localhost"
    ));
    let settings = DatabaseSettings { username: me, password: None, ..at(&server) };
    assert_eq!(count(settings).await.expect("a count"), DEVICES);
}

/// The view would write as soon as it is read, and `writer` may do everything: that nothing is written is the
/// transaction's doing.
#[tokio::test]
#[ignore = "needs MariaDB"]
async fn not_even_a_user_who_may_write_can() {
    let server = shared().await;
    let settings = DatabaseSettings { username: "writer".into(), name: "traps".into(), ..at(&server) };
    let error = count(settings.clone()).await.expect_err("the view writes");
    assert!(matches!(error, HostCountError::Writes(Table::Devices)), "{error}");
    assert_eq!(server.run("SELECT COUNT(*) FROM traps.written"), "0\n");
    // Without that transaction it does write, or this test would prove nothing.
    server.run("SELECT COUNT(*) FROM traps.devices");
    assert_ne!(server.run("SELECT COUNT(*) FROM traps.written"), "0\n");
    server.run("DELETE FROM traps.written");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn tcp_works_too() {
    let server = shared().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // The server itself has no network: its socket is handed on.
    let handing_on = async {
        let (mut outside, _) = listener.accept().await.expect("a connection");
        let mut inside = UnixStream::connect(server.socket()).await.expect("the server");
        copy_bidirectional(&mut outside, &mut inside).await.ok();
    };
    let settings = settings(DatabaseServer::Tcp("127.0.0.1".into(), port));
    let (counted, ()) = tokio::join!(count(settings), handing_on);
    assert_eq!(counted.expect("a count"), DEVICES);
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn each_refusal_has_its_own_sentence() {
    let server = shared().await;
    let good = || at(&server);
    let other = |text: &str| Some(SecretSource::Literal(SecretString::from(text)));
    let cases = [
        (
            DatabaseSettings { password: other("canary-wrong"), ..good() },
            "the database rejects this user or password",
        ),
        (DatabaseSettings { password: None, ..good() }, "the database rejects this user or password"),
        (
            DatabaseSettings { username: "nobody".into(), ..good() },
            "the database rejects this user or password",
        ),
        (
            DatabaseSettings { username: "peer".into(), ..good() },
            "the database rejects this user or password",
        ),
        (
            DatabaseSettings { username: "central".into(), ..good() },
            "the database rejects this user or password",
        ),
        (
            DatabaseSettings { username: "stranger".into(), ..good() },
            "the database user may not read the table `devices`; GRANT SELECT (id)",
        ),
        (
            DatabaseSettings { name: "traps".into(), ..good() },
            "the database user may not use this database, or it does not exist",
        ),
        (
            DatabaseSettings { username: "writer".into(), name: "absent".into(), ..good() },
            "there is no such database",
        ),
        (DatabaseSettings { name: "elsewhere".into(), ..good() }, "this database has no table `devices`"),
        (
            DatabaseSettings {
                password: Some(SecretSource::File(PathBuf::from("/absent/password"))),
                ..good()
            },
            "failed to read secret file /absent/password",
        ),
    ];
    for (settings, expected) in cases {
        let debug = format!("{settings:?}");
        let error = count(settings).await.expect_err(expected);
        assert!(error.to_string().starts_with(expected), "{debug}: {error}");
        assert!(!format!("{debug}{error}{error:?}").contains("canary"), "{debug}: {error:?}");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_client_program_that_is_absent_or_something_else_is_told() {
    let server = shared().await;
    for (program, expected) in [
        ("/absent/mariadb", "failed to start /absent/mariadb"),
        ("/bin/false", "the database client ended with status 1"),
        ("/bin/true", "/bin/true did not print a number"),
    ] {
        let settings = DatabaseSettings { program: Some(program.into()), ..at(&server) };
        let error = count(settings).await.expect_err(program).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_password_with_any_character_arrives() {
    let server = MariaDb::start().await;
    let password = "a\"b\\c'd #e;=\tf";
    server.run(&format!(
        "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'; ALTER USER watcher@localhost IDENTIFIED BY '{}'",
        password.replace('\'', "''")
    ));
    let secret = Some(SecretSource::Literal(SecretString::from(password)));
    assert_eq!(count(DatabaseSettings { password: secret, ..at(&server) }).await.expect("a count"), DEVICES);
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_server_that_hangs_ends_at_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let settings = settings(DatabaseServer::Tcp("127.0.0.1".into(), port));
    let error = count_within(settings, Duration::from_millis(200)).await.expect_err("no answer");
    assert!(matches!(error, HostCountError::Timeout(_)), "{error}");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn what_is_no_database_server_is_told_without_its_words() {
    for words in ["", "HTTP/1.1 400 canary\r\n\r\n", "\u{1}\0\0\0canary", "\u{5}\0\0\0\ncanary"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let speaking = async {
            let (mut client, _) = listener.accept().await.expect("a connection");
            client.write_all(words.as_bytes()).await.ok();
            client.shutdown().await.ok();
            client.read_to_end(&mut Vec::new()).await.ok();
        };
        let settings = settings(DatabaseServer::Tcp("127.0.0.1".into(), port));
        let (counted, ()) = tokio::join!(count(settings), speaking);
        let error = counted.expect_err("no database").to_string();
        assert!(!error.contains("canary"), "{error}");
        assert!(
            error.starts_with("the database server closed") || error.starts_with("failed to reach"),
            "{error}"
        );
    }
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_port_that_nobody_listens_on_is_told_as_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let error = count(settings(DatabaseServer::Tcp("127.0.0.1".into(), port))).await.expect_err("closed");
    let text = error.to_string();
    let told = ["no connection", "Connection refused"]
        .map(|cause| format!("failed to reach the database server: {cause}"));
    assert!(told.iter().any(|told| text.starts_with(told)), "{text}");
}

/// A server's greeting and, whatever it is answered, the demand for the password in clear: what whoever took the
/// port of a stopped server may send.
#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_password_is_not_given_to_whoever_asks_for_it_in_clear() {
    const GREETING: &[u8] = b"\x4e\0\0\0\x0a5.5.5-10.11.6-MariaDB\0\x01\0\0\0abcdefgh\0\xff\xf7\x21\x02\0\xff\x81\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0mysql_native_password\0";
    for plugin in ["mysql_clear_password", "dialog"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asking = async {
            let (mut client, _) = listener.accept().await.expect("a connection");
            let mut greeting = GREETING.to_vec();
            greeting[0] = u8::try_from(greeting.len() - 4).expect("short");
            client.write_all(&greeting).await.ok();
            let mut heard = vec![0; 4096];
            let first = client.read(&mut heard).await.unwrap_or(0);
            let switch = [b"\xfe", plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
            let length = u8::try_from(switch.len()).expect("short");
            client.write_all(&[&[length, 0, 0, 2], &*switch].concat()).await.ok();
            let second = client.read(&mut heard[first..]).await.unwrap_or(0);
            heard.truncate(first + second);
            (first, heard)
        };
        let (counted, (first, heard)) =
            tokio::join!(count(settings(DatabaseServer::Tcp("127.0.0.1".into(), port))), asking);
        let error = counted.expect_err("no database");
        assert!(first > 32, "the client spoke");
        assert!(!heard.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()), "{plugin}: {error}");
        assert!(matches!(error, HostCountError::Plugin | HostCountError::Lost), "{plugin}: {error}");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_name_in_any_script_arrives() {
    let server = MariaDb::start().await;
    server.run(&format!(
        "CREATE USER 'jürgen'@localhost IDENTIFIED BY '{PASSWORD}'; GRANT SELECT (id) ON asterisk.devices TO 'jürgen'@localhost"
    ));
    let settings = DatabaseSettings { username: "jürgen".into(), ..at(&server) };
    assert_eq!(count(settings).await.expect("a count"), DEVICES);
}

#[tokio::test]
async fn what_the_clients_option_file_cannot_hold_is_refused() {
    let secret = Some(SecretSource::Literal(SecretString::from("x".repeat(1025))));
    let settings =
        DatabaseSettings { password: secret, ..settings(DatabaseServer::Socket("/absent".into())) };
    let error = count(settings).await.expect_err("too long").to_string();
    assert!(error.starts_with("reference.database: the password is longer than 1024 bytes"), "{error}");
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn no_server_at_all_is_told_with_the_place_to_look_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let error =
        count(settings(DatabaseServer::Socket(folder.path().join("absent")))).await.expect_err("absent");
    let text = error.to_string();
    assert!(text.starts_with("failed to reach the database server: No such file"), "{text}");
    assert!(text.contains("reference.database.socket"), "{text}");
}
