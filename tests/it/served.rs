//! Programs of others that take requests, as processes on free ports of this host.

use std::{fs, path::Path, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
};

use crate::house::PATIENCE;

/// A process that has printed where it listens; it ends with the value.
pub struct Served {
    /// Where it listens.
    pub url: String,
    /// The process itself.
    pub process: Child,
    printed: mpsc::UnboundedReceiver<String>,
}

impl Served {
    /// Starts it, and waits until it names its port.
    pub async fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, printed) = mpsc::unbounded_channel();
        hand_on(process.stdout.take().unwrap(), sender.clone());
        hand_on(process.stderr.take().unwrap(), sender);
        let mut served = Self { url: String::new(), process, printed };
        let ready = served.line_with("http://127.0.0.1:").await;
        let behind = ready.split("http://127.0.0.1:").nth(1).unwrap();
        let port: String = behind.chars().take_while(char::is_ascii_digit).collect();
        served.url = format!("http://127.0.0.1:{port}/");
        served
    }

    /// Waits for a printed line that holds `text`.
    pub async fn line_with(&mut self, text: &str) -> String {
        let mut before = Vec::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, self.printed.recv()).await;
            let line = line.ok().flatten().unwrap_or_else(|| panic!("no {text:?} after {before:#?}"));
            if line.contains(text) {
                return line;
            }
            before.push(line);
        }
    }
}

/// What a file holds, one JSON value a line; nothing if it is missing.
pub fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn hand_on(stream: impl AsyncRead + Unpin + Send + 'static, to: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(stream).lines();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            // Somebody has to read on even when nobody listens, or the process would get a closed pipe.
            drop(to.send(line));
        }
    });
}
