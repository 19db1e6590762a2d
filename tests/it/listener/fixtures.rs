//! Web configuration files with verdict and text: ours, promtool's, and exporter-toolkit's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use pbx_exporter::listener::web_config::check;

use crate::support::kept::kept_file;
use crate::support::tls::Authority;

/// What a file is to be.
enum Verdict {
    /// Everybody takes it.
    Good,
    /// The same, and we warn with this in the line.
    Warned(&'static str),
    /// Nobody does, and we say this.
    Bad(&'static str),
    /// We alone do not take it, and say this.
    Stricter(&'static str),
}

use Verdict::{Bad, Good, Stricter, Warned};

const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

/// What is new since the toolkit of Debian 12's promtool: inline PEM, SANs, rate limit, some texts.
const NEW: bool = true;
const OLD: bool = false;

/// Name, whether Debian's promtool is too old, what stands in the file, verdict. `TLS` stands for a certificate and its key,
/// `HASH` for a hash.
const FILES: [(&str, bool, &str, Verdict); 58] = [
    ("empty", OLD, "", Good),
    ("comment", OLD, "# nothing\n", Good),
    ("tls_null", OLD, "tls_server_config:\n", Good),
    ("tls_empty", OLD, "tls_server_config: {}", Good),
    ("tls", OLD, "tls_server_config: {TLS}", Good),
    ("tls_inline", NEW, "tls_server_config: {cert: PEM, key: PEM}", Good),
    ("file_before_inline", NEW, "tls_server_config: {cert: x, key: y, TLS}", Good),
    ("cert_only", OLD, "tls_server_config: {cert_file: cert.pem}", Bad("missing one of key or key_file")),
    ("key_only", OLD, "tls_server_config: {key_file: key.pem}", Bad("missing one of cert or cert_file")),
    (
        "auth_only",
        OLD,
        "tls_server_config: {client_auth_type: NoClientCert}",
        Bad("missing one of cert or cert_file"),
    ),
    (
        "cert_absent",
        OLD,
        "tls_server_config: {cert_file: absent.pem, key_file: key.pem}",
        Bad("failed to read cert_file ("),
    ),
    (
        "key_absent",
        NEW,
        "tls_server_config: {cert_file: cert.pem, key_file: absent.pem}",
        Bad("failed to read key_file ("),
    ),
    (
        "key_of_another",
        OLD,
        "tls_server_config: {cert_file: cert.pem, key_file: other.pem}",
        Bad("failed to load X509KeyPair: "),
    ),
    (
        "cert_no_pem",
        OLD,
        "tls_server_config: {cert_file: text.txt, key_file: key.pem}",
        Bad("failed to load X509KeyPair: "),
    ),
    (
        "key_no_pem",
        OLD,
        "tls_server_config: {cert_file: cert.pem, key_file: text.txt}",
        Bad("failed to load X509KeyPair: "),
    ),
    (
        "unknown_key",
        OLD,
        "tls_server_config:\n  cert_filse: x\n",
        Bad("yaml: unmarshal errors:\n  line 2: field cert_filse not found in type web.TLSConfig"),
    ),
    ("unknown_section", OLD, "tls_config: {}", Bad("line 1: field tls_config not found in type web.Config")),
    (
        "unknown_http_key",
        OLD,
        "http_server_config: {http3: true}",
        Bad("field http3 not found in type web.HTTPConfig"),
    ),
    (
        "unknown_rate_key",
        NEW,
        "rate_limit: {bursts: 1}",
        Bad("field bursts not found in type web.RateLimiterConfig"),
    ),
    ("twice", OLD, "http_server_config: {http2: true, http2: false}", Bad("already set in")),
    ("no_yaml", OLD, "tls_server_config: [", Bad("yaml: ")),
    ("wrong_kind", OLD, "tls_server_config: text", Bad("cannot unmarshal")),
    ("auth_any", OLD, "tls_server_config: {TLS, client_auth_type: RequireAnyClientCert}", Good),
    ("auth_legacy", OLD, "tls_server_config: {TLS, client_auth_type: RequireClientCert}", Good),
    ("auth_request", OLD, "tls_server_config: {TLS, client_auth_type: RequestClientCert}", Good),
    (
        "auth_verify_if",
        OLD,
        "tls_server_config: {TLS, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}",
        Good,
    ),
    (
        "auth_verify",
        OLD,
        "tls_server_config: {TLS, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}",
        Good,
    ),
    (
        "auth_without_ca",
        OLD,
        "tls_server_config: {TLS, client_auth_type: RequireAndVerifyClientCert}",
        Warned("verified without client_ca"),
    ),
    (
        "auth_wrong",
        OLD,
        "tls_server_config: {TLS, client_auth_type: requireAny}",
        Bad("invalid ClientAuth: requireAny"),
    ),
    (
        "ca_without_auth",
        OLD,
        "tls_server_config: {TLS, client_ca_file: ca.pem}",
        Bad("client CA's have been configured without a Client Auth Policy"),
    ),
    (
        "ca_absent",
        OLD,
        "tls_server_config: {TLS, client_auth_type: RequireAndVerifyClientCert, client_ca_file: absent.pem}",
        Bad("absent.pem"),
    ),
    (
        "ca_no_pem",
        OLD,
        "tls_server_config: {TLS, client_auth_type: RequireAndVerifyClientCert, client_ca_file: text.txt}",
        Stricter("client_ca holds no certificate"),
    ),
    (
        "sans",
        NEW,
        "tls_server_config: {TLS, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [a.example.com]}",
        Good,
    ),
    (
        "sans_empty",
        NEW,
        "tls_server_config: {TLS, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: []}",
        Good,
    ),
    (
        "sans_unverified",
        NEW,
        "tls_server_config: {TLS, client_auth_type: RequireAnyClientCert, client_allowed_sans: [a]}",
        Warned("anybody can make one"),
    ),
    ("versions", OLD, "tls_server_config: {TLS, min_version: TLS12, max_version: TLS13}", Good),
    ("version_old", OLD, "tls_server_config: {TLS, min_version: TLS10}", Warned("TLS10 is not spoken")),
    (
        "version_only_old",
        OLD,
        "tls_server_config: {TLS, min_version: TLS10, max_version: TLS11}",
        Stricter("leave no TLS version"),
    ),
    (
        "version_swapped",
        OLD,
        "tls_server_config: {TLS, min_version: TLS13, max_version: TLS12}",
        Stricter("leave no TLS version"),
    ),
    ("version_wrong", OLD, "tls_server_config: {TLS, min_version: TLS14}", Bad("unknown TLS version: TLS14")),
    (
        "suites",
        OLD,
        "tls_server_config: {TLS, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]}",
        Good,
    ),
    (
        "suites_cbc",
        OLD,
        "tls_server_config: {TLS, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]}",
        Warned("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is not among"),
    ),
    (
        "suites_without_h2",
        OLD,
        "tls_server_config: {TLS, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]}",
        Stricter("http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher"),
    ),
    ("suites_wrong", OLD, "tls_server_config: {TLS, cipher_suites: [TLS_X]}", Bad("unknown cipher: TLS_X")),
    (
        "curves",
        OLD,
        "tls_server_config: {TLS, curve_preferences: [CurveP521, X25519]}",
        Warned("CurveP521 is not among"),
    ),
    (
        "curves_none_left",
        OLD,
        "tls_server_config: {TLS, curve_preferences: [CurveP521]}",
        Stricter("curve_preferences leaves no curve"),
    ),
    (
        "curves_wrong",
        OLD,
        "tls_server_config: {TLS, curve_preferences: [CurveX]}",
        Bad("unknown curve: CurveX"),
    ),
    (
        "headers",
        OLD,
        "http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: 1, X-Content-Type-Options: nosniff, Strict-Transport-Security: max-age=1, Content-Security-Policy: x}}",
        Good,
    ),
    (
        "header_unknown",
        OLD,
        "http_server_config: {headers: {Server: x}}",
        Bad("HTTP header \"Server\" can not be configured"),
    ),
    (
        "header_case",
        OLD,
        "http_server_config: {headers: {x-frame-options: deny}}",
        Bad("HTTP header \"x-frame-options\" can not be configured"),
    ),
    (
        "header_value",
        OLD,
        "http_server_config: {headers: {X-Frame-Options: DENY}}",
        Bad(
            "invalid value for X-Frame-Options. Expected one of: [\"deny\" \"sameorigin\"], but got: \"DENY\"",
        ),
    ),
    ("users", OLD, "basic_auth_users: {alice: HASH, bob: HASH}", Good),
    ("users_none", OLD, "basic_auth_users: {}", Good),
    (
        "user_short",
        OLD,
        "basic_auth_users: {alice: secret-canary}",
        Bad("crypto/bcrypt: hashedSecret too short to be a bcrypted password"),
    ),
    (
        "user_plain",
        OLD,
        "basic_auth_users: {alice: secret-canary-that-is-as-long-as-a-hash-would-be-and-longer-still}",
        Bad("crypto/bcrypt: bcrypt hashes must start with '$'"),
    ),
    (
        "user_argon",
        OLD,
        "basic_auth_users: {alice: '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG'}",
        Bad("requested is newer than current version '2'"),
    ),
    (
        "user_cost",
        OLD,
        "basic_auth_users: {alice: $2y$03$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}",
        Bad("crypto/bcrypt: "),
    ),
    ("rate", NEW, "rate_limit: {interval: 100ms, burst: 0}", Good),
];

/// The files, and the folder that they are in with what they name.
fn write() -> (Authority, Vec<PathBuf>) {
    let authority = Authority::new();
    let (own, other) = (authority.good(), authority.good());
    authority.ca_file();
    authority.file("cert.pem", &own.certificate_pem);
    authority.file("key.pem", &own.key_pem());
    authority.file("other.pem", &other.key_pem());
    authority.file("text.txt", "no PEM\n");
    let quoted = |pem: &str| format!("{pem:?}");
    let inline = format!("cert: {}, key: {}", quoted(&own.certificate_pem), quoted(&own.key_pem()));
    let paths = FILES.iter().map(|(name, _, text, _)| {
        let text = text.replace("cert: PEM, key: PEM", &inline);
        let text = text.replace("TLS,", "cert_file: cert.pem, key_file: key.pem,");
        let text = text.replace("{TLS}", "{cert_file: cert.pem, key_file: key.pem}");
        let text = text.replace(" TLS}", " cert_file: cert.pem, key_file: key.pem}");
        authority.file(&format!("{name}.yml"), &text.replace("HASH", HASH))
    });
    let paths: Vec<_> = paths.collect();
    (authority, paths)
}

/// Asserts of each file whether somebody else takes it.
fn assert_verdicts(what: &str, skip: bool, takes: impl Fn(&Path) -> (bool, String)) {
    let (_folder, paths) = write();
    let mut wrong = Vec::new();
    for ((name, is_new, _, verdict), path) in FILES.iter().zip(paths) {
        if *is_new && skip {
            continue;
        }
        let (is_good, said) = takes(&path);
        if is_good != matches!(verdict, Good | Warned(_) | Stricter(_)) {
            wrong.push(format!("{name}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{what} differs: {wrong:#?}");
}

#[test]
fn each_file_has_its_verdict_and_text_and_no_secret_in_it() {
    let (_folder, paths) = write();
    for ((name, _, _, verdict), path) in FILES.iter().zip(paths) {
        let seen = check(&path);
        match (verdict, &seen) {
            (Good, Ok(warnings)) => assert!(warnings.is_empty(), "{name}: {warnings:?}"),
            (Warned(part), Ok(warnings)) => {
                assert!(warnings.iter().any(|warning| warning.contains(part)), "{name}: {warnings:?}");
            }
            (Bad(part) | Stricter(part), Err(text)) => {
                assert!(text.contains(part) && !text.contains("canary"), "{name}: {text}");
            }
            _ => panic!("{name}: {seen:?}"),
        }
    }
}

#[test]
#[ignore = "needs promtool"]
fn debians_promtool_is_of_one_mind() {
    assert_verdicts("promtool", true, |path| {
        let checked = Command::new("promtool").args(["check", "web-config"]).arg(path).output();
        let checked = checked.expect("promtool runs (Debian: prometheus)");
        (checked.status.success(), String::from_utf8_lossy(&checked.stderr).into_owned())
    });
}

/// Built by `tests/toolkit/build --promtool`.
#[test]
fn promtool_of_prometheus_3_is_of_one_mind() {
    let Some(promtool) = kept_file("promtool3", "promtool") else { return };
    assert_verdicts("promtool 3", false, |path| {
        let checked =
            Command::new(&promtool).args(["check", "web-config"]).arg(path).output().expect("it runs");
        (checked.status.success(), String::from_utf8_lossy(&checked.stderr).into_owned())
    });
}

#[test]
fn exporter_toolkit_is_of_one_mind_and_uses_the_same_words() {
    let Some(server) = kept_file("toolkit", "server") else { return };
    let says = |path: &Path| {
        let checked = Command::new(&server).arg("check").arg(path).output().expect("it runs");
        String::from_utf8(checked.stdout).expect("text")
    };
    assert_verdicts("exporter-toolkit", false, |path| {
        let said = says(path);
        (said.trim() == "\"<nil>\"", said)
    });
    let (_folder, paths) = write();
    let own_words = ["no_yaml", "wrong_kind", "twice", "user_cost", "ca_absent"];
    for ((name, _, _, verdict), path) in FILES.iter().zip(paths) {
        let Bad(part) = verdict else { continue };
        let quoted = format!("{part:?}");
        let said = says(&path);
        assert!(own_words.contains(name) || said.contains(quoted.trim_matches('"')), "{name}: {said}");
    }
}
