//! `pbx_exporter check`: validates the configuration without contacting anyone.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::config::{self, Config, ConfigErrors, Lookup};
use crate::domain::Target;
use crate::domain::target::Call;
use crate::platform;
use crate::transport::HttpTransport;

/// Validate the configuration offline, or print its JSON Schema.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// Take warnings, and notes of what the service cannot do as things are, for errors. Run it as the service's user.
    #[arg(long)]
    pub strict: bool,
    /// Print the JSON Schema of a configuration file instead.
    #[arg(long)]
    pub schema: bool,
    /// Print the description of a built-in platform instead, as a template for your own.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "schema",
        value_parser = PossibleValuesParser::new(platform::names())
    )]
    pub platform: Option<String>,
}

/// Runs the command on the process's environment and standard streams. Exit code 0: valid, also with
/// warnings; 1: errors.
pub fn run(args: &CheckArgs, patterns: &[String]) -> ExitCode {
    let lookup = |name: &str| std::env::var(name).ok();
    match write(args, patterns, &lookup, &mut io::stdout().lock(), &mut io::stderr().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        // A reader that left early (`check | head`) is no news to print.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// The command on given streams; true: valid.
pub fn write(
    args: &CheckArgs,
    patterns: &[String],
    lookup: Lookup<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    if args.schema {
        writeln!(out, "{:#}", config::schema::value())?;
        return Ok(true);
    }
    if let Some(text) = args.platform.as_deref().and_then(platform::text) {
        out.write_all(text.as_bytes())?;
        return Ok(true);
    }
    match load(patterns, lookup) {
        Ok(config) if !config.unreadable.is_empty() => tell(&config.unreadable, err),
        Ok(config) => summary(&config, args.strict, out, err),
        Err(errors) => tell(&errors, err),
    }
}

fn tell(errors: &[String], err: &mut dyn Write) -> io::Result<bool> {
    for error in errors {
        writeln!(err, "error: {error}")?;
    }
    Ok(false)
}

/// The configuration, its TLS and proxy settings tried out as well. Contacts nobody.
pub fn load(patterns: &[String], lookup: Lookup<'_>) -> Result<Config, Vec<String>> {
    config::load_tried(patterns, lookup, &HttpTransport::validate).map_err(lines)
}

pub(super) fn lines(errors: ConfigErrors) -> Vec<String> {
    errors.0.into_iter().map(|issue| issue.to_string()).collect()
}

fn summary(config: &Config, strict: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<bool> {
    for note in &config.notes {
        writeln!(err, "note: {note}")?;
    }
    let (notes, warnings) = if strict { ("error", "error") } else { ("note", "warning") };
    for note in &config.unable {
        writeln!(err, "{notes}: {note}")?;
    }
    for warning in &config.warnings {
        writeln!(err, "{warnings}: {warning}")?;
    }
    if strict && !(config.unable.is_empty() && config.warnings.is_empty()) {
        return Ok(false);
    }
    for target in &config.targets {
        writeln!(out, "{}", line(target))?;
    }
    let (targets, files) = (config.targets.len(), config.files.len());
    let from = if files == 0 { "the environment".to_owned() } else { count(files, "file") };
    writeln!(
        out,
        "{} from {from}: valid, {}",
        count(targets, "target"),
        count(config.warnings.len(), "warning")
    )?;
    Ok(true)
}

fn line(target: &Target) -> String {
    let call = match &target.call {
        Call::Known(name) => name.to_string(),
        // A query may carry a key.
        Call::Custom(call) => {
            let path = call.request.path.split('?').next().unwrap_or_default();
            format!("{} {path}", http::Method::from(call.request.method))
        }
    };
    format!(
        "{}: {} {}, grant {}, calls {call} every {}",
        target.name,
        target.platform.name,
        target.place(),
        target.auth.grant,
        humantime::format_duration(target.interval),
    )
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
