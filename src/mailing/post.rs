//! Hands a letter to the local mail server: to sendmail(1) on its standard input, or by SMTP.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use lettre::{Message, SmtpTransport, Transport};
use tokio::{io::AsyncWriteExt, process::Command};

use super::MailingError;
use crate::config::Mail;

/// How long the mail server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands it over. Whatever happens afterwards is between the mail server and the receivers.
pub async fn post(mail: &Mail, letter: Message) -> Result<(), MailingError> {
    match mail {
        Mail::Sendmail(program) => {
            let posted = tokio::time::timeout(PATIENCE, sendmail(program, &letter)).await;
            posted.unwrap_or(Err(MailingError::Refused(format!("{} did not end", program.display()))))
        }
        Mail::Smtp(server) => {
            let server = *server;
            let posted = tokio::task::spawn_blocking(move || smtp(server, &letter)).await;
            posted.unwrap_or_else(|broken| Err(MailingError::Refused(broken.to_string())))
        }
    }
}

async fn sendmail(program: &Path, letter: &Message) -> Result<(), MailingError> {
    let cannot = |source| MailingError::Program { program: program.to_owned(), source };
    let envelope = letter.envelope();
    let mut command = Command::new(program);
    command.args(["-i", "-f"]).arg(envelope.from().map_or("", |from| from.as_ref())).arg("--").args(envelope.to());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(cannot)?;
    // All of it is encoded, so line ends stand nowhere else; a program's are those of the system.
    let text = String::from_utf8_lossy(&letter.formatted()).replace("\r\n", "\n");
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read says why by its exit code.
        drop(stdin.write_all(text.as_bytes()).await);
    }
    let ended = child.wait_with_output().await.map_err(cannot)?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let said = said.lines().next().unwrap_or_default().to_owned();
    Err(MailingError::Refused(format!("{}: {}: {said}", program.display(), ended.status)))
}

fn smtp(server: SocketAddr, letter: &Message) -> Result<(), MailingError> {
    let host = server.ip().to_string();
    let transport = SmtpTransport::builder_dangerous(host).port(server.port()).timeout(Some(PATIENCE)).build();
    transport.send(letter).map(drop).map_err(|source| MailingError::Smtp { source })
}
