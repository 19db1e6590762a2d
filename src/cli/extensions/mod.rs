//! `pbx_exporter extensions`: what a PBX lists, compared with what should be there. Changes nothing.

mod failure;
mod render;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use self::failure::Failed;
use self::render::{Comparison, Report};
use super::exit::Exit;
use super::once;
use super::select::{self, Budgets};
use crate::causes;
use crate::config::Config;
use crate::domain::Grant;
use crate::domain::extensions::{Drift, Extension, Id};
use crate::domain::target::{Expected, Target};
use crate::expected::{self, ExpectedList};
use crate::platform;
use crate::probe::NoOutcome;
use crate::transport::HttpTransport;

/// Arguments of the command.
#[derive(Args, Clone, Debug)]
pub struct ExtensionsArgs {
    /// Name of the target; optional if only one is configured
    target: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// The expected extensions: a CSV or JSON file, or - for standard input [default: those of the
    /// configuration, if any]
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    Csv,
}

/// Runs the command on the process's environment and standard streams.
pub(super) async fn run(args: &ExtensionsArgs, patterns: &[String]) -> ExitCode {
    let (text, code) = match told(args, patterns).await {
        Ok(done) => done,
        Err(failed) => {
            if args.output != Output::Json || failed.is_usage() {
                eprint!("{failed}");
                return failed.exit().into();
            }
            (failed.json(args.target.as_deref()), failed.exit())
        }
    };
    // A reader that left early (`extensions | head`) is no news to print.
    io::stdout().lock().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| code.into())
}

async fn told(args: &ExtensionsArgs, patterns: &[String]) -> Result<(String, Exit), Failed> {
    let lookup = |name: &str| std::env::var(name).ok();
    let config = super::check::load(patterns, &lookup).map_err(Failed::Configuration)?;
    let target = pick(&config, args.target.as_deref())?;
    target.tells_extensions().map_err(|fix| Failed::target(&target, fix))?;
    spare_refresh_token(&target)?;
    let given = args.expected.as_deref().map(read).transpose()?;
    announce(&target);
    let listed = list(&config, &target).await?;
    let expected = match given {
        Some(given) => Some(given),
        None => target.expected.as_ref().map(configured).transpose()?,
    };
    let report = report(&target, &listed, expected);
    if args.output != Output::Json {
        report.notes.iter().for_each(|note| eprintln!("note: {note}"));
    }
    let text = match args.output {
        Output::Table => report.table(render::width()),
        Output::Json => report.json(),
        Output::Csv => report.csv(),
    };
    Ok((text, if report.differs() { Exit::Drift } else { Exit::Fine }))
}

fn pick(config: &Config, name: Option<&str>) -> Result<Arc<Target>, Failed> {
    let names = || config.targets.iter().map(|target| &*target.name).collect::<Vec<_>>().join(", ");
    let found = match (name, config.targets.as_slice()) {
        (Some(name), targets) => targets.iter().find(|target| &*target.name == name),
        (None, [only]) => Some(only),
        (None, _) => return Err(Failed::Usage(format!("name the target: {}", names()))),
    };
    let unknown = || Failed::Configuration(vec![format!("no target of this name; configured: {}", names())]);
    found.cloned().ok_or_else(unknown)
}

/// A refresh token is used up by its use, and the running exporter needs it.
fn spare_refresh_token(target: &Target) -> Result<(), Failed> {
    if target.auth.grant.needs_person() {
        return Err(Failed::target(
            target,
            "a token request with this grant would use up the refresh token that the exporter needs; use a target with its own \
             application (client_credentials or password)",
        ));
    }
    Ok(())
}

fn read(path: &Path) -> Result<(String, ExpectedList), Failed> {
    if path == Path::new("-") {
        let list = expected::read(io::stdin().lock());
        let list = list.map_err(|e| Failed::Expected(format!("failed to read standard input: {e}")))?;
        return Ok(("standard input".to_owned(), list));
    }
    let list = expected::read_file(path).map_err(|e| Failed::Expected(e.to_string()))?;
    Ok((path.display().to_string(), list))
}

fn configured(expected: &Expected) -> Result<(String, ExpectedList), Failed> {
    match expected {
        Expected::List(ids) => {
            let list = ExpectedList { ids: ids.to_vec(), notes: Vec::new() };
            Ok(("the configuration".to_owned(), list))
        }
        Expected::File(path) => read(path),
    }
}

/// Says beforehand what is sent.
fn announce(target: &Target) {
    let at = |url: &url::Url| url.origin().ascii_serialization();
    let (token, list) = (at(target.token_origin()), at(&target.origin));
    let list_at = if token == list { String::new() } else { format!(" {list}") };
    let asks = match target.auth.grant {
        Grant::Static => format!("{list} for the list"),
        grant => {
            let path = target.token_address();
            format!("{token} for a token (grant {grant}, {}) and{list_at} for the list", path.path())
        }
    };
    let pages = if target.called().paging.is_some() { ", page by page" } else { "" };
    eprintln!(
        "{}: asks {asks} ({}{pages}).{} Only compares; changes nothing. {}",
        target.name,
        platform::list_request(target).url.path(),
        once::follow_ups([target]),
        select::adds_up([target]),
    );
}

/// One pass as the service makes it, without the version.
async fn list(config: &Config, target: &Arc<Target>) -> Result<Vec<Extension>, Failed> {
    let origins = Budgets::new(config.limits).of(target);
    let probe = once::probe(target, Arc::new(HttpTransport::new()), origins).keeping_list();
    let outcome = match probe.pass(&CancellationToken::new()).await {
        Ok(outcome) => outcome,
        Err(NoOutcome::Budget(_)) => {
            return Err(Failed::target(
                target,
                "limits.refusals_per_origin is too low for one list; raise it",
            ));
        }
        Err(NoOutcome::Cancelled) => {
            return Err(Failed::target(target, "the list was not requested; try again"));
        }
    };
    match outcome.result() {
        Some(Err((operation, failure))) => Err(Failed::Pbx(
            target.name.clone(),
            operation,
            Box::new(causes::explain(target, operation, failure)),
        )),
        Some(Ok(_)) => {
            let listed = outcome.listed.unwrap_or_else(|| Ok(Vec::new()));
            listed.map_err(|untold| Failed::List(target.name.clone(), untold))
        }
        None => Err(Failed::target(target, "there is no token; try again")),
    }
}

fn report<'a>(
    target: &'a Target,
    listed: &'a [Extension],
    expected: Option<(String, ExpectedList)>,
) -> Report<'a> {
    let twice = twice(listed);
    let mut notes: Vec<_> =
        twice.iter().map(|id| format!("{}: lists {id} more than once", target.name)).collect();
    let comparison = expected.map(|(source, list)| {
        notes.extend(list.notes.iter().map(|note| format!("{source}: {note}")));
        Comparison { drift: Drift::between(&list.ids, listed), source }
    });
    Report { target, listed, comparison, notes }
}

/// What stands next to its like in an ordered list.
fn twice(listed: &[Extension]) -> Vec<&Id> {
    let mut ids: Vec<_> =
        listed.windows(2).filter(|pair| pair[0].id == pair[1].id).map(|pair| &pair[0].id).collect();
    ids.dedup();
    ids
}
