//! `pbx_exporter authorize`: a person confirms access in a browser, and the exporter gets the tokens.

mod browser;
mod paste;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::exit::Exit;
use super::web::Options;
use super::{print_errors, select};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Grant, Target};
use crate::oauth::confirm::{Confirmation, Granted, Received, Unconfirmed};
use crate::store::Store;
use crate::transport::HttpTransport;
use crate::web::{self, loopback};

/// Where the command listens without `--port` and `auth.redirect_uri`, when it does not listen at all.
const PASTED_PORT: u16 = 8765;
/// A person may take so long.
const PATIENCE: Duration = Duration::from_secs(600);

/// Confirm access in a browser, for a target with the grant `authorization_code`
///
/// Prints the address to open, and opens it if there is a desktop. The running exporter picks the tokens up by
/// itself, or does so at its next start.
///
/// Exit codes: 0 confirmed; 1 the port is taken; 2 wrong arguments; 4 configuration or token storage; 5 no answer;
/// 6 not confirmed.
#[derive(Args, Clone, Debug)]
pub struct AuthorizeArgs {
    /// Name of a configured target
    #[arg(value_name = "TARGET")]
    target: String,
    /// Print a one-time code for the page of the running service instead
    #[arg(long, conflicts_with_all = ["paste", "port", "no_browser"])]
    page: bool,
    /// Do not listen: read the address that the browser was sent to from standard input
    #[arg(long, conflicts_with = "port")]
    paste: bool,
    /// Port of 127.0.0.1 to listen on [default: that of auth.redirect_uri, else a free one]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
}

struct Failed(Exit, String);

impl From<Unconfirmed> for Failed {
    fn from(error: Unconfirmed) -> Self {
        let (operation, reason) = error.reason();
        Self(Exit::of(operation, reason), error.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(Exit::Failed, error.to_string())
    }
}

pub(super) async fn run(args: &AuthorizeArgs, patterns: &[String], options: &Options) -> ExitCode {
    let config = select::config(patterns, std::slice::from_ref(&args.target));
    let config =
        match config.and_then(|config| options.with_external_url(config).map_err(|error| vec![error])) {
            Ok(config) => config,
            Err(errors) => {
                print_errors(&errors);
                return Exit::Configuration.into();
            }
        };
    match authorize(args, &config).await {
        Ok(text) => {
            // The tokens are there even where nobody listens.
            let _ = writeln!(io::stdout(), "{text}");
            Exit::Fine.into()
        }
        Err(Failed(exit, error)) => {
            print_errors(&[format!("{}: not confirmed: {error}", args.target)]);
            exit.into()
        }
    }
}

async fn authorize(args: &AuthorizeArgs, config: &Config) -> Result<String, Failed> {
    let unusable = |text: String| Failed(Exit::Configuration, text);
    let (Some(target), Some(settings)) = (config.targets.first(), &config.storage) else {
        return Err(unusable("the configuration has no `storage:` for the tokens; add it".to_owned()));
    };
    if target.auth.grant != Grant::AuthorizationCode {
        let text = "which needs no confirmation; only a target with `grant: authorization_code` does";
        return Err(unusable(format!("its grant is {}, {text}", target.auth.grant)));
    }
    let store = Arc::new(Store::new(settings));
    if args.page {
        return code(&store, target, config.external_url.as_ref()).map_err(unusable);
    }
    store.can_hand_over().map_err(|error| unusable(error.to_string()))?;
    let way = Way::of(args, target).await?;
    let confirmation = Confirmation::begin(Arc::clone(target), way.redirect_uri.clone())
        .ok_or_else(|| unusable("its platform has no page for confirming access".to_owned()))?;
    announce(&confirmation, &way)?;
    if !args.no_browser && !args.paste {
        browser::open(&confirmation.location);
    }
    way.wait_and_swap(confirmation, &store).await
}

fn code(store: &Store, target: &Target, external_url: Option<&Url>) -> Result<String, String> {
    let url = external_url.ok_or(
        "the running service has no page for it; add `authorization:` with external_url at the top level, and restart it",
    )?;
    let code = store.new_code(&target.name, Clock::System.unix()).map_err(|error| error.to_string())?;
    let mut page = url.clone();
    page.set_path(&format!("{}oauth/start", url.path()));
    page.query_pairs_mut().append_pair("target", &target.name);
    Ok(format!("Open {page}\nand enter this code within 10 minutes; it works once: {code}"))
}

fn announce(confirmation: &Confirmation, way: &Way) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "Open this address in a browser and confirm access there:\n\n{}\n", confirmation.location)?;
    if way.listener.is_some() {
        writeln!(out, "Waiting up to 10 minutes for the browser to return to {}.", way.redirect_uri)?;
        writeln!(
            out,
            "If the browser runs on another machine, its last page cannot load: paste that page's address here."
        )?;
    } else {
        writeln!(out, "Then paste the address of the last page here, even if it cannot load:")?;
    }
    out.flush()
}

struct Way {
    redirect_uri: Url,
    listener: Option<TcpListener>,
}

impl Way {
    async fn of(args: &AuthorizeArgs, target: &Target) -> Result<Self, Failed> {
        let own = target.auth.redirect_uri.as_deref();
        if let Some(url) = own.filter(|url| args.paste || listens_at(url).is_none()) {
            return Ok(Self { redirect_uri: url.clone(), listener: None });
        }
        if args.paste {
            return Ok(Self { redirect_uri: loopback_address(PASTED_PORT)?, listener: None });
        }
        let here = own.and_then(listens_at);
        let port = here.map(|here| here.port());
        if let (Some(own), Some(asked)) = (port, args.port.filter(|asked| Some(*asked) != port)) {
            let text = format!("--port {asked} is not the port of auth.redirect_uri, {own}; leave it out");
            return Err(Failed(Exit::Usage, text));
        }
        let here = here.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, args.port.unwrap_or(0)).into());
        let listener = TcpListener::bind(here).await.map_err(|error| {
            let text =
                format!("failed to listen on {here}: {error}; stop what listens there, or use --paste");
            Failed(Exit::Failed, text)
        })?;
        let redirect_uri = match own {
            Some(url) => url.clone(),
            None => loopback_address(listener.local_addr()?.port())?,
        };
        Ok(Self { redirect_uri, listener: Some(listener) })
    }

    /// Takes the first answer that is of this confirmation.
    async fn wait_and_swap(self, confirmation: Confirmation, store: &Arc<Store>) -> Result<String, Failed> {
        let (tasks, close) = (TaskTracker::new(), CancellationToken::new());
        let listens = self.listener.is_some();
        let (router, brought) = loopback::router(self.redirect_uri.path());
        if let Some(listener) = self.listener {
            tasks.spawn(web::serve(listener, router, close.clone()));
        }
        let result = match tokio::time::timeout(PATIENCE, first_answer(&confirmation, brought, listens)).await
        {
            Ok(Ok((code, reply))) => swap(confirmation, code, store, reply).await,
            Ok(Err(failed)) => Err(failed),
            Err(_) => Err(Failed(Exit::Token, "nobody confirmed within 10 minutes".to_owned())),
        };
        // The browser gets its last page before the process ends.
        close.cancel();
        tasks.close();
        tokio::time::timeout(Duration::from_secs(1), tasks.wait()).await.ok();
        result
    }
}

/// Where this command can listen for that address.
fn listens_at(url: &Url) -> Option<SocketAddr> {
    let host: IpAddr = match url.host_str()? {
        "127.0.0.1" | "localhost" => Ipv4Addr::LOCALHOST.into(),
        "[::1]" => Ipv6Addr::LOCALHOST.into(),
        _ => return None,
    };
    let port = url.port_or_known_default().filter(|_| url.scheme() == "http")?;
    Some((host, port).into())
}

fn loopback_address(port: u16) -> Result<Url, Failed> {
    let url = Url::parse(&format!("http://127.0.0.1:{port}/callback"));
    url.map_err(|error| Failed(Exit::Failed, error.to_string()))
}

/// Who waits for what came of a code.
type Reply = oneshot::Sender<(bool, String)>;

/// The code that the first answer of this confirmation brings.
async fn first_answer(
    confirmation: &Confirmation,
    mut brought: mpsc::Receiver<loopback::Brought>,
    listens: bool,
) -> Result<(SecretString, Option<Reply>), Failed> {
    let mut pasted = paste::lines();
    let mut reads_input = true;
    loop {
        tokio::select! {
            Some(loopback::Brought { redirected, reply }) = brought.recv(), if listens => {
                match confirmation.accept(&redirected) {
                    // A stale tab, or another site's trick: the right one may still come.
                    Err(error @ Unconfirmed::WrongState) => {
                        print_errors(&[format!("{error}; still waiting")]);
                        reply.send((false, sentence(&error))).ok();
                    }
                    Err(error) => {
                        reply.send((false, sentence(&error))).ok();
                        return Err(error.into());
                    }
                    Ok(code) => return Ok((code, Some(reply))),
                }
            }
            line = pasted.recv(), if reads_input => match line {
                Some(line) => {
                    if let Some(accepted) = paste::accept(confirmation, &line) {
                        return Ok((accepted?, None));
                    }
                }
                None if listens => reads_input = false,
                None => {
                    let text = "no address came on standard input; run the command again and paste the whole address of \
                                the last page";
                    return Err(Failed(Exit::Token, text.to_owned()));
                }
            },
        }
    }
}

async fn swap(
    confirmation: Confirmation,
    code: SecretString,
    store: &Arc<Store>,
    mut reply: Option<Reply>,
) -> Result<String, Failed> {
    let mut answer = |told: (bool, String)| reply.take().map(|reply| reply.send(told));
    let target = Arc::clone(&confirmation.target);
    let swapped = confirmation.swap(code, &HttpTransport::new(), store, Clock::System, None).await;
    let received = swapped.result.inspect_err(|error| {
        answer((false, sentence(error)));
    })?;
    let granted = match received.hand_over().await {
        Ok(granted) => granted,
        Err(error) => {
            let text = format!("access is confirmed, but the tokens cannot be written yet: {error}");
            print_errors(&[format!("{text}; still trying, do not stop this command")]);
            answer((false, format!("For {}: {text}. The command keeps trying.", target.name)));
            written_at_last(&received).await?
        }
    };
    let told = granted.sentence(&target);
    answer((true, told.clone()));
    let interval = humantime::format_duration(target.failure_interval);
    Ok(format!(
        "{told}\nA running exporter picks it up by itself within {interval}; otherwise its next start does."
    ))
}

async fn written_at_last(received: &Received) -> Result<Granted, Failed> {
    let written = tokio::time::timeout(PATIENCE, received.hand_over_at_last()).await;
    written.map_err(|_| {
        let text = "the tokens could not be written within 10 minutes and are lost: fix the storage, then confirm again";
        Failed(Exit::Configuration, text.to_owned())
    })
}

fn sentence(error: &Unconfirmed) -> String {
    format!("Access is not confirmed: {error}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_loopback_address_is_listened_at() {
        for (address, here) in [
            ("http://127.0.0.1:8765/callback", Some("127.0.0.1:8765")),
            ("http://localhost/callback", Some("127.0.0.1:80")),
            ("http://[::1]:8765/callback", Some("[::1]:8765")),
            ("https://127.0.0.1:8765/callback", None),
            ("http://192.0.2.1:8765/callback", None),
        ] {
            let at = listens_at(&Url::parse(address).expect("an address"));
            assert_eq!(at.map(|at| at.to_string()).as_deref(), here, "{address}");
        }
    }
}
