//! One simulated Ringme: its token endpoint, its list of extensions, and the hourly budget. No sockets, no waiting.

pub mod fixtures;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::parse;

use super::authorize::{self, Brought, CodeBook, Rules};
use super::oauth::json_answer as answer;
use super::pbx::{SimAnswer, SimRequest, date};
use super::target::{PASSWORD, SECRET, USER};
use super::{Simulated, target};
use crate::clock::Clock;
use crate::domain::target::{Auth, Call};
use crate::domain::{Answer, Grant, Operation, Target};
use crate::platform::builtin;
use fixtures::find;

/// Client id of the application of type `trusted`.
pub const TRUSTED_ID: &str = "51a1-made-up-trusted-application";
/// Client id of the application of type `public`.
pub const PUBLIC_ID: &str = "51c3-made-up-public-application";
/// Client id of the application of type `password_credentials`.
pub const PERSON_ID: &str = "51b2-made-up-password-application";

const HOUR: f64 = 3600.0;

#[derive(Clone, Debug, PartialEq)]
pub enum RingmeFault {
    SecretReplaced,
    Resource(&'static str),
    Token(&'static str),
}

struct State {
    now: f64,
    lifetime: u32,
    issued: u64,
    tokens: HashMap<String, f64>,
    /// With the application that each belongs to.
    refresh_tokens: HashSet<(String, String)>,
    codes: CodeBook,
    extensions: u32,
    longest_page: u32,
    budget: u64,
    used: u64,
    hour: f64,
    tells_reset: bool,
    fault: Option<RingmeFault>,
    requests: [u64; Operation::COUNT],
}

/// One simulated Ringme with an application of each type and one user.
pub struct SimRingme {
    clock: Clock,
    state: Mutex<State>,
}

impl fmt::Debug for SimRingme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimRingme").field("fault", &self.lock().fault).finish_non_exhaustive()
    }
}

/// A target for a [`SimRingme`] at `origin`, with the application that serves `grant`: `client_credentials`,
/// `password` or `authorization_code`.
pub fn target(name: &str, origin: &Url, grant: Grant) -> Target {
    let usual = target::target(name, origin, grant, Call::known("extensions"));
    let client_id = match grant {
        Grant::Password => PERSON_ID,
        Grant::AuthorizationCode => PUBLIC_ID,
        _ => TRUSTED_ID,
    }
    .into();
    let auth = Auth { client_id, ..usual.auth };
    Target { platform: builtin("ringme").unwrap_or_default(), auth, ..usual }
}

impl SimRingme {
    /// A healthy one with three extensions and a budget of 1000 requests an hour.
    pub fn new(clock: Clock) -> Self {
        let now = clock.unix();
        let state = State {
            now,
            lifetime: 3600,
            issued: 0,
            tokens: HashMap::new(),
            refresh_tokens: HashSet::new(),
            codes: CodeBook::default(),
            extensions: 3,
            longest_page: u32::MAX,
            budget: 1000,
            used: 0,
            hour: now,
            tells_reset: true,
            fault: None,
            requests: [0; Operation::COUNT],
        };
        Self { clock, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_fault(&self, fault: Option<RingmeFault>) {
        self.lock().fault = fault;
    }

    pub fn set_extensions(&self, extensions: u32) {
        self.lock().extensions = extensions;
    }

    /// No page has more than so many, whatever is asked for.
    pub fn cut_pages_to(&self, longest: u32) {
        self.lock().longest_page = longest;
    }

    /// Whether the answers tell when the budget is whole again.
    pub fn tell_reset(&self, told: bool) {
        self.lock().tells_reset = told;
    }

    pub fn set_budget(&self, budget: u64) {
        self.lock().budget = budget;
    }

    /// The customer's own applications make so many requests.
    pub fn others_ask(&self, requests: u64) {
        self.lock().used += requests;
    }

    pub fn end_tokens(&self) {
        self.lock().tokens.clear();
    }

    pub fn end_refresh_tokens(&self) {
        self.lock().refresh_tokens.clear();
    }

    /// Lifetime in seconds of tokens issued from now on.
    pub fn set_token_lifetime(&self, seconds: u32) {
        self.lock().lifetime = seconds;
    }

    pub fn requests(&self, operation: Operation) -> u64 {
        self.lock().requests[operation.index()]
    }
}

impl Simulated for SimRingme {
    fn answer(&self, request: &SimRequest) -> SimAnswer {
        let mut state = self.lock();
        state.now = self.clock.unix();
        let path = request.path_and_query.split('?').next().unwrap_or_default();
        let Answer { status, mut headers, body } = if path == "/oauth/token" {
            state.requests[Operation::Token.index()] += 1;
            state.token(request).unwrap_or_else(|name| find(name).answer())
        } else if path == "/oauth/authorize" {
            let now = state.now;
            let rules = Rules { knows: &|id| id == PUBLIC_ID, grants: &|_| Some(vec!["all".to_owned()]) };
            authorize::answer(&mut state.codes, request, now, &rules)
        } else {
            state.requests[Operation::Extensions.index()] += 1;
            let answer = state.resource(request).unwrap_or_else(|name| find(name).answer());
            state.with_budget(answer)
        };
        headers.insert(http::header::DATE, date(state.now));
        SimAnswer { status, headers, body, delay: None }
    }
}

impl State {
    fn token(&mut self, request: &SimRequest) -> Result<Answer, &'static str> {
        if let Some(RingmeFault::Token(name)) = self.fault {
            return Err(name);
        }
        let form: HashMap<_, _> = parse(&request.body).into_owned().collect();
        let given = |name: &str| form.get(name).map_or("", String::as_str);
        let secret =
            if self.fault == Some(RingmeFault::SecretReplaced) { "replaced-made-up-secret" } else { SECRET };
        let known = [TRUSTED_ID, PERSON_ID, PUBLIC_ID].contains(&given("client_id"));
        if request.method != Method::POST || !known || given("client_secret") != secret {
            return Err("unknown client");
        }
        match (given("grant_type"), given("client_id")) {
            ("client_credentials", TRUSTED_ID) => Ok(self.issue(None)),
            ("authorization_code", PUBLIC_ID) => {
                let brought = Brought {
                    code: given("code"),
                    client: PUBLIC_ID,
                    redirect_uri: given("redirect_uri"),
                    verifier: form.get("code_verifier").map(String::as_str),
                };
                self.codes.redeem(&brought, self.now).map_err(|_| "code dead")?;
                Ok(self.issue(Some(PUBLIC_ID)))
            }
            ("password", PERSON_ID) if given("username") == USER && given("password") == PASSWORD => {
                Ok(self.issue(Some(PERSON_ID)))
            }
            ("password", PERSON_ID) => Err("wrong password"),
            // Clients in use send an empty `redirect_uri` along.
            ("refresh_token", client @ (PERSON_ID | PUBLIC_ID)) if form.contains_key("redirect_uri") => {
                let sent = (given("refresh_token").to_owned(), client.to_owned());
                let known = self.refresh_tokens.remove(&sent);
                if known { Ok(self.issue(Some(client))) } else { Err("refresh token dead") }
            }
            ("client_credentials" | "password" | "authorization_code" | "refresh_token", _) => {
                Err("another grant")
            }
            _ => Err("unknown grant"),
        }
    }

    /// `renewed_by`: the application that gets a refresh token with it.
    fn issue(&mut self, renewed_by: Option<&str>) -> Answer {
        self.issued += 1;
        let token = format!("made-up-ringme-token-{:09}", self.issued);
        self.tokens.insert(token.clone(), self.now + f64::from(self.lifetime));
        let mut body = json!({"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime});
        if let Some(client) = renewed_by {
            let refresh = format!("made-up-ringme-refresh-{:07}", self.issued);
            self.refresh_tokens.insert((refresh.clone(), client.to_owned()));
            body["refresh_token"] = refresh.into();
        } else {
            body["scope"] = "all".into();
        }
        answer(&body)
    }

    fn resource(&mut self, request: &SimRequest) -> Result<Answer, &'static str> {
        if self.now >= self.hour + HOUR {
            (self.hour, self.used) = (self.now, 0);
        }
        self.used += 1;
        if self.used > self.budget {
            return Err("budget spent");
        }
        let token =
            request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let expiry = token.and_then(|token| self.tokens.get(token));
        if expiry.is_none_or(|expiry| self.now >= *expiry) {
            return Err("token refused");
        }
        if let Some(RingmeFault::Resource(name)) = self.fault {
            return Err(name);
        }
        let (path, query) = request.path_and_query.split_once('?').unwrap_or((&request.path_and_query, ""));
        match path {
            "/api/ver1.0/client/@me/extension/" if request.method == Method::GET => {
                Ok(answer(&self.page(query)))
            }
            "/api/ver1.0/user/" => {
                Ok(answer(&json!({"id": 7, "login": USER, "admin": false, "access": "full"})))
            }
            _ => Err("no such record"),
        }
    }

    fn page(&self, query: &str) -> Value {
        let asked: HashMap<_, _> = parse(query.as_bytes()).into_owned().collect();
        let number =
            |name: &str, usual: u32| asked.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        let (page, size) = (number("page", 1).max(1), number("per_page", 30).min(self.longest_page));
        let from = (page - 1).saturating_mul(size);
        let item = |n: u32| json!({"id": n, "name": format!("0003*{}", 2000 + n), "type": "phone", "status": "active"});
        (from..self.extensions.min(from.saturating_add(size))).map(item).collect()
    }

    fn with_budget(&self, mut answer: Answer) -> Answer {
        let left = self.budget.saturating_sub(self.used);
        let reset = Duration::try_from_secs_f64(self.hour + HOUR - self.now).unwrap_or_default();
        let fields = [
            ("x-ratelimit-limit", self.budget),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", reset.as_secs()),
        ];
        let told = fields.into_iter().take(if self.tells_reset { 3 } else { 2 });
        for (name, value) in told {
            answer.headers.insert(name, value.into());
        }
        answer
    }
}
