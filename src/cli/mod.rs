//! Arguments and commands: a file a command.

mod ad_hoc;
mod authorize;
pub mod check;
mod demo;
pub mod diagnose;
pub mod exit;
mod extensions;
mod healthcheck;
mod log;
mod once;
mod select;
mod serve;
mod shell;
pub mod terminal;
mod test_connection;
mod web;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::metrics::ExporterMetrics;

/// Monitors the OAuth2-protected management APIs of telephone systems for Prometheus, and shows
/// what is wrong and how to fix it.
#[derive(Debug, Parser)]
#[command(name = "pbx_exporter", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags of every command, each also from the environment.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[group(skip)]
struct Options {
    /// Configuration file or glob; may be given several times. Without one, the FREEPBX_API_*
    /// variables define one target.
    #[arg(
        long = "config.file",
        env = "PBX_EXPORTER_CONFIG_FILE",
        value_name = "FILE",
        value_delimiter = ',',
        global = true
    )]
    config_file: Vec<String>,
    /// Let a crash leave a core dump, which holds secrets
    #[arg(long = "allow-core-dumps", env = "PBX_EXPORTER_ALLOW_CORE_DUMPS", global = true)]
    core_dumps: bool,
    #[command(flatten)]
    web: web::Options,
    #[command(flatten)]
    log: log::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the exporter (the same as no command)
    Serve,
    /// Run it against simulated PBXes that go through the usual failures; needs no configuration
    Demo,
    /// Validate the configuration offline, or print its JSON Schema
    Check(check::CheckArgs),
    TestConnection(test_connection::TestConnectionArgs),
    #[command(visible_alias = "diagnose-api")]
    Diagnose(diagnose::DiagnoseArgs),
    Authorize(authorize::AuthorizeArgs),
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        #[arg(ignore_case = true)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// List the extensions of a PBX and compare them with those expected; only compares, changes nothing
    ///
    /// It only compares, under each of its names: nothing on the PBX is created, changed or deleted.
    ///
    /// Exit codes: 0 listed, and no difference if it compared; 1 output that cannot be written; 2 wrong arguments;
    /// 3 extensions are missing or not expected; 4 configuration; 5 no answer; 6 no token; 7 access denied; 8 no
    /// usable list.
    #[command(visible_alias = "sync-sip-accounts")]
    Extensions(extensions::ExtensionsArgs),
}

const DEFAULT_ADDRESS: &str = ":10177";

pub fn run() -> anyhow::Result<ExitCode> {
    let cli = parse();
    match &cli.command {
        Some(Command::Check(args)) => {
            let web = cli.options.web.check();
            let code = check::run(args, &cli.options.config_file);
            return Ok(if web { code } else { exit::Exit::Failed.into() });
        }
        Some(Command::Completions { shell }) => {
            std::io::stdout().write_all(&shell::completions(*shell))?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::Man) => {
            std::io::stdout().write_all(&shell::man()?)?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let metrics = ExporterMetrics::new();
    log::start(&cli.options.log, &metrics)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(dispatch(cli, metrics));
    // Dropped, it would wait for a resolver that hangs in a thread of its own.
    runtime.shutdown_background();
    code
}

/// Ends the process where the arguments are wrong. A variable that is set and empty, as compose files
/// leave them, counts as unset.
fn parse() -> Cli {
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command()
        .mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(Resettable::Reset) } else { arg });
    let matches = command.clone().get_matches();
    refuse_file_of_demo(command, &matches);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// A file would be ignored. A variable may be there for the service that this machine runs as well.
fn refuse_file_of_demo(mut command: clap::Command, matches: &ArgMatches) {
    if let Some(("demo", matches)) = matches.subcommand()
        && matches.value_source("config_file") == Some(ValueSource::CommandLine)
    {
        let text =
            "demo monitors simulated PBXes and reads no --config.file; remove the flag, or remove `demo`";
        command.error(ErrorKind::ArgumentConflict, text).exit();
    }
}

/// What is in memory, secrets among it, is not left on a disk by a crash.
fn limit_core_dumps(options: &Options) {
    if options.core_dumps {
        return;
    }
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "failed to forbid core dumps: a crash may leave secrets on the disk");
    }
}

fn command() -> clap::Command {
    Cli::command()
}

fn not_begun(errors: &[String], output: terminal::Output) {
    print_errors(errors);
    if output == terminal::Output::Json {
        let told = serde_json::json!({ "format": 1, "error": { "message": errors.join("\n") } });
        let _ = writeln!(std::io::stdout(), "{told:#}");
    }
}

fn print_errors(errors: &[String]) {
    for error in errors {
        // Where nobody listens, the exit code remains.
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
}

async fn dispatch(cli: Cli, metrics: Arc<ExporterMetrics>) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Extensions(args)) => Ok(extensions::run(&args, &cli.options.config_file).await),
        Some(Command::Authorize(args)) => {
            Ok(authorize::run(&args, &cli.options.config_file, &cli.options.web).await)
        }
        Some(Command::Demo) => demo::run(&cli.options, metrics).await,
        Some(Command::Diagnose(args)) => Ok(diagnose::run(args, &cli.options.config_file).await),
        Some(Command::Healthcheck(args)) => Ok(healthcheck::run(&args, &cli.options.web).await),
        Some(Command::TestConnection(args)) => Ok(test_connection::run(args, &cli.options.config_file).await),
        _ => serve::run(&cli.options, metrics).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line calls of ours, up to a pipe or the next command.
    fn calls(text: &str) -> impl Iterator<Item = &str> {
        let lines = text.lines().flat_map(|line| line.split(['`', ';', '|']));
        let starts = |part: &str| {
            part.find("pbx_exporter --config.file").or_else(|| part.find("pbx_exporter healthcheck"))
        };
        lines.filter_map(move |part| part.get(starts(part)?..))
    }

    #[test]
    fn each_command_flag_and_variable_is_documented_and_no_other() {
        let text = include_str!("../../docs/commands.md");
        let (mut missing, mut known) = (Vec::new(), vec!["--help".to_owned(), "--version".to_owned()]);
        let mut command = command();
        command.build();
        let names = |command: &clap::Command| {
            let names = std::iter::once(command.get_name()).chain(command.get_visible_aliases());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let commands: Vec<_> = command.get_subcommands().filter(|one| one.get_name() != "help").collect();
        for name in commands.iter().flat_map(|command| names(command)) {
            let is_there = [format!("`{name}`"), format!("`{name} ")].iter().any(|word| text.contains(word));
            missing.extend((!is_there).then_some(name));
        }
        for arg in command.get_arguments().chain(commands.iter().flat_map(|command| command.get_arguments()))
        {
            known.extend(arg.get_long().map(|long| format!("--{long}")));
            let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            missing.extend(variable.filter(|name| !text.contains(&format!("`{name}`"))));
        }
        missing.extend(known.iter().filter(|flag| !text.contains(&format!("`{flag}"))).cloned());
        assert!(missing.is_empty(), "docs/commands.md lacks {missing:?}");
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && !"-._".contains(c)) {
            let is_flag = word.starts_with("--") && word.len() > 3 && !word.starts_with("---");
            assert!(
                !is_flag || known.iter().any(|flag| flag == word.trim_end_matches('.')),
                "no flag {word}"
            );
        }
    }

    #[test]
    fn the_commands_in_the_runbooks_are_those_of_this_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for call in calls(&text) {
                let parsed = Cli::try_parse_from(call.split_whitespace());
                assert!(parsed.is_ok_and(|cli| cli.command.is_some()), "{call}");
                seen += 1;
            }
        }
        assert!(seen > 20, "{seen} commands");
    }
}
