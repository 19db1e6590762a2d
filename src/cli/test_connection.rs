//! `pbx_exporter test-connection`: token and list once, by the service's own pass; a line a target.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::diagnose::place;
use super::exit::Exit;
use super::not_begun;
use super::once;
use super::select::{self, Budgets};
use super::terminal::Output;
use crate::budget::Origin;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::outcome::Outcome;
use crate::domain::{Failure, Grant, Operation, Target};
use crate::platform;
use crate::probe::{NoOutcome, Probe};
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

/// What one target gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Its name.
    pub target: Arc<str>,
    /// The total, or what failed; no operation: not tested.
    pub result: Result<Option<u64>, (Option<Operation>, Option<Failure>)>,
    /// How long all requests took.
    pub seconds: f64,
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
            let (target, transport, gate) = (once::target(target), Arc::clone(&transport), Arc::clone(&gate));
            tasks.spawn(async move {
                let _place = gate.acquire().await;
                test(target, transport, origins).await
            })
        })
        .collect();
    let (mut exit, mut documents) = (Exit::Fine, Vec::new());
    for handle in handles {
        let tested = handle.await.map_err(io::Error::other)?;
        if tested.result.is_err() {
            exit = Exit::Failed;
        }
        match output {
            Output::Text => writeln!(out, "{}", line(&tested))?,
            Output::Json => documents.push(document(&tested)),
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

async fn test(
    target: Arc<Target>,
    transport: Arc<dyn Transport>,
    [origin, token_origin]: [Arc<Origin>; 2],
) -> Tested {
    let name = Arc::clone(&target.name);
    if target.auth.grant.needs_person() {
        return Tested { target: name, result: Err((None, None)), seconds: 0.0 };
    }
    let probe = Probe::new(target, None, transport, origin, Clock::System).taking_tokens_at(token_origin);
    match probe.pass(&CancellationToken::new()).await {
        Ok(outcome) => {
            let spent = outcome.attempts.iter().filter_map(|attempt| attempt.duration);
            let seconds = spent.sum::<std::time::Duration>().as_secs_f64();
            Tested { target: name, result: result(outcome), seconds }
        }
        Err(NoOutcome::Budget(_) | NoOutcome::Cancelled) => {
            Tested { target: name, result: Err((Some(Operation::Token), None)), seconds: 0.0 }
        }
    }
}

fn result(outcome: Outcome) -> Result<Option<u64>, (Option<Operation>, Option<Failure>)> {
    match (outcome.extensions, outcome.token) {
        (Some(Ok(listing)), _) => Ok(listing.total),
        (Some(Err(failure)), _) => Err((Some(Operation::Extensions), Some(failure))),
        (None, Some(Err(failure))) => Err((Some(Operation::Token), Some(failure))),
        (None, _) => Err((Some(Operation::Token), None)),
    }
}

const SPENT: &str =
    "not tested: the refresh token serves once, so a test would take it from the running exporter";
const BUDGET: &str = "not tested: this host has refused as often as one run may let it (limits.refusals_per_origin, at most 3): more could bring a ban";

fn line(tested: &Tested) -> String {
    let Tested { target, result, seconds } = tested;
    match result {
        Ok(total) => {
            let total = match total {
                Some(1) => "1 extension".to_owned(),
                Some(total) => format!("{total} extensions"),
                None => "list read".to_owned(),
            };
            format!("{target}: ok, {total}, {seconds:.3} s")
        }
        Err((Some(operation), Some(failure))) => {
            format!("{target}: failed, {}: {}", place(*operation, failure.reason), failure.diagnosis)
        }
        Err((Some(_), None)) => format!("{target}: {BUDGET}"),
        Err((None, _)) => format!("{target}: {SPENT}"),
    }
}

/// The JSON of one target; its shape is in docs/commands.md.
fn document(tested: &Tested) -> Value {
    let (operation, failure) = tested.result.clone().err().unwrap_or_default();
    let outcome = match (&tested.result, &failure) {
        (Ok(_), _) => "ok",
        (Err(_), Some(_)) => "failed",
        (Err(_), None) => "untested",
    };
    let why = operation.map_or(SPENT, |_| BUDGET);
    json!({
        "target": &*tested.target,
        "outcome": outcome,
        "extensions": tested.result.as_ref().ok().copied().flatten(),
        "seconds": (tested.seconds * 1e6).round() / 1e6,
        "operation": failure.as_ref().and(operation).map(Operation::as_str),
        "reason": failure.as_ref().map(|failure| failure.reason.as_str()),
        "diagnosis": match (outcome, &failure) {
            ("untested", _) => Some(why.to_owned()),
            (_, failure) => failure.as_ref().map(|failure| failure.diagnosis.to_string()),
        },
    })
}
