//! `pbx_exporter test-connection`: token and list once, by the service's own pass; a line a target.

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
use crate::budget::Origin;
use crate::config::Config;
use crate::diagnose::{self, Outcome, Report};
use crate::domain::{Grant, Target};
use crate::platform;
use crate::transport::{HttpTransport, Transport};

/// Targets asked at once.
const AT_ONCE: usize = 10;

/// Take a token and read the list once, as the service does: one line a target
///
/// Exit code 0 means that all targets work, 1 that not all do.
#[derive(Args, Clone, Debug)]
pub struct TestConnectionArgs {
    /// Names of configured targets; all without any
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

pub(super) async fn run(args: TestConnectionArgs, patterns: &[String]) -> ExitCode {
    match select::config(patterns, &args.targets) {
        Ok(config) => {
            let transport = Arc::new(HttpTransport::new());
            let exit = write(&config, transport, args.output, &mut io::stdout(), &mut io::stderr()).await;
            // A reader that left early is no news to print.
            exit.unwrap_or(Exit::Failed).into()
        }
        Err(errors) => {
            not_begun(&errors, args.output);
            Exit::Configuration.into()
        }
    }
}

/// The command on given streams.
///
/// # Errors
/// A stream that cannot be written.
pub async fn write(
    config: &Config,
    transport: Arc<dyn Transport>,
    output: Output,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Exit> {
    // Where nobody listens, the test is made all the same.
    let _ = writeln!(err, "{}", announcement(&config.targets));
    let (tasks, gate, mut budgets) =
        (TaskTracker::new(), Arc::new(Semaphore::new(AT_ONCE)), Budgets::new(config.limits));
    let handles: Vec<_> = config
        .targets
        .iter()
        .map(|target| {
            let origins = budgets.of(target);
            let (target, transport, gate) = (Arc::clone(target), Arc::clone(&transport), Arc::clone(&gate));
            tasks.spawn(async move {
                let _place = gate.acquire().await;
                test(target, transport, origins).await
            })
        })
        .collect();
    let (mut exit, mut documents) = (Exit::Fine, Vec::new());
    for handle in handles {
        let tested = handle.await.map_err(io::Error::other)?;
        if tested.report.verdict.outcome != Outcome::Well {
            exit = Exit::Failed;
        }
        match output {
            Output::Text => writeln!(out, "{}", tested.line())?,
            Output::Json => documents.push(tested.document()),
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
    let fixed = if fixed { " (none where a fixed key serves)" } else { "" };
    let pages = if each().any(platform::lists_by_page) { ", or one a page," } else { "" };
    format!(
        "Sends {whom} one token request{fixed} and one request{pages} for the extensions list.{} Changes nothing. {}",
        once::follow_ups(each()),
        select::adds_up(each())
    )
}

async fn test(target: Arc<Target>, transport: Arc<dyn Transport>, origins: [Arc<Origin>; 2]) -> Tested {
    let report = diagnose::test(&once::probe(&target, transport, origins)).await;
    Tested { target, report }
}

/// The report of one target, in a line or as JSON.
struct Tested {
    target: Arc<Target>,
    report: Report,
}

impl Tested {
    /// How long all requests took.
    fn seconds(&self) -> f64 {
        self.report.steps.iter().filter_map(|step| step.seconds).sum()
    }

    fn line(&self) -> String {
        let (name, verdict) = (&self.target.name, &self.report.verdict);
        match (verdict.outcome, verdict.failure) {
            (Outcome::Well, _) => {
                let total = match self.report.total {
                    Some(1) => "1 extension".to_owned(),
                    Some(total) => format!("{total} extensions"),
                    None => "list read".to_owned(),
                };
                format!("{name}: ok, {total}, {:.3} s", self.seconds())
            }
            (_, Some((operation, reason))) => {
                format!("{name}: failed, {}: {}", place(operation, reason), verdict.diagnosis)
            }
            (_, None) => format!("{name}: not tested: {}", verdict.diagnosis),
        }
    }

    /// Its shape is in docs/commands.md.
    fn document(&self) -> Value {
        let verdict = &self.report.verdict;
        json!({
            "target": &*self.target.name,
            "outcome": verdict.outcome.as_str(),
            "extensions": self.report.total,
            "seconds": (self.seconds() * 1e6).round() / 1e6,
            "operation": verdict.failure.map(|(operation, _)| operation.as_str()),
            "reason": verdict.failure.map(|(_, reason)| reason.as_str()),
            "diagnosis": (verdict.outcome != Outcome::Well).then_some(&*verdict.diagnosis),
        })
    }
}
