//! `pbx_exporter diagnose`: every step to a PBX and its API as it is taken, and one verdict.
//!
//! Belongs here: arguments, and how a report looks. Does not belong here: the steps (`diagnose`).

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use super::exit::Exit;
use super::select::{self, Budgets};
use super::terminal::{Color, Output, Style};
use super::{ad_hoc, not_begun, once, print_errors};
use crate::config::{AdHoc, Config, Lookup};
use crate::diagnose::{self, Nobody, Outcome, Report, Status, Step, StepName, Watch};
use crate::domain::{Operation, Reason, Target};
use crate::logfile::Recent;
use crate::platform::{self, Certainty};
use crate::probe::Probe;
use crate::transport::{Dial, HttpTransport};

/// Test each step to a PBX's API in order: what is wrong, how to fix it, what not to do
///
/// Only reads. Lists its few requests first, and stops at the first step that fails. The exit code gives the
/// class of the first failure: 4 configuration, 5 transport, 6 token, 7 permission, 8 data.
#[derive(Args, Clone, Debug)]
pub struct DiagnoseArgs {
    /// Names of configured targets [default: all]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Format of the report
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
    /// URL of a PBX that is not configured; credentials come from variables (FREEPBX_API_* for freepbx, PBX_API_* for
    /// all others) or a prompt
    #[arg(long, value_name = "URL", requires = "platform", conflicts_with = "targets")]
    ad_hoc: Option<String>,
    /// Platform of the PBX given with --ad-hoc
    #[arg(long, value_parser = PossibleValuesParser::new(platform::names()), value_name = "PLATFORM", requires = "ad_hoc")]
    platform: Option<String>,
    /// Origin of the token endpoint for --ad-hoc, if it is not the platform's usual one
    #[arg(long, value_name = "URL", requires = "ad_hoc")]
    token_url: Option<String>,
    /// Which of the platform's calls --ad-hoc makes [default: the first]
    #[arg(long, value_name = "NAME", requires = "ad_hoc")]
    call: Option<String>,
    /// CA certificate (PEM) to trust for --ad-hoc, for a PBX with a private certificate
    #[arg(long, value_name = "FILE", requires = "ad_hoc")]
    ca_file: Option<std::path::PathBuf>,
}

pub(super) async fn run(args: DiagnoseArgs, patterns: &[String]) -> ExitCode {
    let platform = args.platform.as_deref().and_then(platform::builtin);
    let config = match (&args.ad_hoc, &platform) {
        (Some(url), Some(platform)) => ad_hoc::config(&AdHoc {
            platform,
            url,
            token_url: args.token_url.as_deref(),
            call: args.call.as_deref(),
            ca_file: args.ca_file.as_deref(),
        }),
        _ => select::config(patterns, &args.targets),
    };
    match config {
        Ok(config) => {
            warn(&config.warnings);
            all(&args, &config).await.into()
        }
        Err(errors) => {
            not_begun(&errors, args.output);
            Exit::Configuration.into()
        }
    }
}

/// A blank behind a secret is worth knowing before it is refused.
fn warn(warnings: &[String]) {
    const SHOWN: usize = 3;
    let mut err = io::stderr();
    for warning in warnings.iter().take(SHOWN) {
        let _ = writeln!(err, "warning: {warning}");
    }
    if warnings.len() > SHOWN {
        let more = warnings.len() - SHOWN;
        let _ = writeln!(err, "warning: {more} more; `pbx_exporter check` shows them all");
    }
}

/// One target after the other; the code of the first that is not well.
async fn all(args: &DiagnoseArgs, config: &Config) -> Exit {
    let (transport, mut budgets) = (Arc::new(HttpTransport::new()), Budgets::new(config.limits));
    let style = Style::of_stdout(args.color);
    let (mut exit, mut reports) = (Exit::Fine, Vec::new());
    for (place, target) in config.targets.iter().enumerate() {
        let probe = once::probe(target, transport.clone(), budgets.of(target));
        let report = match args.output {
            Output::Text => {
                let mut out = io::stdout();
                if place > 0 {
                    let _ = writeln!(out);
                }
                match text_in(&probe, &*transport, style, &mut out, &environment).await {
                    Ok(report) => report,
                    Err(error) => return not_written(&error),
                }
            }
            Output::Json => {
                let _ = io::stderr().write_all(announcement(target, Style::default()).as_bytes());
                let mut report = diagnose::diagnose(&probe, &*transport, &mut Nobody).await;
                report.note_unused_proxies(target, &environment);
                report
            }
        };
        if exit == Exit::Fine {
            exit = exit_of(&report);
        }
        reports.push((Arc::clone(target), report));
    }
    if args.output == Output::Json
        && let Err(error) = writeln!(io::stdout(), "{:#}", document(&reports))
    {
        return not_written(&error);
    }
    exit
}

fn not_written(error: &io::Error) -> Exit {
    print_errors(&[format!("failed to write the report: {error}")]);
    Exit::Failed
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The exit code that a report stands for.
pub fn exit_of(report: &Report) -> Exit {
    match (report.verdict.outcome, report.verdict.failure) {
        (Outcome::Well, _) => Exit::Fine,
        (_, Some((operation, reason))) => Exit::of(operation, reason),
        (Outcome::Untested, None) => Exit::Failed,
        // The second count has more than the list.
        (Outcome::Failed, None) => Exit::Data,
    }
}

/// Diagnoses the target of `probe` and writes each step as it is taken, then the verdict.
///
/// # Errors
/// A verdict that cannot be written.
pub async fn text(
    probe: &Probe,
    dial: &dyn Dial,
    style: Style,
    out: &mut (dyn Write + Send),
) -> io::Result<Report> {
    text_in(probe, dial, style, out, &|_| None).await
}

/// The same in an environment.
async fn text_in(
    probe: &Probe,
    dial: &dyn Dial,
    style: Style,
    out: &mut (dyn Write + Send),
    lookup: Lookup<'_>,
) -> io::Result<Report> {
    let _ = writeln!(out, "{}", announcement(probe.target(), style));
    let mut report = diagnose::diagnose(probe, dial, &mut Printer { style, out }).await;
    report.note_unused_proxies(probe.target(), lookup);
    out.write_all(rest(&report, style).as_bytes())?;
    Ok(report)
}

/// Whom it is about, and what will be sent.
fn announcement(target: &Target, style: Style) -> String {
    let mut text = style.paint("1", &diagnose::title(target));
    text += "\nRequests, in order; stops at the first failure:\n";
    for line in diagnose::plan(target) {
        text += &style.wrap("  - ", 4, 4, &line);
    }
    text += &style.wrap("", 0, 0, diagnose::left_behind(target));
    text + &style.wrap("", 0, 0, &select::adds_up([target]))
}

/// Writes steps as they come.
struct Printer<'a> {
    style: Style,
    out: &'a mut (dyn Write + Send),
}

impl Watch for Printer<'_> {
    fn begins(&mut self, step: StepName) {
        if self.style.live {
            let _ = write!(self.out, "\r\x1b[2K  ...  {}", label(step));
            let _ = self.out.flush();
        }
    }

    fn ends(&mut self, step: &Step) {
        let clear = if self.style.live { "\r\x1b[2K" } else { "" };
        let _ = write!(self.out, "{clear}{}", line(step, self.style));
        let _ = self.out.flush();
    }
}

fn label(step: StepName) -> String {
    match step {
        StepName::Expected => "expected".to_owned(),
        step => step.as_str().replace('_', " "),
    }
}

/// Columns before the detail.
const BEFORE: usize = 31;

fn line(step: &Step, style: Style) -> String {
    let (word, colour) = match step.status {
        Status::Ok => ("ok", "32"),
        Status::Warn => ("warn", "33"),
        Status::Fail => ("FAIL", "1;31"),
        Status::Skipped => ("-", "2"),
    };
    let time = step.seconds.map_or_else(String::new, duration);
    let first =
        format!("  {}  {:<15}{time:>7}  ", style.paint(colour, &format!("{word:<4}")), label(step.name));
    style.wrap(&first, BEFORE + 1, BEFORE + 1, &step.told())
}

fn duration(seconds: f64) -> String {
    if seconds < 0.9995 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// What is told once all steps are done.
fn rest(report: &Report, style: Style) -> String {
    let skipped = report.steps.iter().filter(|step| step.detail == diagnose::NOT_REACHED);
    let skipped: Vec<_> = skipped.map(|step| label(step.name)).collect();
    let mut text = String::new();
    if !skipped.is_empty() {
        let first = format!("  {}  ", style.paint("2", "-   "));
        text += &style.wrap(&first, 8, 8, &format!("not reached: {}", skipped.join(", ")));
    }
    text + &verdict(report, style)
}

fn verdict(report: &Report, style: Style) -> String {
    let verdict = &report.verdict;
    let (word, colour) = match verdict.outcome {
        Outcome::Well => ("OK", "1;32"),
        Outcome::Untested => ("NOT TESTED", "1;33"),
        Outcome::Failed => ("FAILED", "1;31"),
    };
    let reason = verdict
        .failure
        .map_or_else(String::new, |(operation, reason)| format!(" {}:", place(operation, reason)));
    // The word before it says so.
    let title = verdict.title.strip_prefix("not tested: ").unwrap_or(&verdict.title);
    let title = format!("{reason} {title}");
    let mut text = format!("\n{}", style.wrap(&style.paint(colour, word), word.len(), 2, &title));
    if !verdict.diagnosis.is_empty() {
        text += &section("What is wrong, what to do", [verdict.diagnosis.as_str()], style);
    }
    if verdict.outcome == Outcome::Failed {
        let sure = format!("{}: {}", verdict.certainty.0.as_str(), verdict.certainty.1);
        text += &section("How sure", [sure.as_str()], style);
    }
    text += &section("Evidence", verdict.evidence.iter().map(String::as_str), style);
    text += &section("What not to do", verdict.avoid.iter().map(String::as_str), style);
    text += &section("Other warnings", verdict.warnings.iter().map(String::as_str), style);
    for recent in &report.log {
        let title = format!("Latest lines in {}, redacted", recent.path.display());
        let records = recent.records.iter().map(|record| {
            format!("{} {}: {}", record.time, record.event, record.text).trim_start().to_owned()
        });
        let nothing = recent.records.is_empty().then(|| {
            recent.problem.clone().unwrap_or_else(|| "nothing about the API in the last 256 KiB".to_owned())
        });
        let lines: Vec<_> = records.chain(nothing).collect();
        text += &section(&title, lines.iter().map(String::as_str), style);
    }
    text
}

/// A reason and where it was met; nowhere, where no endpoint was reached.
pub(super) fn place(operation: Operation, reason: Reason) -> String {
    if reason.is_transport() || reason == Reason::ExporterError {
        return reason.to_string();
    }
    format!("{reason} at the {operation} endpoint")
}

fn section<'a>(title: &str, items: impl IntoIterator<Item = &'a str>, style: Style) -> String {
    let items: Vec<_> = items.into_iter().collect();
    if items.is_empty() {
        return String::new();
    }
    let bullet = if items.len() > 1 { "  - " } else { "  " };
    let lines: String =
        items.iter().map(|item| style.wrap(bullet, bullet.len(), bullet.len(), item)).collect();
    format!("\n{}\n{lines}", style.paint("1", title))
}

/// The JSON of some reports; its shape is in docs/commands.md.
pub fn document(reports: &[(Arc<Target>, Report)]) -> Value {
    let targets: Vec<_> = reports.iter().map(|(target, report)| target_json(target, report)).collect();
    json!({ "format": 1, "targets": targets })
}

fn target_json(target: &Target, report: &Report) -> Value {
    let verdict = &report.verdict;
    let steps: Vec<_> = report.steps.iter().map(step_json).collect();
    let certainty: (Certainty, &str) = (verdict.certainty.0, &verdict.certainty.1);
    json!({
        "target": &*target.name,
        "platform": &*target.platform.name,
        "url": target.place(),
        "sends": diagnose::plan(target),
        "steps": steps,
        "log": report.log.iter().map(log_json).collect::<Vec<_>>(),
        "verdict": {
            "outcome": verdict.outcome.as_str(),
            "operation": verdict.failure.map(|(operation, _)| operation.as_str()),
            "reason": verdict.failure.map(|(_, reason)| reason.as_str()),
            "cause": verdict.cause.as_deref(),
            "title": verdict.title,
            "what_to_do": verdict.diagnosis,
            "certainty": certainty.0.as_str(),
            "because": certainty.1,
            "evidence": verdict.evidence,
            "what_not_to_do": verdict.avoid,
            "warnings": verdict.warnings,
            "exit_code": exit_of(report).code(),
        },
    })
}

fn log_json(recent: &Recent) -> Value {
    let records = recent
        .records
        .iter()
        .map(|record| json!({ "time": record.time, "kind": record.event.as_str(), "text": record.text }));
    json!({
        "file": recent.path.display().to_string(),
        "problem": recent.problem,
        "records": records.collect::<Vec<_>>(),
    })
}

fn step_json(step: &Step) -> Value {
    let mut json = json!({
        "step": step.name.as_str(),
        "status": step.status.as_str(),
        "seconds": step.seconds.map(|seconds| (seconds * 1e6).round() / 1e6),
        "detail": step.detail,
        "evidence": step.evidence,
    });
    if let Some(host) = &step.host {
        json["host"] = host.as_str().into();
    }
    json
}
