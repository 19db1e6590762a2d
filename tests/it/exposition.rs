//! What a scrape shows of a board, in both formats.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pbx_exporter::board::{Board, Code, Counted, HostCount, LogState, Slot, TargetInfo, TargetState};
use pbx_exporter::domain::host_count::HostCountKind;
use pbx_exporter::domain::outcome::{Attempt, Version};
use pbx_exporter::domain::target::{LogFile, LogFormat};
use pbx_exporter::domain::{Exchange, Grant, Operation, Reason, TransportError};
use pbx_exporter::exposition::{Coding, Format};
use pbx_exporter::metrics::scrape::CHUNK;
use pbx_exporter::metrics::{ExporterMetrics, Kept, Scrape};
use tokio::time::Instant;

use crate::support::board::{board, condition, failing, healthy, info, probed, slot};
use crate::support::golden::assert_golden;
use crate::support::openmetrics;
use crate::support::scrape::{OPEN, begin, begin_from, chunks, of_targets, samples, targets, text, whole};

fn three() -> Arc<Board> {
    board(vec![healthy("hq"), failing("branch"), slot(info("new"), |_| {})])
}

#[tokio::test(start_paused = true)]
async fn a_healthy_a_failing_and_an_unprobed_target_as_golden_expositions() {
    let board = three();
    tokio::time::advance(Duration::from_millis(600_250)).await;
    assert_golden("targets.txt", &targets(&board, Format::Text));
    assert_golden("targets.openmetrics.txt", &targets(&board, OPEN));
}

#[test]
#[ignore = "needs promtool"]
fn promtool_finds_nothing_to_complain_of() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed: install Debian's package prometheus");
    let text = whole(&three(), Format::Text);
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn open_metrics_is_well_formed_and_has_the_same_series() {
    let board = three();
    let open = targets(&board, OPEN);
    assert_eq!(openmetrics::check(&open), samples(&targets(&board, Format::Text)).len());
    assert_eq!(open.matches("# EOF").count(), 1);
    openmetrics::check(&whole(&board, OPEN));
    openmetrics::check(&whole(&Board::default(), OPEN));
}

#[test]
fn a_healthy_client_credentials_target_has_at_most_110_series() {
    let text = targets(&board(vec![healthy("hq")]), Format::Text);
    let series = samples(&text).len();
    assert!((100..=110).contains(&series), "{series} series");
}

#[test]
fn every_counter_that_can_occur_stands_at_zero_from_the_first_scrape() {
    let text = targets(&board(vec![slot(info("hq"), |_| {})]), Format::Text);
    let has = |line: &str| text.lines().any(|l| l == line);
    for reason in Reason::ALL {
        for operation in [Operation::Token, Operation::Extensions, Operation::Version] {
            let possible = reason.occurs_at(operation) && operation != Operation::Version;
            let token = operation == Operation::Token;
            let failures = format!(
                r#"pbx_request_failures_total{{target="hq",operation="{operation}",reason="{reason}"}} 0"#
            );
            assert_eq!(has(&failures), possible && !token, "{failures}");
            let denials = format!(
                r#"pbx_permission_denials_total{{target="hq",operation="{operation}",reason="{reason}"}} 0"#
            );
            assert_eq!(has(&denials), possible && reason.is_denial(), "{denials}");
        }
        for grant in Grant::ALL {
            let refreshes = format!(
                r#"pbx_token_refresh_failures_total{{target="hq",grant="{grant}",reason="{reason}"}} 0"#
            );
            let possible = grant == Grant::ClientCredentials && reason.occurs_at(Operation::Token);
            assert_eq!(has(&refreshes), possible, "{refreshes}");
        }
    }
    for line in [
        r#"pbx_probes_total{target="hq"} 0"#,
        r#"pbx_probe_failures_total{target="hq"} 0"#,
        r#"pbx_token_rejections_total{target="hq"} 0"#,
        r#"pbx_token_refreshes_total{target="hq",grant="client_credentials"} 0"#,
        r#"pbx_requests_total{target="hq",operation="token",code="200"} 0"#,
        r#"pbx_requests_total{target="hq",operation="extensions",code="200"} 0"#,
        r#"pbx_request_duration_seconds_count{target="hq",operation="extensions"} 0"#,
    ] {
        assert!(has(line), "{line}");
    }
}

#[test]
fn what_was_not_measured_is_absent() {
    let text = targets(&board(vec![slot(info("hq"), |_| {})]), Format::Text);
    for family in [
        "pbx_up",
        "pbx_endpoint_up",
        "pbx_target_condition",
        "pbx_target_cause",
        "pbx_last_probe_timestamp_seconds",
        "pbx_last_success_timestamp_seconds",
        "pbx_probe_interval_seconds",
        "pbx_token_age_seconds",
        "pbx_token_issued_timestamp_seconds",
        "pbx_token_expiry_timestamp_seconds",
        "pbx_token_renewal_due_timestamp_seconds",
        "pbx_request_phase_seconds",
        "pbx_extensions",
        "pbx_rate_limit_remaining",
        "pbx_rate_limit_reset_timestamp_seconds",
        "pbx_certificate_expiry_timestamp_seconds",
        "pbx_version_info",
    ] {
        assert!(!text.contains(&format!("\n{family}{{")), "{family}");
    }
}

#[test]
fn a_person_who_has_to_confirm_is_a_condition_and_in_no_counter() {
    let mut info = info("hq");
    info.reasons[0].insert(Reason::AuthorizationRequired);
    let slot = slot(info, |state| {
        condition(state, Operation::Token, Reason::AuthorizationRequired, "confirm access");
        state.grants[0].failures[Reason::AuthorizationRequired.index()] = 1;
    });
    let text = targets(&board(vec![slot]), Format::Text);
    let lines: Vec<_> = text.lines().filter(|line| line.contains("authorization_required")).collect();
    assert_eq!(
        lines,
        [
            r#"pbx_target_condition{target="hq",operation="token",reason="authorization_required"} 1"#,
            r#"pbx_target_cause{target="hq",operation="token",cause="authorization_required"} 1"#,
        ]
    );
}

#[test]
fn the_certificate_that_ends_first_counts_where_the_token_endpoint_is_elsewhere() {
    let attempt = |operation, expiry| Attempt {
        certificate_expiry: Some(expiry),
        ..Attempt::new(operation, None, &Exchange::unsent(TransportError::Exporter(String::new())))
    };
    for (elsewhere, https, expected) in
        [(true, true, Some("1700000000")), (false, true, Some("1900000000")), (true, false, None)]
    {
        let info = TargetInfo { token_elsewhere: elsewhere, https, plaintext: elsewhere, ..info("hq") };
        let slot = slot(info.clone(), |state| {
            let attempts =
                [attempt(Operation::Token, 1_700_000_000), attempt(Operation::Extensions, 1_900_000_000)];
            state.count_all(&info, &attempts, 0.0);
        });
        let text = targets(&board(vec![slot]), Format::Text);
        let name = "pbx_certificate_expiry_timestamp_seconds{target=\"hq\"} ";
        assert_eq!(text.lines().find_map(|line| line.strip_prefix(name)), expected);
    }
}

#[test]
fn a_target_with_a_static_key_has_no_series_of_token_requests() {
    let grants = vec![Grant::Static];
    let info = TargetInfo { grant: Grant::Static, grants, operations: [false, true, false], ..info("hq") };
    let text = targets(&board(vec![slot(info, |state| probed(state, true))]), Format::Text);
    let found: Vec<_> = samples(&text)
        .into_iter()
        .filter(|line| line.contains("refresh") || line.contains("token\""))
        .collect();
    assert!(found.is_empty(), "{found:?}");
    assert!(text.contains("pbx_target_info{target=\"hq\",platform=\"freepbx\",grant=\"static\"} 1"));
}

#[test]
fn a_failure_that_was_held_impossible_is_counted_all_the_same() {
    let mut info = info("hq");
    info.reasons[1].remove(Reason::Proxy);
    let slot = slot(info, |state| {
        state.endpoint_mut(Operation::Extensions).failures[Reason::Proxy.index()] = 2;
    });
    let text = targets(&board(vec![slot]), Format::Text);
    assert!(
        text.contains(r#"pbx_request_failures_total{target="hq",operation="extensions",reason="proxy"} 2"#)
    );
}

#[test]
fn rate_limits_version_and_unusual_codes_are_shown_where_known() {
    let mut info = info("hq");
    info.operations[Operation::Version.index()] = true;
    let slot = slot(info, |state| {
        probed(state, true);
        state.rate_limit_remaining = Some(41);
        state.rate_limit_reset = Some(1_795_290_300.0);
        let version = Version { version: "17.0.1".into(), engine: "asterisk".into() };
        state.version = Some(Arc::new(version));
        let endpoint = state.endpoint_mut(Operation::Version);
        endpoint.ok = 2;
        endpoint.others = vec![(Code(100), 1), (Code(599), 3), (Code::OTHER, 4), (Code::NONE, 5)];
    });
    let text = targets(&board(vec![slot]), Format::Text);
    for line in [
        r#"pbx_rate_limit_remaining{target="hq"} 41"#,
        r#"pbx_rate_limit_reset_timestamp_seconds{target="hq"} 1795290300"#,
        r#"pbx_version_info{target="hq",version="17.0.1",engine="asterisk"} 1"#,
        r#"pbx_requests_total{target="hq",operation="version",code="100"} 1"#,
        r#"pbx_requests_total{target="hq",operation="version",code="200"} 2"#,
        r#"pbx_requests_total{target="hq",operation="version",code="599"} 3"#,
        r#"pbx_requests_total{target="hq",operation="version",code="other"} 4"#,
        r#"pbx_requests_total{target="hq",operation="version",code="none"} 5"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
}

#[test]
fn hostile_target_names_are_escaped_in_both_formats() {
    let names = [r#"say "hi""#, r"C:\pbx\", "two\nlines", "bürö–東京", r#"x"} 1"#, &"long".repeat(500)];
    let board = board(names.iter().map(|name| healthy(name)).collect());
    let one = samples(&targets(&self::board(vec![healthy("hq")]), Format::Text)).len();
    assert_eq!(openmetrics::check(&targets(&board, OPEN)), names.len() * one);
    for text in [targets(&board, OPEN), targets(&board, Format::Text)] {
        for line in [
            r#"pbx_up{target="say \"hi\""} 1"#,
            r#"pbx_up{target="C:\\pbx\\"} 1"#,
            r#"pbx_up{target="two\nlines"} 1"#,
            r#"pbx_up{target="bürö–東京"} 1"#,
            r#"pbx_up{target="x\"} 1"} 1"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}");
        }
    }
}

#[test]
fn a_scrape_shows_of_each_target_the_state_at_its_start() {
    let slots: Vec<_> = (0..200).map(|i| healthy(&format!("pbx-{i}"))).collect();
    let board = board(slots.clone());
    let scrape = begin(&board, Format::Text, Coding::Identity);
    for slot in &slots {
        let mut state = (*slot.state()).clone();
        (state.probes, state.up) = (8, Some(false));
        slot.publish(state);
    }
    board.replace(Vec::new());
    let text = text(scrape);
    for i in [0, 100, 199] {
        assert!(text.contains(&format!("pbx_up{{target=\"pbx-{i}\"}} 1\n")));
        assert!(text.contains(&format!("pbx_probes_total{{target=\"pbx-{i}\"}} 7\n")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_scrape_from_what_the_last_one_left_is_as_one_from_nothing() {
    let followed = TargetInfo {
        log: vec![LogFile { path: "/log".into(), format: LogFormat::GqlApiError, prefix: String::new() }],
        ..info("followed")
    };
    let slots = [healthy("hq"), failing("branch"), slot(followed, |state| probed(state, true))];
    let [hq, branch, followed] = slots.clone();
    // What one keeps is still in use when the next scrape comes.
    let (board, idle, busy) = (board(slots.to_vec()), Kept::default(), Kept::default());
    let change = |slot: &Slot, change: fn(&mut TargetState)| {
        let mut state = (*slot.state()).clone();
        change(&mut state);
        slot.publish(state);
    };
    let steps: [&dyn Fn(); 9] = [
        &|| (),
        &|| change(&hq, |state| condition(state, Operation::Token, Reason::InvalidClient, "refused")),
        &|| change(&hq, |state| state.endpoint_mut(Operation::Extensions).others = vec![(Code(502), 1)]),
        &|| change(&hq, |state| state.endpoint_mut(Operation::Extensions).failures[3] = 1),
        &|| change(&branch, |state| *state = TargetState { probes: 9, ..TargetState::default() }),
        &|| {
            followed.publish_log(LogState {
                events: [Counted { count: 4, newest: None }; _],
                problems: vec![None],
            });
        },
        &|| hq.publish_host_count(HostCount { kind: HostCountKind::Asterisk, count: Ok(3), at: 1.0 }),
        &|| board.replace(vec![branch.clone(), hq.clone()]),
        &|| board.replace(vec![slot(info("hq"), |_| {})]),
    ];
    let mut seen = Vec::new();
    for step in steps {
        let before = targets(&board, OPEN);
        let under_way = begin_from(&busy, &board, OPEN, Coding::Identity);
        step();
        let now = targets(&board, OPEN);
        for kept in [&idle, &idle, &busy] {
            let again = text(begin_from(kept, &board, OPEN, Coding::Identity));
            assert!(of_targets(&again) == now, "step {}", seen.len());
        }
        assert!(of_targets(&text(under_way)) == before, "of one moment, whatever came since");
        seen.push(now);
    }
    seen.dedup();
    assert_eq!(seen.len(), steps.len(), "each step shows");
}

#[test]
fn a_target_that_goes_takes_all_its_series_along() {
    let (stays, goes) = (healthy("stays"), failing("goes"));
    let board = board(vec![stays.clone(), goes]);
    assert!(whole(&board, Format::Text).contains("target=\"goes\""));
    board.replace(vec![stays]);
    let text = whole(&board, Format::Text);
    assert!(!text.contains("goes") && text.contains("target=\"stays\""));
}

#[test]
fn the_token_age_is_that_of_the_moment_of_the_scrape() {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(
        async {
            let slot = slot(info("hq"), |state| {
                let token =
                    pbx_exporter::board::TokenView { issued: Instant::now(), issued_unix: 1.0, expiry: None };
                state.token = Some(token);
            });
            let (board, kept) = (board(vec![slot]), Kept::default());
            for (step, age) in [(1_500, "1.5"), (60_000, "61.5")] {
                tokio::time::advance(Duration::from_millis(step)).await;
                let text = text(begin_from(&kept, &board, Format::Text, Coding::Identity));
                assert!(text.contains(&format!("pbx_token_age_seconds{{target=\"hq\"}} {age}\n")));
            }
        },
    );
}

#[tokio::test(start_paused = true)]
async fn chunks_are_bounded_and_compressed_ones_decode_to_the_same_bytes() {
    let board = board((0..600).map(|i| healthy(&format!("pbx-{i}.example.com"))).collect());
    // Targets only: the exporter's own process values move between scrapes.
    let targets_of = |bytes: &[u8]| of_targets(str::from_utf8(bytes).unwrap()).to_owned();
    let chunks_of = |coding| chunks(begin(&board, OPEN, coding));
    let plain = chunks_of(Coding::Identity);
    let most = plain.iter().map(bytes::Bytes::len).max().unwrap();
    assert!(plain.len() > 10 && most < CHUNK + 8 * 1024, "{} chunks, largest {most}", plain.len());
    let plain = targets_of(&plain.concat());

    let (gzip, mut decoded) = (chunks_of(Coding::Gzip), Vec::new());
    assert!(gzip.len() > 2 && gzip.iter().all(|chunk| chunk.len() < CHUNK));
    flate2::read::GzDecoder::new(&*gzip.concat()).read_to_end(&mut decoded).unwrap();
    assert!(targets_of(&decoded) == plain);

    let zstd = chunks_of(Coding::Zstd);
    assert!(zstd.len() > 2 && zstd.iter().all(|chunk| chunk.len() < CHUNK));
    assert!(targets_of(&zstd::stream::decode_all(&*zstd.concat()).unwrap()) == plain);
}

#[test]
fn the_exporter_tells_of_itself() {
    use tracing_subscriber::layer::SubscriberExt;

    let exporter = ExporterMetrics::new();
    exporter.set_targets(3);
    exporter.reloaded(Ok(1_795_290_298.5));
    exporter.reloaded(Err(()));
    exporter.probe_started(Duration::from_millis(20));
    exporter.probe_started(Duration::from_secs(100));
    exporter.probe_finished();
    exporter.overrun();
    exporter.panicked();
    let subscriber = tracing_subscriber::registry().with(exporter.log_layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!("one");
        tracing::warn!("two");
        tracing::error!("three");
    });
    let scrape = Scrape::new(&Board::default(), &exporter, &Kept::default(), OPEN, Coding::Identity).unwrap();
    let text = text(scrape);
    for line in [
        "# TYPE pbx_exporter_build info",
        "pbx_exporter_targets 3",
        "pbx_exporter_config_last_reload_successful 0",
        "pbx_exporter_config_last_reload_success_timestamp_seconds 1795290298.5",
        "pbx_exporter_probes_in_flight 1",
        "pbx_exporter_probe_wait_seconds_bucket{le=\"0.01\"} 0",
        "pbx_exporter_probe_wait_seconds_bucket{le=\"1.0\"} 1",
        "pbx_exporter_probe_wait_seconds_bucket{le=\"+Inf\"} 2",
        "pbx_exporter_probe_wait_seconds_sum 100.02",
        "pbx_exporter_probe_wait_seconds_count 2",
        "pbx_exporter_probe_overruns_total 1",
        "pbx_exporter_panics_total 1",
        "pbx_exporter_log_events_total{level=\"error\"} 1",
        "pbx_exporter_log_events_total{level=\"warn\"} 2",
        "pbx_exporter_log_events_total{level=\"info\"} 0",
        "# TYPE process_cpu_seconds counter",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}");
    }
    let info = text.lines().find(|line| line.starts_with("pbx_exporter_build_info{")).unwrap();
    for label in ["version=\"", "revision=\"", "rustversion=\"1."] {
        assert!(info.contains(label), "{info}");
    }
    assert_eq!(openmetrics::check(&text), samples(&text).len());
}
