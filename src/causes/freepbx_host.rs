//! Of what stands before FreePBX's API module: database, disk, PHP. The first step never changes anything.

use super::Words;
use crate::domain::cause::Host;
use crate::domain::platform::Certainty::{Certain, Likely, Open};

pub(super) const NO_UPGRADE: &str = "Do not upgrade or reinstall modules while the database may be sick: that changes tables, and can make an \
                          outage worse.";
const NO_KEYS: &str = "Do not make new API keys and do not change credentials: neither is what failed, and new keys end the tokens of all applications.";
const NO_DROP: &str = "Do not delete files in MariaDB's data folder, and do not restore a backup before the tables were looked at.";
const NO_UPGRADE_YET: &str = "Do not upgrade before it is known what was updated last: in a database that is sick for another cause, that can make \
                              the outage worse.";
const NO_PHP_ALL: &str =
    "Do not upgrade all modules for this: PHP itself says what stopped it, and it is not their versions.";

/// Core's `getAllDevicesByType()` (16 and 17) catches each exception of its query.
pub(super) const EMPTY_LIST: &str = "Either this PBX has no extensions (or is another than you think), or FreePBX's query failed and it hid that: with a damaged table, a lock or a lost \
                                     connection it answers with an empty list. Before anybody restores or creates extensions, look at the list in \
                                     its web interface, or run `SELECT COUNT(*) FROM devices` and `mysqlcheck asterisk devices` on the PBX.";

const DATABASE: Words = Words {
    title: "FreePBX has trouble with its database",
    wrong: "",
    fix: "",
    certainty: Certain,
    because: "FreePBX repeats what its database answered; every request connects to it before the API module is asked.",
    avoid: &[NO_UPGRADE, NO_KEYS],
};
const TABLES: Words = Words { avoid: &[NO_UPGRADE, NO_KEYS, NO_DROP], ..DATABASE };
const PHP: Words = Words {
    title: "PHP stopped FreePBX",
    because: "PHP of the PBX says so itself, in place of the API's answer.",
    avoid: &[NO_PHP_ALL, NO_KEYS],
    ..DATABASE
};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) const fn words(cause: &Host) -> Words {
    match cause {
        Host::DatabaseDown { .. } => Words { title: "the PBX's database is not running", ..DATABASE }.say(
            "FreePBX cannot connect to its database at {asked}: MariaDB is not running, or not listening where FreePBX looks ({code}).",
            "On the PBX: `systemctl status mariadb` (`mysqld` on older systems) and `df -h`. If the disk has room, `systemctl start \
             mariadb`; if it stops again, `journalctl -u mariadb` and MariaDB's own log say why. Calls may still work meanwhile.",
        ),
        Host::DatabaseUnreachable { .. } => Words { title: "the PBX's database cannot be reached", ..DATABASE }.say(
            "FreePBX cannot reach its database at {asked}: its host does not answer, or the name does not resolve ({code}).",
            "Compare AMPDBHOST in /etc/freepbx.conf with the database's host, then try `mysqladmin -h HOST ping` on the PBX. A \
             firewall between the two is the next suspect.",
        ),
        Host::DatabaseFull { .. } => Words { title: "the database takes no more connections", ..DATABASE }.say(
            "FreePBX gets no connection to its database at {asked}: all that MariaDB allows are in use ({code}). Errors 1203 and 1226 are a limit of FreePBX's own user.",
            "Look who holds them: `mysqladmin processlist` on the PBX. Many that sleep or wait for one lock point to a hanging \
             program; end that one first. Raise max_connections only if all of them are real work.",
        ),
        Host::DatabasePassword { .. } => Words { title: "the database refuses FreePBX's password", ..DATABASE }.say(
            "The database refuses the account of FreePBX itself at {asked} ({code}). It is not this exporter's credential.",
            "Compare AMPDBUSER and AMPDBPASS in /etc/freepbx.conf with MariaDB: `mysql -u AMPDBUSER -p` on the PBX. If the password \
             was changed on one side, restore it. Any code except 1045: the account's plugin does not fit, or its password expired (`SELECT \
             user, host, plugin FROM mysql.user`).",
        ),
        Host::DatabaseNoRight { .. } => Words { title: "the database gives FreePBX no right", ..DATABASE }.say(
            "The database knows FreePBX's user but gives it no right to what {asked} needs ({code}).",
            "Look with `SHOW GRANTS FOR 'AMPDBUSER'@'localhost'` (the user is in /etc/freepbx.conf), then `GRANT` what was taken away on \
             the database asterisk.",
        ),
        Host::DatabaseAbsent { .. } => Words { title: "FreePBX's database is not there", ..TABLES }.say(
            "The database server runs, but FreePBX's database is not there at {asked} ({code}).",
            "Compare AMPDBNAME in /etc/freepbx.conf with `SHOW DATABASES`. If the name is right and the database is gone, find out what \
             removed it before a backup is restored.",
        ),
        Host::DatabaseHostRefused { .. } => Words { title: "the database refuses the PBX's host", ..DATABASE }.say(
            "The database refuses connections from the PBX's own address at {asked} ({code}).",
            "Error 1130: no account is for that host, so compare AMPDBHOST in /etc/freepbx.conf with `SELECT user, host FROM mysql.user`. \
             Error 1129: blocked after many broken connections, `mysqladmin flush-hosts` ends that.",
        ),
        Host::TableMissing { .. } => Words {
            title: "a table is missing in FreePBX's database",
            because: "The database says so. Why it is missing it does not say: an update that stopped half way, a table removed, or a damaged one.",
            avoid: &[NO_UPGRADE_YET, NO_KEYS, NO_DROP],
            ..TABLES
        }
        .say(
            "The database misses a table that {asked} needs ({code}); which one is in the error log of the PBX's web server.",
            "First look what was updated last (`fwconsole ma list`, Module Admin) and whether the table can be read: `mysqlcheck \
             asterisk`. Only if an update stopped half way, finish it: `fwconsole ma upgradeall`.",
        ),
        Host::ColumnMissing { .. } => Words {
            title: "a column is missing in FreePBX's database",
            because: "The database says so: code and table are of different versions. Which of them is behind, it does not say.",
            avoid: &[NO_UPGRADE_YET, NO_KEYS, NO_DROP],
            ..TABLES
        }
        .say(
            "A table lacks a column that {asked} needs ({code}); which one is in the error log of the PBX's web server.",
            "First look what was updated or restored last (`fwconsole ma list`, Module Admin). If an update stopped half way, finish it: \
             `fwconsole ma upgradeall`.",
        ),
        Host::DatabaseReadOnly { .. } => Words { title: "the PBX's database is read-only", ..TABLES }.say(
            "The database refuses to write at {asked}: it is read-only ({code}).",
            "`SELECT @@read_only, @@innodb_force_recovery` says whether a setting does it (a replica, a repair that was not finished); \
             `mount` and `dmesg` say whether the disk failed and its file system was made read-only.",
        ),
        Host::DatabaseLocked { .. } => Words { title: "the database was locked", ..DATABASE }.say(
            "FreePBX waited too long for a lock in its database at {asked} ({code}). Usually this passes by itself.",
            "If it comes back, look who holds the lock: `mysqladmin processlist` on the PBX; a backup or a long report is the usual one.",
        ),
        Host::TableCrashed { .. } => Words { title: "a table of the PBX is damaged", ..TABLES }.say(
            "A table that {asked} needs is damaged ({code}), as happens after a power cut or a full disk.",
            "Look at the disk first (`df -h`, `dmesg`), and find the table with `mysqlcheck asterisk`. Stop MariaDB, copy its data folder, \
             start it again; then `mysqlcheck --repair asterisk TABLE` (MyISAM and Aria only: for InnoDB see MariaDB's log).",
        ),
        Host::TableFileGone { .. } => Words { title: "a table's file cannot be opened", ..TABLES }.say(
            "The database cannot open the file of a table that {asked} needs ({code}): it is gone, or not MariaDB's to read.",
            "Look at owner and files in MariaDB's data folder (`ls -l /var/lib/mysql/asterisk`) and at its log. If the file is gone, that \
             table comes back from a backup alone.",
        ),
        Host::DatabaseLost { .. } => Words {
            title: "the database ended the connection",
            certainty: Likely,
            because: "The connection ended while it was in use: MariaDB was restarted, killed or has crashed, or the connection reached a time or packet limit.",
            ..DATABASE
        }
        .say(
            "The database ended FreePBX's connection in the middle of {asked} ({code}).",
            "A single one needs no action. If it comes back, MariaDB restarts or dies: `systemctl status mariadb`, `journalctl -u mariadb`, and \
             `dmesg` for the kernel that ended it because memory ran out.",
        ),
        Host::DatabaseTrouble { .. } => Words {
            because: "That the database reported it is certain; this exporter does not know this code.",
            ..DATABASE
        }
        .say(
            "FreePBX's database reported an error at {asked} ({code}), of a kind that is not known here.",
            "The whole text is in the error log of the PBX's web server. Look there, then at `systemctl status mariadb`, `df -h` and \
             `mysqlcheck asterisk`, which change nothing.",
        ),
        Host::DiskFull { .. } => Words { title: "the PBX's disk is full", ..TABLES }.say(
            "Something that {asked} needs could not be written, because there is no room left ({code}).",
            "`df -h` and `df -i` on the PBX: recordings, logs, backups and old PHP session files are the usual ones. Make room, then \
             `mysqlcheck asterisk`: a full disk damages tables.",
        ),
        Host::Masked => Words {
            title: "the PBX fails, and its error handler hides why",
            certainty: Open,
            because: "The exception is of the API's own error handler, which broke while it reported another one. Nothing in the answer says \
                      which.",
            avoid: &[
                NO_UPGRADE,
                "Do not make new API keys before the database, the disk and the file's owner were looked at: new keys end the tokens of all \
                 applications.",
            ],
            ..DATABASE
        }
        .say(
            "FreePBX failed inside at {asked}, and its own error handler hides why.",
            "First the database: `systemctl status mariadb`, `df -h`, and `mysqlcheck asterisk` (the tables api_* have to be there). Only \
             then the private key: `ls -l` on api_oauth.key in /etc/asterisk/keys, then `fwconsole chown`. The error log of the \
             PBX's web server may name the cause.",
        ),
        Host::TokenCheckFailed => Words {
            title: "the PBX could not check the token",
            certainty: Likely,
            because: "The API gives this hint for any error inside it while it looks the token up in the database. A refused token has other \
                      hints, so this one is not known to be bad.",
            avoid: &[NO_UPGRADE, NO_KEYS, "Do not delete rows of api_access_tokens: that ends the tokens of other applications."],
            ..DATABASE
        }
        .say(
            "FreePBX failed inside while it checked the token at {asked}. The token is not known to be bad, and is kept.",
            "The database is the first suspect: `systemctl status mariadb`, `df -h`, and `mysqlcheck asterisk` (the table \
             api_access_tokens). Next a proxy that alters the Authorization header.",
        ),
        Host::PhpMemory => Words { title: "PHP's memory limit is too small", ..PHP }.say(
            "PHP stopped FreePBX at {asked}: its memory limit was reached.",
            "Look at memory_limit in the php.ini of the PBX's web server, raise it, and restart Apache or PHP-FPM. {smaller}",
        ),
        Host::PhpTime => Words { title: "PHP's time limit was reached", ..PHP }.say(
            "PHP stopped FreePBX at {asked}: its time limit, max_execution_time, was reached.",
            "Something behind it is slow or hangs: `asterisk -rx 'core show uptime'`, `mysqladmin processlist`, `df -h`. Raise the limit in \
             php.ini only if it is the size of the list alone.",
        ),
        Host::PhpWarning { .. } => Words {
            title: "a PHP warning in one module",
            certainty: Likely,
            avoid: &[NO_UPGRADE, NO_KEYS],
            because: "FreePBX turns each PHP warning into an error for the API; the file it names is of that module.",
            ..PHP
        }
        .say(
            "Code of the module {module} caused a PHP warning at {asked}, and FreePBX turns that into an error.",
            "Read the warning in the error log of the PBX's web server, and look at `systemctl status mariadb` and `df -h`: a failed query \
             often shows up as a warning. If these are fine and PHP was updated last (`php -v`), update that module alone: `fwconsole ma \
             upgrade {module}`.",
        ),
        Host::PhpWarningUnnamed => Words {
            title: "a PHP warning stopped FreePBX",
            certainty: Open,
            because: "FreePBX turns each PHP warning into an error for the API; the file it names is of no module.",
            ..PHP
        }
        .say(
            "PHP code of FreePBX caused a warning at {asked}, and FreePBX turns that into an error.",
            "The text is in the error log of the PBX's web server. Look there, at `df -h`, and whether PHP was updated last (`php -v`).",
        ),
        Host::PhpException { .. } => Words {
            title: "code of one module failed",
            certainty: Open,
            because: "That it failed in that module is certain. Why is in the PBX's log; the answer gives the class alone.",
            avoid: &[NO_UPGRADE, NO_KEYS],
            ..PHP
        }
        .say(
            "PHP code of the module {module} failed at {asked} with an uncaught exception ({class}).",
            "Look into freepbx.log and the error log of the PBX's web server, and at `systemctl status mariadb` and `df -h`. If these are \
             fine, update that module alone: `fwconsole ma upgrade {module}`.",
        ),
        Host::PhpVersion => Words { title: "PHP lacks what FreePBX requires", ..PHP }.say(
            "A library of FreePBX requires another version of PHP, or an extension that is missing, so {asked} fails before FreePBX starts.",
            "The error log of the PBX's web server names it. Compare `php -v` and `php -m` with what the web server runs (`systemctl status \
             php-fpm`): a PHP update or a switch of its version is the usual cause.",
        ),
        Host::PhpLoader => Words { title: "PHP's loader for encoded files is missing", ..PHP }.say(
            "PHP of the PBX lacks the loader (ionCube or alike) for encoded modules, so {asked} fails before FreePBX starts.",
            "`php -m` shows whether it is there; a PHP update is the usual cause. Install the loader for the PHP version in use, then restart \
             Apache or PHP-FPM.",
        ),
        Host::PhpExtension => Words { title: "PHP's database driver is missing", ..PHP }.say(
            "PHP of the PBX has no driver for the database, so {asked} fails.",
            "`php -m` has to show pdo_mysql; install the package for the PHP version in use (`php-mysql`), then restart Apache or PHP-FPM.",
        ),
        Host::SettingsUnreadable => Words { title: "/etc/freepbx.conf cannot be read", ..PHP }.say(
            "PHP cannot read /etc/freepbx.conf, so {asked} fails before FreePBX starts.",
            "Look at it with `ls -l /etc/freepbx.conf`: it has to be there and readable for the web server's user; `fwconsole chown` sets \
             owner and mode.",
        ),
        Host::PhpFatal => Words {
            certainty: Open,
            because: "That PHP gave up is certain. Its text names why, and is not repeated here.",
            avoid: &[NO_UPGRADE, NO_KEYS],
            ..PHP
        }
        .say(
            "PHP of the PBX gave up at {asked} with a fatal error, and printed it in place of an answer.",
            "The same text is in the error log of the PBX's web server. Look there, at `systemctl status mariadb` and `df -h`, and whether \
             PHP or a module was updated last.",
        ),
        Host::PhpOutput => Words {
            title: "PHP prints messages into the API's answers",
            avoid: &["Do not change credentials, scopes or modules for this: the answer itself may be good."],
            ..PHP
        }
        .say(
            "PHP of the PBX prints messages into the answer to {asked}, so that no whole JSON can be found in it.",
            "Turn display_errors off in the php.ini of the PBX's web server and restart Apache or PHP-FPM: the messages then go to its error \
             log, which names the file.",
        ),
    }
}
