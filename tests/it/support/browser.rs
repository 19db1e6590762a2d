//! A headless Chromium, driven by ChromeDriver (W3C WebDriver) over plain HTTP.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process::{PATIENCE, eventually};

/// One browser with one window.
pub struct Browser {
    authority: String,
    session: String,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let log = profile.path().join("driver.log");
        let file = std::fs::File::create(&log).expect("a file");
        let driver = Command::new("chromedriver")
            .args(["--port=0"])
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver, which ./run-tests installs");
        let port = eventually("chromedriver says where it listens", async || {
            let text = std::fs::read_to_string(&log).expect("text");
            let (_, rest) = text.split_once("started successfully on port ")?;
            Some(rest.split_once('.')?.0.to_owned())
        });
        let authority = format!("127.0.0.1:{}", port.await);
        let folder = format!("--user-data-dir={}", profile.path().join("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &folder,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": arguments}, "pageLoadStrategy": "normal"
        }}});
        let made = ask(&authority, "POST", "/session", &wanted).await;
        let session = made["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {made}")).to_owned();
        Self { authority, session, _driver: driver, _profile: profile }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        ask(&self.authority, method, &format!("/session/{}{path}", self.session), &body).await
    }

    /// Goes to an address, and waits until the page is there.
    pub async fn open(&self, url: &str) {
        self.ask("POST", "/url", json!({"url": url})).await;
    }

    async fn find(&self, css: &str) -> String {
        eventually(&format!("{css} is on the page"), async || {
            let found = self.ask("POST", "/element", json!({"using": "css selector", "value": css})).await;
            found
                .as_object()?
                .values()
                .next()?
                .as_str()
                .map(str::to_owned)
                .filter(|_| found["error"].is_null())
        })
        .await
    }

    /// Presses what this selects.
    pub async fn press(&self, css: &str) {
        let element = self.find(css).await;
        self.ask("POST", &format!("/element/{element}/click"), json!({})).await;
    }

    /// Writes into what this selects.
    pub async fn write(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.ask("POST", &format!("/element/{element}/value"), json!({"text": text})).await;
    }

    /// The text of the page, once it has this in it.
    pub async fn reads(&self, expected: &str) -> String {
        eventually(&format!("the page says {expected}"), async || {
            let body = self.ask(
                "POST",
                "/execute/sync",
                json!({"script": "return document.body.innerText", "args": []}),
            );
            body.await.as_str().filter(|text| text.contains(expected)).map(str::to_owned)
        })
        .await
    }

    /// Where it is.
    pub async fn address(&self) -> String {
        self.ask("GET", "/url", Value::Null).await.as_str().expect("an address").to_owned()
    }
}

impl Drop for Browser {
    /// Chromium ends with its session, not with its driver.
    fn drop(&mut self) {
        let Ok(mut stream) = std::net::TcpStream::connect(&self.authority) else { return };
        let (session, authority) = (&self.session, &self.authority);
        let request =
            format!("DELETE /session/{session} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok();
        if stream.write_all(request.as_bytes()).is_ok() {
            // An answer says that it is done.
            stream.read_exact(&mut [0; 16]).ok();
        }
    }
}

/// One command; its `value`.
async fn ask(authority: &str, method: &str, path: &str, body: &Value) -> Value {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let answer =
        timeout(PATIENCE, exchange(authority, method, path, &text)).await.expect("an answer in time");
    let mut answer: Value = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
    answer["value"].take()
}

/// ChromeDriver speaks HTTP/1.1 alone, and leaves the connection open whatever it is asked.
async fn exchange(authority: &str, method: &str, path: &str, body: &str) -> String {
    let stream = TcpStream::connect(authority).await.expect("chromedriver listens");
    let mut stream = BufReader::new(stream);
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: \
         {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a line");
        match line.trim_end().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().expect("a number"),
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
    String::from_utf8(body).expect("text")
}
