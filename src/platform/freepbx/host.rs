//! What failed before the API module was asked, or beside it: database, disk, PHP. Every request of FreePBX goes through them
//! (FreePBX/framework: `admin/api/api.php`, `admin/ajax.php`, `/etc/freepbx.conf`, `admin/bootstrap.php`).

use super::body::{Body, Exception};
use super::database;
use crate::domain::cause::Host;

/// What any of the exceptions, or PHP's own page, says of the host; `None`: nothing.
pub fn read(body: &Body) -> Option<Host> {
    let exceptions = || body.exceptions();
    exceptions()
        .find_map(|exception| database::read(&exception))
        .or_else(|| body.complaints().filter(|text| text.contains("SQLSTATE[")).find_map(database::read_text))
        .or_else(|| exceptions().find_map(|exception| of_exception(&exception)))
        .or_else(|| body.printed()?.warnings().find_map(of_warning))
        .or_else(|| of_page(body))
}

fn of_exception(exception: &Exception) -> Option<Host> {
    let says = |words: &str| exception.message.contains(words);
    Some(if says("No space left on device") || says("Disk quota exceeded") {
        Host::DiskFull { code: "PHP says so".into() }
    } else if says("Allowed memory size of ") || says("Out of memory (allocated") {
        Host::PhpMemory
    } else if says("Maximum execution time of ") {
        Host::PhpTime
    } else if says("Composer detected issues in your platform") {
        Host::PhpVersion
    } else if says("could not find driver") {
        Host::PhpExtension
    } else if says("ionCube") || says("SourceGuardian") {
        Host::PhpLoader
    } else if says("/etc/freepbx.conf") {
        Host::SettingsUnreadable
    } else if says("Slim\\Http\\Stream") {
        Host::Masked
    } else {
        return None;
    })
}

/// PHP goes on after a warning; what failed then often fails for the same cause.
fn of_warning(message: &str) -> Option<Host> {
    let warning = Exception { kind: "", message, code: None, state: None, file: "" };
    database::read(&warning).or_else(|| of_exception(&warning))
}

fn of_page(body: &Body) -> Option<Host> {
    let printed = body.printed()?;
    if printed.needs_loader() {
        return Some(Host::PhpLoader);
    }
    printed.says("Composer detected issues in your platform").then_some(Host::PhpVersion)
}

/// What is left of an exception that nobody knows: PHP's own complaint, or a module's. `class`: as it may be shown.
pub fn unnamed(exception: &Exception, class: &str) -> Option<Host> {
    let module = exception.module();
    // E_ERROR, E_PARSE and their kind come in the same class, and are no warnings.
    if exception.is("ErrorException") && !matches!(exception.code, Some(1 | 4 | 16 | 64 | 256 | 4096)) {
        return Some(match module {
            Some(module) => Host::PhpWarning { module: module.into() },
            None => Host::PhpWarningUnnamed,
        });
    }
    module.map(|module| Host::PhpException { class: class.into(), module: module.into() })
}

/// What PHP printed in place of an answer, where nothing finer is known of it.
pub fn printed(body: &Body, failed: bool) -> Option<Host> {
    let printed = body.printed()?;
    Some(if printed.is_fatal() || failed { Host::PhpFatal } else { Host::PhpOutput })
}

/// Whether no request can be answered as long as this lasts, and it lasts.
pub fn stops_all(cause: &Host) -> bool {
    matches!(
        cause,
        Host::DatabaseDown { .. }
            | Host::DatabaseUnreachable { .. }
            | Host::DatabaseFull { .. }
            | Host::DatabasePassword { .. }
            | Host::DatabaseNoRight { .. }
            | Host::DatabaseAbsent { .. }
            | Host::DatabaseHostRefused { .. }
            | Host::PhpVersion
            | Host::PhpLoader
            | Host::PhpExtension
            | Host::SettingsUnreadable
    )
}
