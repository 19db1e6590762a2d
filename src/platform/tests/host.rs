//! A PBX that is sick behind its API: what is said of database, disk, PHP and keys, and what is never said.

use super::*;
use crate::sim::fixtures::{Generation, find};

fn asks(scopes: &[&str]) -> Target {
    let mut target = pbx(Grant::ClientCredentials, Call::known("graphql"));
    target.auth.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    target
}

fn cause(ctx: &CallContext, answer: &Answer) -> String {
    judge(ctx, answer).expect_err("a failure").cause.name().into_owned()
}

fn of_database(message: &str, code: &str) -> Answer {
    answer(500, format!(r#"{{"error":{{"type":"PDOException","message":"{message}","code":{code}}}}}"#))
}

#[test]
fn a_sick_host_is_the_same_to_token_request_and_call() {
    let (graphql, rest) = (asks(&[]), pbx(Grant::Password, Call::known("rest")));
    let sick =
        fixtures::all().filter(|f| f.operation == Operation::Token && f.generations == Generation::ALL);
    let mut seen = 0;
    for fixture in sick {
        let told = judge_fixture(fixture).unwrap_err();
        if !matches!(told.cause, Cause::Host(_)) {
            continue;
        }
        seen += 1;
        for (target, operation) in [
            (&graphql, Operation::Extensions),
            (&graphql, Operation::Version),
            (&rest, Operation::Extensions),
        ] {
            for fresh in [false, true] {
                let ctx = context(target, operation, fresh);
                assert_eq!(
                    cause(&ctx, &fixture.answer()),
                    told.cause.name(),
                    "{} at {operation}",
                    fixture.name
                );
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

/// MariaDB's numbers each have their own cause, whatever the words beside them; what is not known is called so.
#[test]
fn a_number_of_the_database_decides() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Extensions, false);
    for (numbers, expected) in [
        (&[2002][..], "database_not_running"),
        (&[2003, 2005], "database_not_reachable"),
        (&[1040, 1203], "database_connections_used_up"),
        (&[1045, 1698], "database_password"),
        (&[1044, 1142], "database_right_missing"),
        (&[1049], "database_missing"),
        (&[1129, 1130], "database_host_refused"),
        (&[1146], "database_table_missing"),
        (&[1054], "database_column_missing"),
        (&[1836, 1792], "database_read_only"),
        (&[1205, 1213], "database_locked"),
        (&[126, 127, 134, 144, 145, 1034, 1194, 1195], "database_table_crashed"),
        (&[1812, 1932], "database_file_missing"),
        (&[1021, 1114], "disk_full"),
        (&[2006, 2013], "database_connection_lost"),
        (&[1064, 1290, 1030, 4711, 99_999], "database_error"),
    ] {
        for number in numbers {
            let connecting = of_database(&format!("SQLSTATE[HY000] [{number}] wörter"), "null");
            let in_use =
                of_database(&format!("SQLSTATE[HY000]: General error: {number} wörter"), r#""HY000""#);
            let code_alone = of_database("SQLSTATE[HY000]", &number.to_string());
            for answer in [connecting, in_use, code_alone] {
                assert_eq!(cause(&ctx, &answer), expected, "{number}");
                let said = say(&ctx, &judge(&ctx, &answer).unwrap_err());
                assert!(said.contains(&format!("(SQLSTATE HY000, error {number})")), "{said}");
            }
        }
    }
}

#[test]
fn what_a_storage_engine_reports_inside_is_read() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Extensions, false);
    for (words, expected) in [
        ("1030 Got error 28 from storage engine", "disk_full"),
        ("1030 Got error 126 from storage engine", "database_table_crashed"),
        ("1030 Got error 194 from storage engine", "database_file_missing"),
        ("1030 Got error -1 from storage engine", "database_error"),
        ("1016 Can't open file: 'x' (errno: 145)", "database_table_crashed"),
        ("1016 Can't open file: 'x' (errno: 24)", "database_error"),
        ("1026 Error writing file 'x' (errno: 30 Read-only file system)", "database_read_only"),
        ("1017 Can't find file: 'x' (errno: 13 Permission denied)", "database_file_missing"),
    ] {
        let answer = of_database(&format!("SQLSTATE[HY000]: General error: {words}"), r#""HY000""#);
        assert_eq!(cause(&ctx, &answer), expected, "{words}");
    }
}

#[test]
fn a_state_decides_where_there_is_no_number() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Extensions, false);
    for (state, expected) in [
        ("42S02", "database_table_missing"),
        ("42S22", "database_column_missing"),
        ("40001", "database_locked"),
        ("08S01", "database_connection_lost"),
        ("08004", "database_connections_used_up"),
        ("28000", "database_password"),
        ("XX000", "database_error"),
        ("<b>hi", "database_error"),
    ] {
        let failure = judge(&ctx, &of_database(&format!("SQLSTATE[{state}]: Words"), "0")).unwrap_err();
        assert_eq!(failure.cause.name(), expected, "{state}");
        let shown = !state.contains('<');
        assert_eq!(say(&ctx, &failure).contains(state), shown, "{state}");
    }
}

/// Anything else, while a database may be sick, may end the last table that is good.
#[test]
fn an_upgrade_of_all_modules_is_a_step_for_a_missing_table_or_column_alone() {
    let target = asks(&[]);
    for cause in Cause::samples() {
        let name = cause.name().into_owned();
        let may = ["database_table_missing", "database_column_missing"].contains(&&*name);
        for operation in Operation::ALL {
            let said = causes::explain(&target, operation, &Failure::new(cause.clone()));
            assert_eq!(said.diagnosis().contains("upgradeall"), may, "{name}");
            let of_database =
                name.starts_with("database_") || ["disk_full", "masked_exception"].contains(&&*name);
            let step = said.diagnosis();
            let harm = ["ma install", "downloadinstall", "reinstall", "new pair"]
                .iter()
                .any(|word| step.contains(word));
            assert!(!(of_database && harm), "{name}: {step}");
            assert!(!of_database || said.avoid.iter().any(|text| text.contains("Do not upgrade")), "{name}");
        }
    }
}

#[test]
fn sixteens_details_make_a_second_token_request_needless() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Token, false);
    for name in ["masked exception", "private key missing", "unknown word in allowed scopes"] {
        assert_eq!(wants_scope_check(&ctx, &find(name, Generation::V16).answer()), None, "{name}");
    }
}

#[test]
fn a_hint_of_trouble_inside_says_nothing_of_the_token() {
    for name in ["token check failed", "public key is no key"] {
        let answer = find(name, Generation::V16).answer();
        assert_eq!(read_validity(&answer), Validity::Unclear, "{name}");
        let target = asks(&[]);
        let failure = judge(&context(&target, Operation::Extensions, true), &answer).unwrap_err();
        assert_eq!((failure.reason(), failure.refused), (Reason::ServerError, false), "{name}");
    }
}

#[test]
fn keys_that_have_just_checked_a_token_are_not_blamed() {
    let target = pbx(Grant::ClientCredentials, Call::known("rest"));
    let ctx = context(&target, Operation::Extensions, true);
    let first = judge(&ctx, &find("REST list fails", Generation::V16).answer()).unwrap_err();
    let said = say(&ctx, &after_validity_check(&ctx, first, Validity::Accepted));
    assert!(said.starts_with("GraphQL accepts the token") && said.contains("keys are good"), "{said}");
    assert!(!said.contains("chown") && said.contains("mysqlcheck"), "{said}");
}

#[test]
fn the_scope_that_is_refused_is_named_where_it_was_asked_for() {
    let refused = |scope: &str| {
        answer(
            400,
            format!(r#"{{"error":"invalid_scope","message":"x","hint":"Check the `{scope}` scope"}}"#),
        )
    };
    for (asked, hinted, expected, says) in [
        (&["gql:core:read"][..], "gql:core:read", "scope_not_allowed", "Add gql:core:read to Allowed Scopes"),
        (&["gql", "rest:core"], "rest:core", "scope_not_allowed", "Add rest:core to Allowed Scopes"),
        (&["gql", "extensions:read"], "extensions:read", "scope_unknown", "`extensions:read`"),
        (&["gql:core:read", "*"], "*", "scope_unknown", "gql:core:read is what it needs"),
        (&["gql:core:read"], "canary", "invalid_scope", "Add what is asked for to Allowed Scopes"),
        (&["rest"], "canary", "invalid_scope", "Ask for gql:core:read"),
        (&[], "extensions:read", "invalid_scope", "Ask for gql:core:read"),
    ] {
        let target = asks(asked);
        let ctx = context(&target, Operation::Token, false);
        let failure = token_failure(&ctx, &refused(hinted));
        let said = say(&ctx, &failure);
        assert_eq!(failure.cause.name(), expected, "{asked:?}: {said}");
        assert!(said.contains(says) && !said.contains("canary"), "{asked:?}: {said}");
    }
}

#[test]
fn a_refused_method_shows_the_endpoint_in_whatever_dress() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Token, true);
    let fatal = find("wrong method as a fatal error", Generation::V17).answer();
    let plain = "PHP Fatal error:  Uncaught Slim\\Exception\\HttpMethodNotAllowedException: Method not allowed. Must be one of: POST in /x.php:79";
    for answer in [fatal, answer(200, plain), answer(500, plain)] {
        assert!(matches!(read_presence(&ctx, &answer), Presence::There { release: "FreePBX 17", .. }));
    }
}

#[test]
fn a_request_that_stays_unanswered_has_four_suspects() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Token, false);
    let error = TransportError::Timeout { limit: Duration::from_secs(10), phase: Phase::Processing };
    let said = say(&ctx, &transport_failure(&ctx, &error, false));
    for suspect in ["asterisk -rx", "mysqladmin processlist", "df -h", "PHP-FPM"] {
        assert!(said.contains(suspect), "{said}");
    }
}

#[test]
fn pages_of_others_are_not_taken_for_phps() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Extensions, false);
    for body in [
        "<!DOCTYPE html><html><body>Notice: maintenance in progress on line 1</body></html>",
        "<html><body>Warning: you are about to sign in</body></html>",
        "Notice: closed",
    ] {
        assert!(!cause(&ctx, &answer(200, body)).starts_with("php_"), "{body}");
    }
    let own = pbx(Grant::ClientCredentials, Called::Path("/my/own").call());
    let own = context(&own, Operation::Extensions, false);
    assert_eq!(judge(&own, &answer(200, "Warning: x in /y on line 3")), Ok(None));
}

/// A body of many megabytes is read in one pass.
#[test]
fn a_long_page_is_read() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Token, false);
    let long = format!(
        "{}<b>Fatal error</b>:  Allowed memory size of 1 bytes exhausted in /x on line 1",
        "x".repeat(1 << 20)
    );
    assert_eq!(cause(&ctx, &answer(200, long)), "php_memory_limit");
}

/// Variants that are the same to whoever reads them: pages, plain text, other members, other classes.
#[test]
fn the_database_is_found_in_whatever_dress() {
    let target = asks(&[]);
    let ctx = context(&target, Operation::Extensions, false);
    let down = "SQLSTATE[HY000] [2002] Connection refused";
    for (status, body) in [
        (500, format!("<!DOCTYPE html><html><body class=\"Whoops\"><h1>{down}</h1></body></html>")),
        (500, format!("Exception: {down} in file /x/y.php on line 10")),
        (200, format!("<html><body>FATAL ERROR {down}<br></body></html>")),
        (500, format!(r#"{{"error":"server_error","hint":"{down}"}}"#)),
        (
            500,
            r#"{"error":{"type":"mysqli_sql_exception","message":"Connection refused","code":2002}}"#
                .to_owned(),
        ),
    ] {
        assert_eq!(cause(&ctx, &answer(status, body.clone())), "database_not_running", "{body}");
    }
    let others = [
        ("SQLSTATE[HY000] [2002] Permission denied", "database_error"),
        ("SQLSTATE[42S02]: Base table or view not found: 1051 Unknown table", "database_error"),
        (
            "SQLSTATE[HY000]: General error: 1 Can't create/write to file '/tmp/x' (Errcode: 13)",
            "database_error",
        ),
        ("SQLSTATE[HY000]: General error: 1030 Got error 122 from storage engine", "database_error"),
    ];
    for (message, expected) in others {
        assert_eq!(cause(&ctx, &of_database(message, "null")), expected, "{message}");
    }
}
