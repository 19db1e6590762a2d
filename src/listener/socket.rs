//! Where to listen, and what comes in: TCP, a socket in the file system, and what systemd hands over.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::either::Either;

use super::connection::Stream;

/// A bound socket.
pub struct Socket(Kind);

enum Kind {
    Tcp(std::net::TcpListener),
    Unix { listener: std::os::unix::net::UnixListener, path: PathBuf, ours: bool },
}

impl Socket {
    /// Binds `host:port`, `:port` (every address, by IPv6 and IPv4 where the machine has both) or
    /// `unix:/path?mode=0660`.
    ///
    /// # Errors
    /// Why not, and how to fix it.
    pub async fn bind(address: &str) -> anyhow::Result<Self> {
        let bound = match address.strip_prefix("unix:") {
            Some(place) => return unix(place).with_context(|| format!("failed to listen on {address}")),
            None => tcp(address).await,
        };
        bound.map_err(|error| {
            let fix = match error.kind() {
                ErrorKind::InvalidInput => "; write HOST:PORT, :PORT or unix:/PATH, as in localhost:10177",
                ErrorKind::AddrInUse => "; stop what listens there, or choose another port",
                _ => "",
            };
            anyhow::Error::new(error).context(format!("failed to listen on {address}{fix}"))
        })
    }

    /// All that systemd hands over (`LISTEN_FDS`).
    ///
    /// # Errors
    /// There is none, or one that no connection comes by.
    pub fn from_systemd() -> anyhow::Result<Vec<Self>> {
        let mut handed = ListenFd::from_env();
        if handed.len() == 0 {
            bail!("no socket activation file descriptors found; start by a socket unit of systemd");
        }
        (0..handed.len()).map(|place| one(&mut handed, place)).collect()
    }

    /// How people write where it is.
    pub fn address(&self) -> String {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().map_or_else(|e| e.to_string(), |a| a.to_string()),
            Kind::Unix { path, .. } => format!("unix:{}", path.display()),
        }
    }

    /// Whether this machine alone can reach it.
    pub fn is_near(&self) -> bool {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().is_ok_and(|a| Peer::of(a.ip()) == Peer::Near),
            Kind::Unix { .. } => true,
        }
    }

    /// Registers it with the runtime of this thread.
    pub(super) fn listen(self) -> io::Result<Listener> {
        match self.0 {
            Kind::Tcp(listener) => TcpListener::from_std(listener).map(Listener::Tcp),
            Kind::Unix { listener, path, ours } => {
                let path = ours.then_some(path);
                UnixListener::from_std(listener).map(|listener| Listener::Unix { listener, path })
            }
        }
    }
}

async fn tcp(address: &str) -> io::Result<Socket> {
    let candidates = match address.strip_prefix(':') {
        Some(port) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        None => vec![address.to_owned()],
    };
    let mut failure = None;
    for candidate in &candidates {
        match TcpListener::bind(candidate).await {
            Ok(listener) => return listener.into_std().map(Kind::Tcp).map(Socket),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| ErrorKind::InvalidInput.into()))
}

fn unix(place: &str) -> anyhow::Result<Socket> {
    let (path, mode) = match place.split_once("?mode=") {
        Some((path, mode)) => (path, Some(u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o777))),
        None => (place, None),
    };
    if mode == Some(None) || !path.starts_with('/') {
        bail!("write unix:/PATH or unix:/PATH?mode=0660");
    }
    let path = PathBuf::from(path);
    remove_dead(&path)?;
    let listener = std::os::unix::net::UnixListener::bind(&path)?;
    listener.set_nonblocking(true)?;
    if let Some(mode) = mode.flatten() {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(Socket(Kind::Unix { listener, path, ours: true }))
}

/// A socket stays in the file system when its process is killed. One that somebody answers is theirs.
fn remove_dead(path: &Path) -> anyhow::Result<()> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    if !found.file_type().is_socket() {
        bail!("{} is there already and is no socket; choose another path", path.display());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(std::fs::remove_file(path)?),
        Err(error) => Err(error).context("failed to find out whether somebody listens there"),
        Ok(_) => bail!("another process listens there; stop it, or choose another path"),
    }
}

fn one(handed: &mut ListenFd, place: usize) -> anyhow::Result<Socket> {
    if let Ok(Some(listener)) = handed.take_tcp_listener(place) {
        listener.set_nonblocking(true)?;
        return Ok(Socket(Kind::Tcp(listener)));
    }
    match handed.take_unix_listener(place) {
        Ok(Some(listener)) => {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let path = address.as_pathname().map(Path::to_owned).unwrap_or_default();
            Ok(Socket(Kind::Unix { listener, path, ours: false }))
        }
        _ => bail!("a socket that systemd hands over takes no connections; write ListenStream= in its unit"),
    }
}

/// A socket at work.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// What to remove at the end.
        path: Option<PathBuf>,
    },
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix { path: Some(path), .. } = self {
            std::fs::remove_file(path).ok();
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// This machine, by a loopback address or a file.
    Near,
    Far,
}

impl Peer {
    fn of(ip: IpAddr) -> Self {
        if ip.to_canonical().is_loopback() { Self::Near } else { Self::Far }
    }
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Either::Left(without_delay(stream)), Peer::of(address.ip())))
            }
            Self::Unix { listener, .. } => {
                listener.accept().await.map(|(stream, _)| (Either::Right(stream), Peer::Near))
            }
        }
    }
}

/// An answer is written in large pieces; its end must not wait for an acknowledgement.
fn without_delay(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).ok();
    stream
}
