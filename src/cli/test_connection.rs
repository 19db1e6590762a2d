//! `pbx_exporter test-connection`: the report of the service's own pass alone, in a line a target.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::diagnose::place;
use super::exit::Exit;
use super::not_begun;
use super::once;
use super::select::{self, Budgets};
use super::terminal::Output;
use crate::config::Config;
use crate::diagnose::{self, Outcome, Report};
use crate::domain::{Grant, Target};
use crate::platform;
use crate::transport::{HttpTransport, Transport};

const AT_ONCE: usize = 10;

/// Get a token and read the list once, as the service does: one line per target
///
/// Exit code 0: all targets work; 1: not all do.
#[derive(Args, Clone, Debug)]
pub struct TestConnectionArgs {
    /// Names of configured targets [default: all]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(super) async fn run(args: TestConnectionArgs, patterns: &[String]) -> ExitCode {
    match select::config(patterns, &args.targets) {
        Ok(config) => {
            // A reader that left early is no news to print.
            write(&config, args.output).await.unwrap_or(Exit::Failed).into()
        }
        Err(errors) => {
            not_begun(&errors, args.output);
            Exit::Configuration.into()
        }
    }
}

/// A line or document for each target, in order.
async fn write(config: &Config, output: Output) -> io::Result<Exit> {
    let (transport, mut out): (Arc<dyn Transport>, _) = (Arc::new(HttpTransport::new()), io::stdout());
    // Where nobody listens, the test is made all the same.
    let _ = writeln!(io::stderr(), "{}", announcement(&config.targets));
    let (tasks, gate, mut budgets) =
        (TaskTracker::new(), Arc::new(Semaphore::new(AT_ONCE)), Budgets::new(config.limits));
    let handles: Vec<_> = config
        .targets
        .iter()
        .map(|target| {
            let probe = once::probe(target, Arc::clone(&transport), budgets.of(target));
            let gate = Arc::clone(&gate);
            tasks.spawn(async move {
                let _place = gate.acquire().await;
                diagnose::test(&probe).await
            })
        })
        .collect();
    let (mut exit, mut documents) = (Exit::Fine, Vec::new());
    for (target, handle) in config.targets.iter().zip(handles) {
        let report = handle.await.map_err(io::Error::other)?;
        if report.verdict.outcome != Outcome::Well {
            exit = Exit::Failed;
        }
        match output {
            Output::Text => writeln!(out, "{}", line(&target.name, &report))?,
            Output::Json => documents.push(document(&target.name, &report)),
        }
    }
    if output == Output::Json {
        writeln!(out, "{:#}", json!({ "format": 1, "targets": documents }))?;
    }
    Ok(exit)
}

fn announcement(targets: &[Arc<Target>]) -> String {
    let whom = if targets.len() == 1 {
        "the target".to_owned()
    } else {
        format!("each of {} targets", targets.len())
    };
    let each = || targets.iter().map(|target| &**target);
    let fixed = each().any(|target| target.auth.grant == Grant::Static);
    let fixed = if fixed { " (none for a fixed key)" } else { "" };
    let pages = if each().any(platform::lists_by_page) { ", or one per page," } else { "" };
    format!(
        "Sends {whom} one token request{fixed} and one request{pages} for the extensions list.{} Changes nothing. {}",
        once::follow_ups(each()),
        select::adds_up(each())
    )
}

fn line(name: &str, report: &Report) -> String {
    let verdict = &report.verdict;
    match (verdict.outcome, verdict.failure) {
        (Outcome::Well, _) => {
            let total = match report.total {
                Some(1) => "1 extension".to_owned(),
                Some(total) => format!("{total} extensions"),
                None => "list read".to_owned(),
            };
            format!("{name}: ok, {total}, {:.3} s", report.seconds())
        }
        (_, Some((operation, reason))) => {
            format!("{name}: failed, {}: {}", place(operation, reason), verdict.diagnosis)
        }
        (_, None) => format!("{name}: not tested: {}", verdict.diagnosis),
    }
}

/// The JSON of one target; its shape is in docs/commands.md.
fn document(name: &str, report: &Report) -> Value {
    let verdict = &report.verdict;
    json!({
        "target": name,
        "outcome": verdict.outcome.as_str(),
        "extensions": report.total,
        "seconds": (report.seconds() * 1e6).round() / 1e6,
        "operation": verdict.failure.map(|(operation, _)| operation.as_str()),
        "reason": verdict.failure.map(|(_, reason)| reason.as_str()),
        "cause": verdict.cause.as_deref(),
        "diagnosis": (verdict.outcome != Outcome::Well).then_some(&*verdict.diagnosis),
    })
}
