//! The PBX's own logs: real files in folders of their own, looked at one poll at a time.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use pbx_exporter::board::{Board, Slot, TargetInfo};
use pbx_exporter::domain::LogEvent::{self, ApiError, PhpError, ScopeDenied, TokenGranted, TokenRefused};
use pbx_exporter::domain::target::{LogFile, LogFormat};
use pbx_exporter::exposition::Format;
use pbx_exporter::logfile::{Follower, recent_redacted};
use tempfile::TempDir;

use crate::support::board::{NOW, board, healthy, info};
use crate::support::scrape::targets;

const REFUSED: &str = "192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] \"POST /admin/api/api/token HTTP/1.1\" 401 9 \"-\" \"portal\"\n";
const GRANTED: &str = "192.0.2.8 - - [21/Nov/2026:22:51:33 +0000] \"POST /admin/api/api/token HTTP/1.1\" 200 9 \"-\" \"portal\"\n";
const DENIED: &str = "2026-11-21 22:51:32 - stdClass Object\n(\n    [message] => Cannot query field \
    \"fetchAllExtensions\" on type \"Query\".\n    [locations] => Array\n        (\n        )\n\n)\n\n";

/// One followed file.
struct Followed {
    folder: TempDir,
    board: Arc<Board>,
    follower: Follower,
}

impl Followed {
    /// Follows `log`, which holds `text` if any, and has looked at it once.
    fn new(format: LogFormat, text: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(text) = text {
            fs::write(folder.path().join("log"), text).expect("a file");
        }
        let log = vec![LogFile { path: folder.path().join("log"), format, prefix: String::new() }];
        let board = board(vec![Arc::new(Slot::new(TargetInfo { log, ..info("hq") }))]);
        let mut followed = Self { folder, board, follower: Follower::default() };
        followed.poll();
        followed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn poll(&mut self) {
        self.follower.adopt(&self.board);
        self.follower.poll(NOW);
    }

    fn polls(&mut self, polls: usize) {
        for _ in 0..polls {
            self.poll();
        }
    }

    fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.expect("a file").write_all(bytes.as_ref()).expect("written");
    }

    /// Appends to `log` and looks.
    fn add(&mut self, bytes: impl AsRef<[u8]>) {
        self.append("log", bytes);
        self.poll();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("renamed");
    }

    fn count(&self, event: LogEvent) -> u64 {
        self.board.slots()[0].log().expect("a log").events[event.index()].count
    }

    fn problem(&self) -> Option<String> {
        self.board.slots()[0].log().expect("a log").problems[0].as_ref().map(|p| p.text.clone())
    }
}

#[test]
fn only_what_comes_after_the_start_counts() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(&REFUSED.repeat(3)));
    assert_eq!((log.count(TokenRefused), log.problem()), (0, None));
    log.add(REFUSED);
    log.add(format!("{REFUSED}{GRANTED}"));
    log.polls(3);
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (2, 1));
    assert_eq!(log.board.slots()[0].log().unwrap().events[TokenRefused.index()].newest, Some(NOW));
}

#[test]
fn a_last_line_counts_once_it_is_whole() {
    let (begin, end) = REFUSED.split_at(60);
    let mut log = Followed::new(LogFormat::AccessLog, Some(begin));
    log.add(end);
    assert_eq!(log.count(TokenRefused), 0, "its beginning was not read");
    log.add(begin);
    log.polls(5);
    assert_eq!(log.count(TokenRefused), 0);
    log.add(end);
    assert_eq!(log.count(TokenRefused), 1);
}

#[test]
fn rotation_by_renaming_loses_and_repeats_nothing() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(REFUSED));
    log.add(REFUSED);
    for round in 1..=5_u64 {
        // Written to the old file before, and after it was renamed, and to the new one.
        log.append("log", REFUSED);
        log.rename("log", &format!("log.{round}"));
        log.append(&format!("log.{round}"), REFUSED);
        log.append("log", REFUSED);
        log.polls(3);
        assert_eq!((log.count(TokenRefused), log.problem()), (1 + 3 * round, None));
    }
}

#[test]
fn a_writer_that_keeps_the_renamed_file_is_read_beside_the_new_one_and_not_for_ever() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    log.rename("log", "log.1");
    log.append("log", GRANTED);
    for _ in 0..5 {
        log.append("log.1", REFUSED);
        log.polls(10);
        log.append("log", GRANTED);
    }
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (5, 5));
    log.polls(15);
    assert_eq!(log.count(TokenGranted), 6);
    log.append("log.1", REFUSED);
    log.polls(5);
    assert_eq!(log.count(TokenRefused), 5, "it is let go");
}

#[test]
fn a_file_is_open_no_longer_than_a_minute_after_another_took_its_place() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    let folder = log.folder.path().to_owned();
    let open = || {
        let open = fs::read_dir("/proc/self/fd").expect("on Linux").flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok()).filter(|name| name.starts_with(&folder)).count()
    };
    for round in 0..4 {
        log.rename("log", &format!("log.{round}"));
        log.add(GRANTED);
        assert_eq!((open(), log.count(TokenGranted)), (2, round + 1), "the newest two");
    }
    log.polls(61);
    assert_eq!(open(), 1);
}

#[test]
fn a_renamed_file_that_comes_back_goes_on_where_it_was() {
    for polls in [3, 70] {
        let mut log = Followed::new(LogFormat::AccessLog, Some(""));
        log.add(REFUSED);
        log.rename("log", "log.1");
        log.append("log", GRANTED);
        log.polls(polls);
        log.rename("log", "log.2");
        log.rename("log.1", "log");
        log.add(REFUSED);
        log.append("log.2", GRANTED);
        log.polls(3);
        assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (2, 2), "after {polls}");
    }
}

#[test]
fn a_cut_last_line_of_a_renamed_file_does_not_run_into_the_new_one() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    log.add(REFUSED.trim_end());
    log.rename("log", "log.1");
    log.append("log", GRANTED);
    log.polls(2);
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (0, 1), "its end may follow");
    log.polls(60);
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (1, 1));
}

#[test]
fn truncation_begins_anew_also_when_the_file_has_grown_past_the_old_length() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    log.add(REFUSED.repeat(3));
    fs::write(log.path("log"), GRANTED).expect("cut and written");
    log.poll();
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (3, 1));
    fs::write(log.path("log"), "").expect("cut");
    log.poll();
    log.add(GRANTED);
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (3, 2));
    fs::write(log.path("log"), REFUSED.repeat(9)).expect("cut and outgrown");
    log.poll();
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (12, 2));
}

#[test]
fn absence_is_a_condition_and_a_file_that_comes_counts_from_its_beginning() {
    let mut log = Followed::new(LogFormat::AccessLog, None);
    assert!(log.problem().expect("a problem").starts_with("does not exist"));
    log.add(REFUSED);
    assert_eq!((log.count(TokenRefused), log.problem()), (1, None));

    log.rename("log", "aside");
    log.poll();
    assert!(log.problem().expect("a problem").starts_with("does not exist"));
    log.append("aside", REFUSED);
    log.poll();
    assert_eq!(log.count(TokenRefused), 2, "the writer still has it");
    log.rename("aside", "log");
    log.add(REFUSED);
    assert_eq!((log.count(TokenRefused), log.problem()), (3, None));

    log.rename("log", "aside");
    log.polls(100);
    log.rename("aside", "log");
    log.add(REFUSED);
    assert_eq!(log.count(TokenRefused), 4, "it was let go, came back and is not counted twice");
}

#[test]
fn a_deleted_file_is_let_go_in_the_end() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(REFUSED));
    let path = log.path("log");
    let deleted = || {
        let name = format!("{} (deleted)", path.display());
        let links = fs::read_dir("/proc/self/fd").expect("Linux");
        links.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()).filter(|p| p.as_os_str() == &*name).count()
    };
    fs::remove_file(&path).expect("removed");
    log.poll();
    assert_eq!(deleted(), 1);
    log.polls(70);
    assert_eq!(deleted(), 0);
    log.append("log", REFUSED);
    log.poll();
    assert_eq!(log.count(TokenRefused), 1);
}

#[test]
fn a_folder_a_pipe_and_the_debug_log_in_its_place_are_conditions_and_never_read() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    let clear = |log: &Followed| {
        let path = log.path("log");
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).expect("removed");
    };
    clear(&log);
    fs::create_dir(log.path("log")).expect("a folder");
    log.polls(2);
    assert!(log.problem().expect("a problem").starts_with("is a folder"));
    clear(&log);
    let made = std::process::Command::new("mkfifo").arg(log.path("log")).status();
    assert!(made.expect("mkfifo").success());
    log.polls(2);
    assert!(log.problem().expect("a problem").starts_with("is a named pipe"));
    clear(&log);
    log.append("freepbx_debug.1", REFUSED);
    std::os::unix::fs::symlink(log.path("freepbx_debug.1"), log.path("log")).expect("a link");
    log.polls(2);
    assert!(log.problem().expect("a problem").contains("client secrets"));
    assert_eq!(log.count(TokenRefused), 0);
    clear(&log);
    log.append("log", REFUSED);
    log.polls(2);
    assert_eq!((log.count(TokenRefused), log.problem()), (1, None));
}

#[test]
fn a_folder_on_the_way_that_becomes_a_file_is_a_condition() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("asterisk"), "").expect("a file");
    let log = LogFile {
        path: folder.path().join("asterisk/gql_api_error.log"),
        format: LogFormat::GqlApiError,
        prefix: String::new(),
    };
    let problem = recent_redacted(&[log], 5).remove(0).problem;
    assert_eq!(problem.as_deref(), Some("cannot be read: not a directory"));
}

#[test]
fn a_burst_is_read_in_bounded_steps_and_nothing_of_it_is_lost() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    let burst = format!("{REFUSED}{GRANTED}").repeat(50_000);
    log.add(&burst);
    let first = log.count(TokenRefused);
    assert!(first > 0 && first < 50_000, "{first} in one poll");
    // Rotated while it lags behind.
    log.rename("log", "log.1");
    log.append("log", REFUSED);
    log.polls(burst.len() / (4 << 20) + 3);
    assert_eq!((log.count(TokenRefused), log.count(TokenGranted)), (50_001, 50_000));
}

#[test]
fn binary_rubbish_and_endless_lines_harm_nothing() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    let rubbish: Vec<u8> =
        (0..50_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    log.add(&rubbish);
    log.add(vec![0; 5 << 20]);
    log.poll();
    log.add(b"\n\xff\xfe \xc3\x28\n");
    log.add(REFUSED);
    assert_eq!(log.count(TokenRefused), 1);
    log.add(format!("{}\n{REFUSED}", "x".repeat(1 << 20)));
    assert_eq!((log.count(TokenRefused), log.problem()), (2, None));
}

#[test]
fn records_of_several_lines_are_one_event_however_they_are_written() {
    let mut log = Followed::new(LogFormat::GqlApiError, Some(&DENIED[..80]));
    log.add(&DENIED[80..]);
    assert_eq!(log.count(ScopeDenied), 0, "its beginning was not read");
    for byte in DENIED.as_bytes() {
        log.add([*byte]);
    }
    assert_eq!((log.count(ScopeDenied), log.count(ApiError)), (1, 0));
    log.add("2026-11-21 22:51:32 - stdClass Object\n(\n    [message] => Internal server error\n");
    assert_eq!(log.count(ApiError), 0);
    log.polls(2);
    assert_eq!(log.count(ApiError), 1, "without an end, it is whole when nothing comes for a while");
    log.add(")\n\n");
    log.polls(3);
    assert_eq!((log.count(ScopeDenied), log.count(ApiError)), (1, 1));
}

#[test]
fn an_error_counts_with_its_stack_trace_once_the_trace_is_over() {
    let mut log = Followed::new(LogFormat::FreepbxLog, Some(""));
    log.add("[21-Nov-2026 22:51:32 UTC] PHP Fatal error:  Uncaught Exception: a in /var/www/html/a.php:1\n");
    log.add("#0 /var/www/html/admin/modules/api/Api.class.php(12): a()\n");
    assert_eq!(log.count(PhpError), 0);
    log.polls(2);
    assert_eq!(log.count(PhpError), 1);
    log.add("[21-Nov-2026 22:51:33 UTC] PHP Fatal error:  Exception in /var/www/html/admin/modules/api/a.php:1\n[cut");
    fs::write(log.path("log"), "").expect("cut");
    log.poll();
    assert_eq!(log.count(PhpError), 2, "whole lines before a truncation count");
}

#[test]
fn a_reload_keeps_the_place_in_the_files_of_targets_that_stay() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    log.add(REFUSED);
    let slot = log.board.slots()[0].clone();
    let fresh = Arc::new(Slot::new(slot.info.clone()));
    // Written while the configuration is read again.
    log.append("log", REFUSED);
    log.board.replace(vec![slot, healthy("new"), fresh.clone()]);
    log.poll();
    assert_eq!(log.count(TokenRefused), 2);
    assert_eq!(fresh.log().unwrap().events[TokenRefused.index()].count, 0, "it starts at the end");
    log.board.replace(vec![healthy("new")]);
    log.poll();
    assert!(log.follower.is_idle());
}

#[test]
fn every_kind_stands_at_zero_where_a_log_is_followed_and_is_absent_elsewhere() {
    let mut log = Followed::new(LogFormat::AccessLog, Some(""));
    log.add(REFUSED);
    let slot = log.board.slots()[0].clone();
    let text = targets(&board(vec![healthy("other"), slot]), Format::Text);
    let series: Vec<_> = text.lines().filter(|line| line.starts_with("pbx_log_events_total{")).collect();
    let expected = LogEvent::ALL.map(|kind| {
        format!("pbx_log_events_total{{target=\"hq\",kind=\"{kind}\"}} {}", u8::from(kind == TokenRefused))
    });
    assert_eq!(series, expected);
}

#[test]
fn the_newest_records_are_given_redacted_oldest_first() {
    let mut log = Followed::new(LogFormat::AccessLog, None);
    log.append("log", "x".repeat(300 << 10));
    log.append("log", format!("\nnoise\n{REFUSED}{GRANTED}GET /\n{REFUSED}"));
    log.poll();
    let files = log.board.slots()[0].info.log.clone();
    let recent = recent_redacted(&files, 2).remove(0);
    let shown: Vec<_> = recent.records.iter().map(|r| (r.event, r.time.as_str(), r.text.as_str())).collect();
    assert_eq!(recent.problem, None);
    assert_eq!(
        shown,
        [
            (TokenGranted, "21/Nov/2026:22:51:33 +0000", "192.0.2.8 POST /admin/api/api/token 200"),
            (TokenRefused, "21/Nov/2026:22:51:32 +0000", "192.0.2.7 POST /admin/api/api/token 401"),
        ]
    );
    fs::remove_file(log.path("log")).expect("removed");
    let recent = recent_redacted(&files, 2).remove(0);
    assert_eq!(recent.records, []);
    assert!(recent.problem.expect("a problem").starts_with("does not exist"));
}

#[test]
fn the_debug_log_is_not_even_opened_for_its_redacted_end() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["freepbx_debug", "freepbx_debug.log", "freepbx-debug.log", "FreePBX_Debug-20261121"] {
        let path = folder.path().join(name);
        File::create(&path).and_then(|mut file| file.write_all(REFUSED.as_bytes())).expect("a file");
        let recent =
            recent_redacted(&[LogFile { path, format: LogFormat::AccessLog, prefix: String::new() }], 5)
                .remove(0);
        assert_eq!(recent.records, []);
        assert!(recent.problem.expect("a problem").contains("client secrets"), "{name}");
    }
}

#[test]
fn a_log_of_which_no_line_fits_is_a_problem_until_one_does() {
    let json = "{\"request\": \"POST /admin/api/api/token HTTP/1.1\", \"status\": 401}\n\n";
    for format in [LogFormat::AccessLog, LogFormat::GqlApiError, LogFormat::FreepbxLog] {
        let mut log = Followed::new(format, Some(json));
        let problem = |log: &Followed| log.board.slots()[0].log().expect("a log").problems[0].clone();
        log.add(json.repeat(9));
        assert_eq!(problem(&log), None, "{format:?}: a few may belong to what began before");
        log.add(json);
        let told = problem(&log).expect("a problem").text;
        assert!(told.contains("no line of it fits the format") && !told.contains("401"), "{told}");
        let fits = match format {
            LogFormat::AccessLog => "192.0.2.7 - - [21/Nov/2026:22:51:32 +0000] \"GET / HTTP/1.1\" 200 9\n",
            LogFormat::GqlApiError => DENIED,
            LogFormat::FreepbxLog => "[Fri Nov 20 10:00:00.123456 2026] [php:notice] [pid 12] fine\n",
        };
        log.add(fits);
        assert_eq!(problem(&log), None, "{format:?}");
        log.add(json.repeat(50));
        assert_eq!(problem(&log), None, "{format:?}: one did fit");
    }
}

#[test]
fn php_errors_within_the_web_servers_error_log_count() {
    let fatal = "PHP Fatal error:  Uncaught TypeError: a in /var/www/html/admin/modules/api/Rest/Api.php:49";
    let mut log = Followed::new(LogFormat::FreepbxLog, Some(""));
    log.add(format!(
        "[Fri Nov 20 10:00:00.123456 2026] [php:error] [pid 12] [client 192.0.2.7:5000] {fatal}\n"
    ));
    log.add(format!(
        "2026/11/20 10:00:00 [error] 12#12: *3 FastCGI sent in stderr: \"PHP message: {fatal}\"\n"
    ));
    log.polls(3);
    assert_eq!(log.count(LogEvent::PhpError), 2);
}
