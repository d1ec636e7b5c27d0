//! The receivers of `contrib/receivers` as processes of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::{
    request::Request,
    served::{Served, json_lines},
};

/// Every receiver that is shipped.
pub const LANGUAGES: [Language; 3] = [Language::Python, Language::Node, Language::Php];

/// What a receiver is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    Node,
    Php,
}

/// A receiver on a free port of this host.
pub struct Shipped {
    /// The process; it ends with the value.
    pub served: Served,
    out: PathBuf,
}

impl Shipped {
    /// Starts one that keeps its events in `folder` and knows these secrets.
    pub async fn start(language: Language, folder: &Path, secrets: &[&str]) -> Self {
        let (secret_file, out) = (folder.join("crm.secret"), folder.join("events.jsonl"));
        // Whatever else leadmilter lets stand in that file must not disturb.
        fs::write(&secret_file, format!("# changed in November\n\n{}\r\nwhsk_AAAA\n", secrets.join("\n"))).unwrap();
        let mut command = language.command(&secret_file, &out);
        command.current_dir(folder);
        Self { served: Served::start(command).await, out }
    }

    /// What it kept, one value a line.
    pub fn kept(&self) -> Vec<Value> {
        json_lines(&self.out)
    }

    /// Kills it, as a power cut would.
    pub async fn kill(mut self) {
        self.served.process.kill().await.unwrap();
    }

    /// Makes a request and gives back the status of its answer.
    pub async fn send(&self, request: &Request) -> u16 {
        request.send(&self.served.url).await
    }
}

impl Language {
    fn command(self, secret_file: &Path, out: &Path) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/receivers");
        let with_options = |program: &str, script: &str| {
            let mut command = Command::new(program);
            command.arg(root.join(script)).args(["--port", "0", "--secret-file"]).arg(secret_file);
            command.arg("--out").arg(out);
            command
        };
        match self {
            Self::Python => with_options("python3", "receiver.py"),
            Self::Node => with_options("node", "receiver.js"),
            Self::Php => {
                let mut command = Command::new("php");
                command.args(["-S", "127.0.0.1:0"]).arg(root.join("receiver.php"));
                command.env("LEADMILTER_SECRET_FILE", secret_file).env("LEADMILTER_OUT", out);
                command
            }
        }
    }
}

/// A line of what a receiver keeps.
pub fn entry(id: &str, duplicate: bool, event: &Value) -> Value {
    json!({"id": id, "duplicate": duplicate, "event": event})
}

/// A place between sender and receiver that hands on every byte, but loses the first answer.
pub async fn lossy_relay(url: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = format!("http://{}/", listener.local_addr().unwrap());
    let receiver = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    tokio::spawn(async move {
        let (mut sender, _) = listener.accept().await.unwrap();
        let mut receiving = TcpStream::connect(&receiver).await.unwrap();
        let (mut from_receiver, mut to_receiver) = receiving.split();
        tokio::select! {
            ended = tokio::io::copy(&mut sender, &mut to_receiver) => panic!("the sender gave up: {ended:?}"),
            answered = from_receiver.read_u8() => answered.unwrap(),
        };
        drop(sender);
        let (mut sender, _) = listener.accept().await.unwrap();
        let mut receiving = TcpStream::connect(&receiver).await.unwrap();
        // Ends with the test that began it.
        drop(tokio::io::copy_bidirectional(&mut sender, &mut receiving).await);
    });
    relay
}
