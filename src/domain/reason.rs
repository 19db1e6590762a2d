//! The closed vocabularies that become label values: operation, grant, reason; and the class that
//! decides how soon to try again.

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in order: the one of the metric contract for label values.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant,)+];
            /// How many values there are.
            pub const COUNT: usize = [$($text,)+].len();

            /// The word in labels and JSON; documented, so that it stays.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Position in [`Self::ALL`], for arrays that hold one entry a value.
            pub const fn index(self) -> usize { self as usize }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use vocabulary;

vocabulary! {
    /// What is asked of a PBX.
    Operation {
        /// The token endpoint (RFC 6749 section 3.2).
        Token => "token",
        /// The protected resource that lists the extensions.
        Extensions => "extensions",
        /// The optional version query.
        Version => "version",
    }
}

vocabulary! {
    /// What is sent for a token (RFC 6749 sections 1.3, 4 and 6).
    Grant {
        /// RFC 6749 section 4.4: FreePBX application type Machine-to-Machine; Ringme's `trusted`.
        ClientCredentials => "client_credentials",
        /// RFC 6749 section 4.3: FreePBX application type Native; Ringme's `password_credentials`.
        Password => "password",
        /// RFC 6749 section 4.1: a person confirms access in a browser, by `pbx_exporter authorize`; FreePBX application type
        /// Web-server.
        AuthorizationCode => "authorization_code",
        /// RFC 6749 section 6: a refresh token that was obtained elsewhere.
        RefreshToken => "refresh_token",
        /// A fixed key: nothing is ever sent for a token.
        Static => "static",
    }
}

impl Grant {
    /// Whether only a person can replace what it is asked with: a refresh token that may serve once.
    pub const fn needs_person(self) -> bool {
        match self {
            Self::RefreshToken | Self::AuthorizationCode => true,
            Self::ClientCredentials | Self::Password | Self::Static => false,
        }
    }
}

vocabulary! {
    /// Why an exchange gave nothing: closed, never text of the far side.
    Reason {
        /// Client id or secret refused.
        InvalidClient => "invalid_client",
        /// User name, password, code or refresh token refused.
        InvalidGrant => "invalid_grant",
        /// A scope asked for is unknown or outside what the client may have.
        InvalidScope => "invalid_scope",
        /// This client may not use this grant.
        UnauthorizedClient => "unauthorized_client",
        /// The token endpoint found the request malformed.
        InvalidRequest => "invalid_request",
        /// A person has to confirm access again; a condition only, in no counter.
        AuthorizationRequired => "authorization_required",
        /// The resource does not accept the token.
        TokenRejected => "token_rejected",
        /// The token is accepted and lacks a scope.
        InsufficientScope => "insufficient_scope",
        /// The PBX's own refusal: user or application has no right to this.
        AccessDenied => "access_denied",
        /// The account behind the token is blocked.
        UserBlocked => "user_blocked",
        /// FreePBX's 403 beginning `ajaxRequest declined`.
        AjaxDeclined => "ajax_declined",
        /// Any other 403: a web server, firewall or proxy in front.
        Forbidden => "forbidden",
        /// The API is not there.
        ApiNotFound => "api_not_found",
        /// The API answered, and its answer says that the call failed.
        QueryFailed => "query_failed",
        /// 429, or the platform's own word for it.
        RateLimited => "rate_limited",
        /// 5xx that is nothing of the above.
        ServerError => "server_error",
        /// Not what the API documents.
        UnexpectedResponse => "unexpected_response",
        /// Over the body limit.
        ResponseTooLarge => "response_too_large",
        /// A redirect that would carry credentials to another origin, or a loop.
        RedirectRefused => "redirect_refused",
        /// The name did not resolve.
        Dns => "dns",
        /// The configured proxy failed.
        Proxy => "proxy",
        /// No connection.
        Connect => "connect",
        /// The TLS handshake failed.
        Tls => "tls",
        /// No answer in time.
        Timeout => "timeout",
        /// The connection ended before the answer did.
        ConnectionLost => "connection_lost",
        /// Our own side: a secret file unreadable, a panic.
        ExporterError => "exporter_error",
    }
}

vocabulary! {
    /// What a record of a PBX's own log says about its API.
    LogEvent {
        /// The token endpoint refused.
        TokenRefused => "token_refused",
        /// The token endpoint gave a token.
        TokenGranted => "token_granted",
        /// A call below the API's address was refused.
        ApiRefused => "api_refused",
        /// The API failed.
        ApiError => "api_error",
        /// A GraphQL field that the token's scopes do not show.
        ScopeDenied => "scope_denied",
        /// PHP code of the API ended in a fatal error or an uncaught exception.
        PhpError => "php_error",
    }
}

/// How soon a failure may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// May pass by itself: the failure interval.
    Transient,
    /// A credential was refused: back off, because fail2ban bans the monitor.
    Refused,
    /// Access refused, in a way that a fix changes soon: a short back-off.
    Denied,
    /// Throttled: `Retry-After`.
    RateLimited,
}

impl Reason {
    /// The class of this reason; total, so that a new reason does not compile without one.
    pub const fn class(self) -> Class {
        match self {
            Self::InvalidClient
            | Self::InvalidGrant
            | Self::InvalidScope
            | Self::UnauthorizedClient
            | Self::InvalidRequest
            | Self::AuthorizationRequired
            | Self::TokenRejected => Class::Refused,
            Self::InsufficientScope
            | Self::AccessDenied
            | Self::UserBlocked
            | Self::AjaxDeclined
            | Self::Forbidden => Class::Denied,
            Self::RateLimited => Class::RateLimited,
            Self::ApiNotFound
            | Self::QueryFailed
            | Self::ServerError
            | Self::UnexpectedResponse
            | Self::ResponseTooLarge
            | Self::RedirectRefused
            | Self::Dns
            | Self::Proxy
            | Self::Connect
            | Self::Tls
            | Self::Timeout
            | Self::ConnectionLost
            | Self::ExporterError => Class::Transient,
        }
    }

    /// Whether an answer with this reason counts in `pbx_permission_denials_total`.
    pub const fn is_denial(self) -> bool {
        matches!(
            self,
            Self::AjaxDeclined
                | Self::Forbidden
                | Self::AccessDenied
                | Self::UserBlocked
                | Self::InsufficientScope
                | Self::InvalidScope
        )
    }

    /// Whether no HTTP answer was received.
    pub const fn is_transport(self) -> bool {
        matches!(
            self,
            Self::Dns | Self::Proxy | Self::Connect | Self::Tls | Self::Timeout | Self::ConnectionLost
        )
    }

    /// Whether this reason can be the result of an exchange of `operation` (the metric contract's
    /// table). Platforms narrow it further.
    pub const fn occurs_at(self, operation: Operation) -> bool {
        let token = matches!(operation, Operation::Token);
        match self {
            Self::InvalidClient
            | Self::InvalidGrant
            | Self::InvalidScope
            | Self::UnauthorizedClient
            | Self::InvalidRequest => token,
            Self::AuthorizationRequired => false,
            Self::TokenRejected
            | Self::InsufficientScope
            | Self::AccessDenied
            | Self::UserBlocked
            | Self::QueryFailed => !token,
            _ => true,
        }
    }
}

/// A set of reasons: one word, so that looking at many targets stays in the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReasonSet(u32);

impl ReasonSet {
    /// One bit for each reason, by [`Reason::index`].
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Adds one.
    pub const fn insert(&mut self, reason: Reason) {
        self.0 |= 1 << reason.index();
    }

    /// Takes one out.
    pub const fn remove(&mut self, reason: Reason) {
        self.0 &= !(1 << reason.index());
    }
}

impl FromIterator<Reason> for ReasonSet {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        let mut set = Self::default();
        reasons.into_iter().for_each(|reason| set.insert(reason));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_snake_case_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for reason in Reason::ALL {
            let text = reason.as_str();
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
            assert!(seen.insert(text), "{text} twice");
            assert_eq!(Reason::ALL[reason.index()], reason);
        }
        assert_eq!(seen.len(), 26);
    }

    #[test]
    fn every_oauth_refusal_backs_off_and_every_denial_waits() {
        for reason in Reason::ALL {
            let class = reason.class();
            let token_only = reason.occurs_at(Operation::Token) && !reason.occurs_at(Operation::Extensions);
            if token_only {
                assert_eq!(class, Class::Refused, "{reason}");
            }
            if reason.is_denial() {
                assert_ne!(class, Class::Transient, "{reason}");
            }
            if reason.is_transport() {
                assert_eq!(class, Class::Transient, "{reason}");
            }
        }
    }
}
