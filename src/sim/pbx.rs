//! One simulated FreePBX: its state, and which part of it answers a request. No sockets, no waiting.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, DATE, HOST, REFERER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use super::authorize::CodeBook;
use super::fault::Fault;
use super::fixtures::{Generation, find};
use super::tokens::TokenBook;
use super::{authorize, graphql, oauth, scopes, target};
use crate::clock::Clock;
use crate::domain::moment::http_date;
use crate::domain::{Answer, Grant, Operation};

#[derive(Clone)]
pub struct SimRequest {
    pub method: Method,
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone)]
pub struct SimAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub delay: Option<Duration>,
}

pub trait Simulated: fmt::Debug + Send + Sync + 'static {
    fn answer(&self, request: &SimRequest) -> SimAnswer;

    /// Tells when its fault changes: then an answer that is late comes at once.
    fn faults(&self) -> Option<watch::Receiver<()>> {
        None
    }
}

#[derive(Clone, Debug)]
pub(super) struct App {
    id: &'static str,
    pub grant: Grant,
}

pub(super) struct State {
    pub generation: Generation,
    pub now: f64,
    pub users: HashMap<String, String>,
    pub tokens: TokenBook,
    pub codes: CodeBook,
    pub lifetime: Duration,
    token_requests: [u64; Grant::COUNT],
    apps: Vec<App>,
    allowed: Option<Vec<String>>,
    pub extensions: Vec<String>,
    pub fault: Option<Fault>,
    requests: [u64; Operation::COUNT],
    validity_requests: u64,
    sessions: HashSet<String>,
}

/// One simulated FreePBX with a Machine-to-Machine, a Native and a Web-server application and one user, all with the
/// made-up credentials of [`super::target`].
pub struct SimPbx {
    clock: Clock,
    state: Mutex<State>,
    faults: watch::Sender<()>,
}

// No `Debug` here shows headers, bodies or tokens: tests look for leaks in everything printed.

impl fmt::Debug for SimRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for SimAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, delay, .. } = self;
        f.debug_struct("SimAnswer").field("status", status).field("delay", delay).finish_non_exhaustive()
    }
}

impl fmt::Debug for SimPbx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimPbx").field("fault", &self.lock().fault).finish_non_exhaustive()
    }
}

impl SimPbx {
    /// A healthy PBX with three extensions; tokens live an hour, as FreePBX fixes it.
    pub fn new(generation: Generation, clock: Clock) -> Self {
        let apps = [
            (target::MACHINE_ID, Grant::ClientCredentials),
            (target::NATIVE_ID, Grant::Password),
            (target::WEB_ID, Grant::AuthorizationCode),
        ];
        let state = State {
            generation,
            now: clock.unix(),
            users: HashMap::from([(target::USER.to_owned(), target::PASSWORD.to_owned())]),
            tokens: TokenBook::default(),
            codes: CodeBook::default(),
            lifetime: Duration::from_secs(3600),
            token_requests: [0; Grant::COUNT],
            apps: apps.map(|(id, grant)| App { id, grant }).to_vec(),
            allowed: None,
            extensions: numbers(3),
            fault: None,
            requests: [0; Operation::COUNT],
            validity_requests: 0,
            sessions: HashSet::new(),
        };
        Self { clock, state: Mutex::new(state), faults: watch::Sender::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut state = self.lock();
        if fault == Some(Fault::ApplicationDeleted) {
            state.tokens.revoke_all();
        }
        state.fault = fault;
        drop(state);
        self.faults.send_replace(());
    }

    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.lock().lifetime = lifetime;
    }

    /// How many extensions there are, from 2000 on.
    pub fn set_extensions(&self, extensions: u32) {
        self.lock().extensions = numbers(extensions);
    }

    pub fn set_extension_ids(&self, ids: &[&str]) {
        self.lock().extensions = ids.iter().map(|&id| id.to_owned()).collect();
    }

    /// The applications' allowed scopes; none given means everything, as an empty field does.
    pub fn set_allowed_scopes(&self, allowed: &[&str]) {
        let allowed: Vec<_> = allowed.iter().map(|&scope| scope.to_owned()).collect();
        self.lock().allowed = (!allowed.is_empty()).then_some(allowed);
    }

    pub fn revoke_tokens(&self) {
        self.lock().tokens.revoke_all();
    }

    /// Makes a new key pair, as an upgrade of 17 does.
    pub fn regenerate_keys(&self) {
        self.lock().tokens.regenerate_keys();
    }

    /// Requests seen so far for an operation; the harmless query counts apart.
    pub fn requests(&self, operation: Operation) -> u64 {
        self.lock().requests[operation.index()]
    }

    /// Token requests seen so far, by the grant sent, whatever became of them.
    pub fn token_requests_by_grant(&self, grant: Grant) -> u64 {
        self.lock().token_requests[grant.index()]
    }

    /// PHP sessions begun so far, each of which leaves a file.
    pub fn sessions(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Rows of tokens written so far, whether or not anybody got these.
    pub fn token_rows(&self) -> u64 {
        self.lock().tokens.rows()
    }

    /// Harmless queries (`{ __typename }`) seen so far.
    pub fn validity_requests(&self) -> u64 {
        self.lock().validity_requests
    }
}

impl Simulated for SimPbx {
    fn faults(&self) -> Option<watch::Receiver<()>> {
        Some(self.faults.subscribe())
    }

    fn answer(&self, request: &SimRequest) -> SimAnswer {
        let mut state = self.lock();
        state.now = self.clock.unix();
        let operation = state.count(request);
        let is_for_php = address(&request.path_and_query).is_some();
        let fault = state.fault.clone().filter(|fault| is_for_php || !fault.is_behind_php());
        let faulty =
            fault.as_ref().and_then(|fault| fault.answer(operation, &request.method, state.generation));
        let harmless = mentions(&request.body, "__typename");
        let faulty = match &fault {
            Some(Fault::OfList(fixture)) if operation == Operation::Extensions && !harmless => {
                Some(fixture.answer())
            }
            _ => faulty,
        };
        let generation = state.generation;
        let signs = operation == Operation::Token
            && request.method == Method::POST
            && fault == Some(Fault::KeyUnusable);
        // league 6 signs last: it has refused what it refuses by then, and written the rows.
        let refused = (signs && generation == Generation::V16).then(|| dispatch(&mut state, request).err());
        let faulty = refused.flatten().map_or(faulty, |name| Some(find(name, generation).answer()));
        let Answer { status, mut headers, body } = faulty.unwrap_or_else(|| {
            dispatch(&mut state, request).unwrap_or_else(|name| find(name, generation).answer())
        });
        if is_for_php && !fault.as_ref().is_some_and(Fault::is_before_session) {
            state.session(request, &mut headers);
        }
        headers.entry(DATE).or_insert_with(|| date(state.now));
        SimAnswer { status, headers, body, delay: fault.and_then(|fault| fault.delay()) }
    }
}

impl State {
    /// `session_start` with FreePBX's life of 30 days, before any module is asked (FreePBX/framework:admin/bootstrap.php).
    fn session(&mut self, request: &SimRequest, headers: &mut HeaderMap) {
        let cookies = request.headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let sent = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("PHPSESSID="));
        if let Some(id) = sent {
            // Without `session.use_strict_mode` PHP takes what it is given.
            self.sessions.insert(id.to_owned());
            return;
        }
        let id = format!("madeup{:020}", self.sessions.len());
        let cookie = format!("PHPSESSID={id}; Max-Age=2592000; path=/");
        headers.extend(HeaderValue::from_str(&cookie).ok().map(|value| (SET_COOKIE, value)));
        self.sessions.insert(id);
    }

    /// Counts a request and says what it is.
    fn count(&mut self, request: &SimRequest) -> Operation {
        let asked = address(&request.path_and_query);
        if asked.as_ref().is_some_and(|(module, command, _)| module == "api" && command == "authorize") {
            // A person's browser, not the exporter.
            return Operation::Extensions;
        }
        let operation = match asked {
            Some((module, command, _)) if module == "api" && command == "token" => Operation::Token,
            _ if mentions(&request.body, "system") => Operation::Version,
            _ => Operation::Extensions,
        };
        if mentions(&request.body, "__typename") {
            self.validity_requests += 1;
        } else {
            self.requests[operation.index()] += 1;
        }
        let grant = (operation == Operation::Token).then(|| oauth::grant_sent(self.generation, request));
        if let Some(grant) = grant.flatten() {
            self.token_requests[grant.index()] += 1;
        }
        operation
    }

    pub fn app(&self, client: &str) -> Option<&App> {
        let there = self.fault != Some(Fault::ApplicationDeleted);
        self.apps.iter().find(|app| there && app.id == client)
    }

    pub fn secret(&self) -> &'static str {
        match self.fault {
            Some(Fault::SecretRegenerated) => "regenerated-made-up-secret-00001",
            _ => target::SECRET,
        }
    }

    pub fn allowed_scopes(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        match (&self.fault, &self.allowed) {
            (Some(Fault::ScopeRemoved), _) => words(&["gql:framework", "rest:framework"]),
            (Some(Fault::AllowedScopesUnknownWord), _) => words(&["extensions:read"]),
            (_, Some(allowed)) => allowed.clone(),
            _ => words(&["gql", "rest"]),
        }
    }

    /// The scopes of the token sent, or the name of the fixture that refuses it.
    pub fn bearer(&self, request: &SimRequest) -> Result<&[String], &'static str> {
        let value = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer "));
        match (&self.fault, token) {
            (Some(Fault::DropsAuthorization), _) | (_, None) => Err("no token"),
            (Some(Fault::RejectAllTokens), _) => Err("token revoked"),
            (_, Some(token)) => self.tokens.scopes(token, self.now),
        }
    }
}

pub(super) fn date(unix: f64) -> HeaderValue {
    let text = http_date(unix).and_then(|text| HeaderValue::from_str(&text).ok());
    text.unwrap_or_else(|| HeaderValue::from_static(""))
}

fn mentions(body: &[u8], word: &str) -> bool {
    body.windows(word.len()).any(|window| window == word.as_bytes())
}

/// Module, command and route, as `.htaccess` and `ajax.php` find them; `None`: no FreePBX address.
fn address(path_and_query: &str) -> Option<(String, String, String)> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    if path == "/admin/ajax.php" {
        let pairs: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let get = |name, default: &str| pairs.get(name).map_or(default, String::as_str).to_owned();
        return Some((get("module", "framework"), get("command", "unset"), get("route", "")));
    }
    let mut parts = path.strip_prefix("/admin/api/")?.splitn(3, '/').map(str::to_owned);
    Some((parts.next()?, parts.next()?, parts.next().unwrap_or_default()))
}

/// The GUI's commands of the API module (FreePBX/api:Api.class.php).
const GUI_COMMANDS: &str = "add_application remove_refresh_token remove_access_token remove_application \
    regenerate_application getApplications getTokens getRefreshTokens getScopes getJSTreeScopes \
    generatedocs getAccessToken";

/// What `ajax.php` does, in its order.
fn dispatch(state: &mut State, request: &SimRequest) -> Result<Answer, &'static str> {
    let (module, command, route) = address(&request.path_and_query).ok_or("rewrite ignored")?;
    match (module.as_str(), command.as_str()) {
        ("api", "token") => oauth::token(state, request),
        ("api", "authorize") => Ok(authorize_page(state, request)),
        ("api", "gql") => graphql::answer(state, request),
        ("api", "rest") => rest(state, request, &route),
        ("api", command) if GUI_COMMANDS.split(' ').any(|known| known == command) => {
            Err(gui_command(request))
        }
        ("api" | "core" | "framework", _) => Err("declined"),
        _ => Err("module does not exist"),
    }
}

/// Nobody without a session, and before that nobody who does not come from the web interface.
fn gui_command(request: &SimRequest) -> &'static str {
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    let from = header(REFERER).and_then(|referer| Some(Url::parse(referer).ok()?.host_str()?.to_owned()));
    let host = header(HOST).map(|host| host.split(':').next().unwrap_or_default());
    if from.is_some() && from.as_deref() == host { "GUI command" } else { "declined for want of a Referer" }
}

fn authorize_page(state: &mut State, request: &SimRequest) -> Answer {
    let mut codes = std::mem::take(&mut state.codes);
    let knows = |id: &str| state.app(id).is_some_and(|app| app.grant == Grant::AuthorizationCode);
    let grants = |asked: &str| scopes::grant(&state.allowed_scopes(), asked, state.generation).ok();
    let rules = authorize::Rules { knows: &knows, grants: &grants };
    let answer = authorize::answer(&mut codes, request, state.now, &rules);
    state.codes = codes;
    answer
}

fn numbers(count: u32) -> Vec<String> {
    (2000..2000 + count).map(|number| number.to_string()).collect()
}

fn rest(state: &State, request: &SimRequest, route: &str) -> Result<Answer, &'static str> {
    if state.generation == Generation::V17_0_1 {
        return Err("REST broken");
    }
    let granted = state.bearer(request)?;
    let may = |needed| granted.iter().any(|scope| scopes::covers(scope, needed));
    let (needed, body) = match route {
        _ if request.method != Method::GET => return Err("REST unknown route"),
        "core/users" => ("rest:core:read:users", users(&state.extensions)),
        "framework/version" => ("rest:framework:read:system", graphql::version(state.generation)),
        _ => {
            let id = route.strip_prefix("core/users/").filter(|id| !id.is_empty() && !id.contains('/'));
            ("rest:core:read:users", user_of(&state.extensions, id.ok_or("REST unknown route")?))
        }
    };
    if may(needed) { Ok(oauth::json_answer(&body)) } else { Err("REST scope missing") }
}

/// PHP writes an empty array as a list.
fn users(extensions: &[String]) -> Value {
    let user = |id: &String| (id.clone(), json!({"extension": id, "name": "Phone", "voicemail": "novm"}));
    let users: serde_json::Map<_, _> = extensions.iter().map(user).collect();
    if users.is_empty() { json!([]) } else { users.into() }
}

fn user_of(extensions: &[String], id: &str) -> Value {
    if !extensions.iter().any(|known| known == id) {
        return json!([]);
    }
    json!({
        "extension": id, "password": "", "name": "Phone", "voicemail": "novm", "ringtimer": 0, "noanswer": "",
        "recording": "", "outboundcid": "", "sipname": "", "mohclass": "default", "callwaiting": "enabled",
    })
}
