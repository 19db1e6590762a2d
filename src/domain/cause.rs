//! What made a call fail: closed, finer than a reason, with the few values that its words need. The words are in `causes`.
//!
//! A reason is what metrics and waits go by, and follows from the cause. Each cause has a sample of its values, by which
//! tests and documents go over all of them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::platform::{Platform, Rule};
use super::{Failure, Reason};

macro_rules! causes {
    ($(#[$doc:meta])* $name:ident { $(
        $variant:ident $({ $($field:ident: $type:ty = $sample:expr),+ })? => $text:literal, $reason:ident;
    )+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "`causes` says of each what it means")]
        pub enum $name { $($variant $({ $($field: $type),+ })?,)+ }

        impl $name {
            /// One of each.
            pub fn samples() -> Vec<Self> {
                vec![$(Self::$variant $({ $($field: $sample.into()),+ })?,)+]
            }

            /// The label value.
            pub const fn as_str(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $text,)+ }
            }

            /// The reason.
            pub const fn reason(&self) -> Reason {
                match self { $(Self::$variant { .. } => Reason::$reason,)+ }
            }

            /// A value of this cause, as words name it.
            pub fn parameter(&self, name: &str) -> Option<String> {
                let _ = name;
                match self { $(Self::$variant $({ $($field),+ })? => {
                    $($(if name == stringify!($field) { return Some($field.to_string()); })+)?
                })+ }
                None
            }
        }

    };
}

macro_rules! from {
    ($($name:ident)+) => { $(impl From<$name> for Cause {
        fn from(cause: $name) -> Self { Self::$name(cause) }
    })+ };
}

from! { General Odd Freepbx Host Way Tls Local }

causes! {
    /// What any platform's answer may say; a description may have words of its own for the reason.
    General {
        ClientRefused => "invalid_client", InvalidClient;
        PasswordRefused => "password_refused", InvalidGrant;
        RefreshTokenRefused => "refresh_token_refused", InvalidGrant;
        CodeRefused => "code_refused", InvalidGrant;
        GrantRefused => "invalid_grant", InvalidGrant;
        ScopeRefused => "invalid_scope", InvalidScope;
        GrantNotAllowed => "unauthorized_client", UnauthorizedClient;
        RequestMalformed => "invalid_request", InvalidRequest;
        KeyRejected => "key_rejected", TokenRejected;
        FreshTokenRejected => "fresh_token_rejected", TokenRejected;
        TokenRejected => "token_rejected", TokenRejected;
        ScopeMissing => "insufficient_scope", InsufficientScope;
        AccessDenied => "access_denied", AccessDenied;
        KeyDenied => "key_denied", AccessDenied;
        UserBlocked => "user_blocked", UserBlocked;
        Forbidden => "forbidden", Forbidden;
        ForbiddenHere => "forbidden_after_token", Forbidden;
        ApiNotFound => "api_not_found", ApiNotFound;
        NotFoundHere => "not_found_after_token", ApiNotFound;
        CallFailed => "query_failed", QueryFailed;
        RateLimited { status: u16 = 429_u16 } => "rate_limited", RateLimited;
        GatewayFailed { status: u16 = 502_u16 } => "bad_gateway", ServerError;
        ServerFailed { status: u16 = 500_u16 } => "server_error", ServerError;
        ProxyPassword => "proxy_password", Proxy;
    }
}

causes! {
    /// What is odd about an answer: the API does not document it, or it does not say what it refuses.
    Odd {
        ClientRefusedUnsaid => "client_refused_unsaid", InvalidClient;
        GrantRefusedUnsaid => "grant_refused_unsaid", InvalidGrant;
        Redirected { status: u16 = 302_u16 } => "redirected", UnexpectedResponse;
        Status { status: u16 = 418_u16 } => "odd_status", UnexpectedResponse;
        Page => "page_instead_of_json", UnexpectedResponse;
        NoJson => "not_json", UnexpectedResponse;
        Password => "password_in_front", UnexpectedResponse;
        NoToken => "no_access_token", UnexpectedResponse;
        UnusableToken => "unusable_token", UnexpectedResponse;
        SaysNo => "unknown_code", UnexpectedResponse;
        NoCode { pointer: Box<str> = "/errcode" } => "no_code", UnexpectedResponse;
        NoTotal { pointer: Box<str> = "/total" } => "no_total", UnexpectedResponse;
        NoVersion => "no_version", UnexpectedResponse;
    }
}

causes! {
    /// What FreePBX alone says.
    Freepbx {
        RefreshTokenExpired => "refresh_token_expired", InvalidGrant;
        RefreshTokenRevoked => "refresh_token_revoked", InvalidGrant;
        RefreshTokenUnreadable => "refresh_token_unreadable", InvalidGrant;
        RefreshTokenOfAnother => "refresh_token_of_another_client", InvalidGrant;
        ParameterMalformed { parameter: Box<str> = "client_id" } => "parameter_malformed", InvalidRequest;
        GrantTypeLost => "grant_type_lost", UnauthorizedClient;
        ScopeNotCovered { refused: Box<str> = "gql:core:read" } => "scope_not_allowed", InvalidScope;
        ScopeUnknown { refused: Box<str> = "extensions:read" } => "scope_unknown", InvalidScope;
        UnknownAllowedScope => "unknown_allowed_scope", InvalidScope;
        AllowedScopeSuspected => "allowed_scope_suspected", InvalidScope;
        HeaderDropped => "authorization_header_dropped", TokenRejected;
        FreshTokenMalformed => "fresh_token_malformed", TokenRejected;
        FreshTokenMalformedClockRight => "fresh_token_malformed_clock_right", TokenRejected;
        TokenExpired => "token_expired", TokenRejected;
        KeyPairMismatch => "key_pair_mismatch", TokenRejected;
        KeyPairRegenerated => "key_pair_regenerated", TokenRejected;
        TokenRevoked => "token_revoked", TokenRejected;
        FreshTokenRejectedClockRight => "fresh_token_rejected_clock_right", TokenRejected;
        ScopeMissing { rest: Box<str> = "rest:core" } => "scope_missing", InsufficientScope;
        NoScope => "token_without_scope", InsufficientScope;
        QueryNotOffered { module: Box<str> = "core", named: Box<str> = "gql:core", rest: Box<str> = "" } => "query_not_offered", InsufficientScope;
        DeclinedReferer => "declined_referer", AjaxDeclined;
        DeclinedGuiUser => "declined_gui_user", AjaxDeclined;
        DeclinedHere => "declined_after_token", AjaxDeclined;
        DeclinedRewrite => "rewrite_not_in_force", AjaxDeclined;
        DeclinedPath => "declined_path", AjaxDeclined;
        NoAjax => "module_takes_no_requests", ApiNotFound;
        GuiCommand => "gui_command", ApiNotFound;
        DispatcherFailed => "dispatcher_failed", ServerError;
        ModuleNameBent => "module_name_bent", ApiNotFound;
        ApiModuleAbsent => "api_module_absent", ApiNotFound;
        ModuleAbsent { module: Box<str> = "Core" } => "module_absent", ApiNotFound;
        UserManagementAbsent { module: Box<str> = "Userman" } => "user_management_absent", ApiNotFound;
        NoSuchModule => "no_such_module", ApiNotFound;
        NoRoute => "no_route", ApiNotFound;
        NoRestRoute { module: Box<str> = "core" } => "no_rest_route", ApiNotFound;
        NothingThere => "nothing_there", ApiNotFound;
        NothingBehindGateway => "nothing_behind_gateway", ApiNotFound;
        NothingBehindGatewayHere => "nothing_behind_gateway_after_token", ApiNotFound;
        MethodChanged => "method_changed", UnexpectedResponse;
        WrongMethod => "wrong_method", UnexpectedResponse;
        PageHere => "page_at_this_path_alone", UnexpectedResponse;
        NoJsonHere => "not_json_at_this_path_alone", UnexpectedResponse;
        RedirectNowhere { status: u16 = 302_u16 } => "redirect_nowhere", UnexpectedResponse;
        PortWantsHttps => "port_wants_https", UnexpectedResponse;
        FrontSpeaksHttp => "front_speaks_http", UnexpectedResponse;
        NotFreepbx { status: u16 = 400_u16 } => "not_freepbx", UnexpectedResponse;
        TotalMissing => "total_missing", UnexpectedResponse;
        QueryLost => "query_lost", ServerError;
        QueryLostQuietly => "query_lost_without_5xx", UnexpectedResponse;
        Exception { class: Box<str> = "TypeError" } => "php_exception", ServerError;
        ExceptionQuietly { class: Box<str> = "TypeError" } => "php_exception_without_5xx", UnexpectedResponse;
        KeyMissing { key: KeyFile = KeyFile::Private } => "key_file_missing", ServerError;
        KeyMode { key: KeyFile = KeyFile::Private } => "key_file_mode", ServerError;
        KeyBroken { key: KeyFile = KeyFile::Private } => "key_file_broken", ServerError;
        SlimUpdate => "api_does_not_fit_slim", ServerError;
        OauthServerError => "oauth_server_error", ServerError;
        HiddenCrashAtToken => "hidden_crash_at_token", ServerError;
        HiddenCrashWithScopeToo => "hidden_crash_with_scope_too", ServerError;
        HiddenCrash => "hidden_crash", ServerError;
        HiddenCrashOfQuery => "hidden_crash_of_query", ServerError;
        HiddenCrashHere => "hidden_crash_though_token_good", ServerError;
        GatewayFailedHere { status: u16 = 502_u16 } => "bad_gateway_at_this_path_alone", ServerError;
        ListNull => "list_null", QueryFailed;
        DataNull => "data_null", QueryFailed;
        FieldMissing => "field_missing", QueryFailed;
        StatusFalse => "status_false", QueryFailed;
        ResolverFailed => "resolver_failed", QueryFailed;
        GraphqlRefused => "graphql_error", QueryFailed;
    }
}

causes! {
    /// What every request to FreePBX goes through before its API module is asked: PHP, the database, the disk. `code` is
    /// what the database names, in a closed form.
    Host {
        DatabaseDown { code: Box<str> = "SQLSTATE HY000, error 2002" } => "database_not_running", ServerError;
        DatabaseUnreachable { code: Box<str> = "SQLSTATE HY000, error 2003" } => "database_not_reachable", ServerError;
        DatabaseFull { code: Box<str> = "SQLSTATE 08004, error 1040" } => "database_connections_used_up", ServerError;
        DatabasePassword { code: Box<str> = "SQLSTATE HY000, error 1045" } => "database_password", ServerError;
        DatabaseNoRight { code: Box<str> = "SQLSTATE HY000, error 1044" } => "database_right_missing", ServerError;
        DatabaseAbsent { code: Box<str> = "SQLSTATE HY000, error 1049" } => "database_missing", ServerError;
        DatabaseHostRefused { code: Box<str> = "SQLSTATE HY000, error 1130" } => "database_host_refused", ServerError;
        TableMissing { code: Box<str> = "SQLSTATE 42S02, error 1146" } => "database_table_missing", ServerError;
        ColumnMissing { code: Box<str> = "SQLSTATE 42S22, error 1054" } => "database_column_missing", ServerError;
        DatabaseReadOnly { code: Box<str> = "SQLSTATE HY000, error 1290" } => "database_read_only", ServerError;
        DatabaseLocked { code: Box<str> = "SQLSTATE HY000, error 1205" } => "database_locked", ServerError;
        TableCrashed { code: Box<str> = "SQLSTATE HY000, error 126" } => "database_table_crashed", ServerError;
        TableFileGone { code: Box<str> = "SQLSTATE HY000, error 1030" } => "database_file_missing", ServerError;
        DatabaseLost { code: Box<str> = "SQLSTATE HY000, error 2006" } => "database_connection_lost", ServerError;
        DatabaseTrouble { code: Box<str> = "SQLSTATE HY000" } => "database_error", ServerError;
        DiskFull { code: Box<str> = "SQLSTATE HY000, error 1021" } => "disk_full", ServerError;
        Masked => "masked_exception", ServerError;
        TokenCheckFailed => "token_check_failed", ServerError;
        PhpMemory => "php_memory_limit", ServerError;
        PhpTime => "php_time_limit", ServerError;
        PhpWarning { module: Box<str> = "ringgroups" } => "php_warning_of_module", ServerError;
        PhpWarningUnnamed => "php_warning", ServerError;
        PhpException { class: Box<str> = "TypeError", module: Box<str> = "ringgroups" } => "php_exception_in_module", ServerError;
        PhpVersion => "php_version_too_old", ServerError;
        PhpLoader => "php_loader_missing", ServerError;
        PhpExtension => "php_extension_missing", ServerError;
        SettingsUnreadable => "freepbx_conf_unreadable", ServerError;
        PhpFatal => "php_fatal_error", ServerError;
        PhpOutput => "php_output", UnexpectedResponse;
    }
}

causes! {
    /// No answer at all. `error` is what the transport says.
    Way {
        NameNotResolved { error: Box<str> = "name resolution failed: no such host" } => "name_not_resolved", Dns;
        ResolverFailed { error: Box<str> = "this machine's resolver failed: no answer" } => "local_resolver_failed", Dns;
        NotLetOut { error: Box<str> = "no outgoing connection from this host: permission denied" } => "blocked_on_this_machine", Connect;
        TunnelPassword { error: Box<str> = "the proxy refused the tunnel: HTTP 407" } => "proxy_wants_password", Proxy;
        TunnelForbidden { error: Box<str> = "the proxy refused the tunnel: HTTP 403" } => "proxy_forbids_target", Proxy;
        TunnelOdd { error: Box<str> = "the proxy refused the tunnel: HTTP 400" } => "proxy_opens_no_tunnel", Proxy;
        TunnelDead { error: Box<str> = "the proxy refused the tunnel: HTTP 503" } => "proxy_does_not_reach_target", Connect;
        Garbled { error: Box<str> = "the answer cannot be read: a header field is malformed" } => "answer_not_http", UnexpectedResponse;
        ProxyFailed { error: Box<str> = "proxy failed: refused" } => "proxy_failed", Proxy;
        NotConnected { error: Box<str> = "connection failed: connection refused" } => "not_connected", Connect;
        NotConnectedBan { error: Box<str> = "connection failed: connection refused" } => "not_connected_after_refusals", Connect;
        SlowToConnect { error: Box<str> = "no answer within 10s while in phase connect" } => "timeout_connect", Timeout;
        SlowToConnectBan { error: Box<str> = "no answer within 10s while in phase connect" } => "timeout_connect_after_refusals", Timeout;
        SlowToAnswer { error: Box<str> = "no answer within 10s while in phase processing" } => "timeout_processing", Timeout;
        Slow { error: Box<str> = "no answer within 10s while in phase transfer" } => "timeout", Timeout;
        ConnectionLost { error: Box<str> = "connection lost: closed" } => "connection_lost", ConnectionLost;
        ConnectionLostInPlain { error: Box<str> = "connection lost: closed" } => "connection_lost_in_plain", ConnectionLost;
        AnswerTooLarge { error: Box<str> = "answer is larger than 8388608 bytes" } => "answer_too_large", ResponseTooLarge;
        TokenAnswerTooLarge { error: Box<str> = "answer is larger than 8388608 bytes" } => "token_answer_too_large", ResponseTooLarge;
        RedirectElsewhere { error: Box<str> = "redirect to another origin, https://x.example.com" } => "redirect_elsewhere", RedirectRefused;
        RedirectLoop { error: Box<str> = "redirect loop" } => "redirect_loop", RedirectRefused;
        NotSent { error: Box<str> = "too many open files" } => "not_sent", ExporterError;
    }
}

causes! {
    /// The TLS handshake failed: whose certificate, or what else. `error` is what the transport says.
    Tls {
        Expired { error: Box<str> = "TLS handshake failed: certificate expired on 06 Nov 2026" } => "certificate_expired", Tls;
        IntermediateExpired { error: Box<str> = "TLS handshake failed: intermediate certificate \"CN=A CA\" expired on 06 Nov 2026" } => "intermediate_certificate_expired", Tls;
        ClockWrong { error: Box<str> = "TLS handshake failed: certificate not valid before 06 Nov 2026, and this host's clock says 01 Jan 1970" } => "clock_of_this_machine_wrong", Tls;
        NotYetValid { error: Box<str> = "TLS handshake failed: certificate not valid before 06 Nov 2027, and this host's clock says 06 Nov 2026" } => "certificate_not_yet_valid", Tls;
        SelfSigned { error: Box<str> = "TLS handshake failed: certificate is self-signed, and not trusted here" } => "certificate_self_signed", Tls;
        UnknownAuthority { error: Box<str> = "TLS handshake failed: certificate of an unknown authority, \"CN=A CA\", which is not trusted here" } => "certificate_authority_unknown", Tls;
        MissingIntermediate { error: Box<str> = "TLS handshake failed: chain is incomplete" } => "certificate_chain_incomplete", Tls;
        WrongName { error: Box<str> = "TLS handshake failed: certificate is for pbx, not for pbx.example.com" } => "certificate_for_another_name", Tls;
        NoAltName { error: Box<str> = "TLS handshake failed: certificate has no subjectAltName" } => "certificate_without_alt_name", Tls;
        WeakKey { error: Box<str> = "TLS handshake failed: certificate has a key that is not accepted" } => "certificate_key_too_weak", Tls;
        WeakSignature { error: Box<str> = "TLS handshake failed: certificate is signed with SHA-1, which is not accepted" } => "certificate_signature_too_weak", Tls;
        NotItsAuthority { error: Box<str> = "TLS handshake failed: certificate is not signed by the CA that it names" } => "certificate_signed_by_another_ca", Tls;
        WrongUse { error: Box<str> = "TLS handshake failed: certificate is not for use by servers" } => "certificate_not_for_servers", Tls;
        Revoked { error: Box<str> = "TLS handshake failed: certificate is revoked" } => "certificate_revoked", Tls;
        NoRoots { error: Box<str> = "TLS handshake failed: this system has no CA certificates installed" } => "no_ca_certificates_here", Tls;
        NotTls { error: Box<str> = "TLS handshake failed: not TLS" } => "not_tls", Tls;
        Version { error: Box<str> = "TLS handshake failed: protocol version" } => "tls_version", Tls;
        Ciphers { error: Box<str> = "TLS handshake failed: no cipher suite" } => "tls_ciphers", Tls;
        UnrecognisedName { error: Box<str> = "TLS handshake failed: the server has no certificate for this name" } => "tls_name_unknown_to_server", Tls;
        ClientMissing { error: Box<str> = "TLS handshake failed: the server requires a client certificate" } => "client_certificate_missing", Tls;
        ClientExpired { error: Box<str> = "TLS handshake failed: the server says that the client certificate has expired" } => "client_certificate_expired", Tls;
        ClientRevoked { error: Box<str> = "TLS handshake failed: the server says that the client certificate is revoked" } => "client_certificate_revoked", Tls;
        ClientUnknownAuthority { error: Box<str> = "TLS handshake failed: the server does not trust the authority of the client certificate" } => "client_certificate_authority_unknown", Tls;
        ClientDenied { error: Box<str> = "TLS handshake failed: the server accepts the client certificate but denies it access" } => "client_certificate_denied", Tls;
        ClientRefused { error: Box<str> = "TLS handshake failed: the server refuses the client certificate" } => "client_certificate_refused", Tls;
        Lost { error: Box<str> = "TLS handshake failed: the connection ended" } => "tls_handshake_lost", Tls;
        Failed { error: Box<str> = "TLS handshake failed: the server violates the TLS protocol" } => "tls_failed", Tls;
    }
}

causes! {
    /// The cause is on this machine, before anything was asked. `error` is our own text.
    Local {
        SecretUnreadable { error: Box<str> = "failed to read secret file /etc/pbx_exporter/secret: empty" } => "secret_unreadable", ExporterError;
        KeyUnreadable { error: Box<str> = "failed to read secret file /etc/pbx_exporter/key: empty" } => "key_unreadable", ExporterError;
        CommandCannotRead { error: Box<str> = "failed to read secret file /etc/pbx_exporter/secret: empty" } => "secret_unreadable_to_command", ExporterError;
        StorageUnusable { error: Box<str> = "the disk is full" } => "storage_unusable", ExporterError;
        TargetReplaced => "target_replaced", ExporterError;
        Panic => "panic", ExporterError;
        NoCause => "no_cause_known", ExporterError;
    }
}

causes! {
    /// A person has to bring a new refresh token.
    Person {
        RefreshTokenRefused => "confirmation_ended", AuthorizationRequired;
        RefreshTokenWasRefused => "confirmation_had_ended", AuthorizationRequired;
        NoRefreshTokenGiven => "no_refresh_token_given", AuthorizationRequired;
        NeverConfirmed => "never_confirmed", AuthorizationRequired;
        Interrupted => "confirmation_interrupted", AuthorizationRequired;
    }
}

/// What is known of the confirmation that a person has to repeat. Moments in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confirmation {
    /// How the token endpoint refused just now.
    pub refusal: Option<Failure>,
    /// The request before, whose answer did not come: when, and whether it was lost rather than this process ended.
    pub before: Option<(f64, bool)>,
    /// What else a refresh sends.
    pub parameters: Vec<String>,
    /// When it was refused, or confirmed.
    pub at: f64,
    /// When a confirmation began that got no answer.
    pub interrupted: Option<f64>,
}

/// A rule of a description that fitted.
#[derive(Clone, Debug)]
pub struct Matched {
    platform: Arc<Platform>,
    rule: usize,
    /// What its reason means on any platform, for what neither rule nor platform has words.
    pub general: Box<Cause>,
}

impl PartialEq for Matched {
    fn eq(&self, other: &Self) -> bool {
        self.rule() == other.rule() && self.general == other.general
    }
}

impl Matched {
    /// The rule in that place.
    pub fn new(platform: &Arc<Platform>, rule: usize, general: Cause) -> Self {
        Self { platform: Arc::clone(platform), rule, general: Box::new(general) }
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.platform.rules[self.rule]
    }
}

/// A key file of FreePBX's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// It signs the tokens.
    Private,
    /// It checks them.
    Public,
}

impl fmt::Display for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "api_oauth.key",
            Self::Public => "api_oauth_public.key",
        })
    }
}

/// What made a call fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// What any platform's answer may say.
    General(General),
    /// What is odd about an answer.
    Odd(Odd),
    /// What FreePBX alone says.
    Freepbx(Freepbx),
    /// What is before its API module.
    Host(Host),
    /// What the rule of a description says.
    Rule(Matched),
    /// No answer.
    Way(Way),
    /// No trusted TLS.
    Tls(Tls),
    /// This machine.
    Local(Local),
    /// A person is needed.
    Person(Person, Box<Confirmation>),
}

impl Default for Cause {
    fn default() -> Self {
        Self::Local(Local::NoCause)
    }
}

impl Cause {
    /// One of each that is built in, in the order of the documentation.
    pub fn samples() -> Vec<Self> {
        fn all<T: Into<Cause>>(causes: Vec<T>) -> impl Iterator<Item = Cause> {
            causes.into_iter().map(Into::into)
        }
        all(General::samples())
            .chain(all(Odd::samples()))
            .chain(all(Freepbx::samples()))
            .chain(all(Host::samples()))
            .chain(all(Way::samples()))
            .chain(all(Tls::samples()))
            .chain(Person::samples().into_iter().map(Self::confirmation))
            .chain(all(Local::samples()))
            .collect()
    }

    fn confirmation(cause: Person) -> Self {
        let known = Confirmation {
            refusal: Some(Failure::new(General::RefreshTokenRefused)),
            before: Some((1_800_000_000.0, true)),
            parameters: Vec::new(),
            at: 1_800_000_000.0,
            interrupted: Some(1_800_000_000.0),
        };
        Self::Person(cause, Box::new(known))
    }

    /// The label value: `[a-z0-9_]{1,40}`. A rule without a name of its own has its reason's.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::General(cause) => cause.as_str().into(),
            Self::Odd(cause) => cause.as_str().into(),
            Self::Freepbx(cause) => cause.as_str().into(),
            Self::Host(cause) => cause.as_str().into(),
            Self::Way(cause) => cause.as_str().into(),
            Self::Tls(cause) => cause.as_str().into(),
            Self::Local(cause) => cause.as_str().into(),
            Self::Person(cause, _) => cause.as_str().into(),
            Self::Rule(matched) => match &matched.rule().cause {
                Some(name) => name.clone().into(),
                None => matched.rule().reason.as_str().into(),
            },
        }
    }

    /// The reason; total.
    pub fn reason(&self) -> Reason {
        match self {
            Self::General(cause) => cause.reason(),
            Self::Odd(cause) => cause.reason(),
            Self::Freepbx(cause) => cause.reason(),
            Self::Host(cause) => cause.reason(),
            Self::Rule(matched) => matched.rule().reason,
            Self::Way(cause) => cause.reason(),
            Self::Tls(cause) => cause.reason(),
            Self::Local(cause) => cause.reason(),
            Self::Person(cause, _) => cause.reason(),
        }
    }

    /// A value of this cause, as words name it.
    pub fn parameter(&self, name: &str) -> Option<String> {
        match self {
            Self::General(cause) => cause.parameter(name),
            Self::Odd(cause) => cause.parameter(name),
            Self::Freepbx(cause) => cause.parameter(name),
            Self::Host(cause) => cause.parameter(name),
            Self::Rule(matched) => matched.general.parameter(name),
            Self::Way(cause) => cause.parameter(name),
            Self::Tls(cause) => cause.parameter(name),
            Self::Local(cause) => cause.parameter(name),
            Self::Person(..) => None,
        }
    }
}
