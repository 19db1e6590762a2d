//! Records what built the crate: the compiler's version and, in release builds, the git revision
//! (debug builds say `unknown`, so that a commit alone does not make them stale).

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PBX_EXPORTER_REVISION");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = output(&rustc, &["--version"]).and_then(|v| v.split(' ').nth(1).map(str::to_owned));
    set("PBX_EXPORTER_RUSTC", version.as_deref());
    set("PBX_EXPORTER_BUILT", Some(&built()));
    let given = std::env::var("PBX_EXPORTER_REVISION").ok().filter(|revision| !revision.is_empty());
    set("PBX_EXPORTER_REVISION", given.or_else(revision).as_deref());
}

/// A time before which this was certainly not built, Unix seconds: enough to find a clock that is wrong.
fn built() -> String {
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    let committed = || output("git", &["log", "-1", "--format=%ct"]);
    given.or_else(committed).filter(|time| time.parse::<u64>().is_ok()).unwrap_or_else(|| "0".into())
}

fn revision() -> Option<String> {
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return None;
    }
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
    output("git", &["rev-parse", "--short=12", "HEAD"])
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

fn set(name: &str, value: Option<&str>) {
    println!("cargo:rustc-env={name}={}", value.unwrap_or("unknown"));
}
