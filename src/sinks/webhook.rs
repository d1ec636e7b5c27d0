//! The webhook: one signed POST after Standard Webhooks 1.0.0.
//!
//! Given an event, makes one call and gives back what it came to. Follows no redirect, uses no proxy of the
//! environment, reads at most the first 64 KiB of an answer, goes to no metadata service. Makes no second attempt, and
//! no error text holds the URL.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use reqwest::{
    Client, Response,
    dns::Resolve,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect, retry,
};
use rustls::crypto::{CryptoProvider, ring};
use url::Url;

use super::{
    Answer, Message, SinkError, Verdict, answer,
    destination::{self, Metadata, Resolver},
    signature::Signer,
};
use crate::{clock::Millis, config, lead::bounded};

/// Bytes of an answer that are read; a longer one loses its connection.
const READ: usize = 64 * 1024;

/// Characters of an error that are kept.
const ERROR: usize = 300;

/// Shorter than the keep-alive of the usual web servers (5 s): on a connection that the receiver is just closing, a
/// call would fail for nothing.
const IDLE: Duration = Duration::from_secs(4);

/// A receiver of signed events.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    url: Url,
    signer: Signer,
}

impl Webhook {
    /// Prepares client and keys. Opens no connection.
    pub fn open(config: &config::Sink) -> Result<Self, SinkError> {
        Self::open_with(config, Resolver)
    }

    fn open_with(config: &config::Sink, resolver: impl Resolve + 'static) -> Result<Self, SinkError> {
        if config.secrets.is_empty() {
            return Err(SinkError::NoSecret(config.id.clone()));
        }
        let signer = Signer::new(&config.secrets).ok_or_else(|| SinkError::BadSecret(config.id.clone()))?;
        let client = client(config, resolver)
            .map_err(|error| SinkError::Client { sink: config.id.clone(), source: error.without_url() })?;
        Ok(Self { client, url: config.url.clone(), signer })
    }

    /// Makes one attempt. The status alone decides: a body that breaks off changes nothing.
    pub async fn deliver(&self, message: Message<'_>) -> Answer {
        let begun = Instant::now();
        let (verdict, status, error, answer) = match self.call(message).await {
            Ok(mut response) => {
                let status = response.status();
                let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let verdict = answer::verdict(status, retry_after, SystemTime::now());
                let error = (verdict != Verdict::Delivered).then(|| answer::fault(status));
                (verdict, Some(status.as_u16()), error, answer::shown(&beginning(&mut response).await))
            }
            Err(failure) => (failure.verdict(), None, Some(failure.line()), None),
        };
        Answer { verdict, status, error, answer, duration: begun.elapsed() }
    }

    async fn call(&self, message: Message<'_>) -> Result<Response, Failure> {
        destination::check(&self.url)?;
        let timestamp = Millis::now().seconds();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.event_id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", self.signer.sign(message.event_id, timestamp, message.body))
            .body(message.body.to_owned());
        Ok(request.send().await?)
    }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Metadata(#[from] Metadata),
    #[error(transparent)]
    Http(reqwest::Error),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

impl Failure {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Metadata(_) => Verdict::Misconfigured,
            Self::Http(error) if error.is_builder() => Verdict::Misconfigured,
            Self::Http(error) if causes(error).any(|cause| cause.is::<Metadata>()) => Verdict::Misconfigured,
            Self::Http(_) => Verdict::Retry { floor: None },
        }
    }

    /// The chain of causes on one line.
    fn line(&self) -> String {
        let chain = causes(self).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        bounded(&chain, ERROR).unwrap_or_default()
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn client(config: &config::Sink, resolver: impl Resolve + 'static) -> reqwest::Result<Client> {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been faster, with the same provider.
        drop(ring::default_provider().install_default());
    }
    let builder = Client::builder()
        .user_agent(concat!("leadmilter/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(config.concurrency);
    // Plain HTTP needs no CA certificates, and a bare container has none to load.
    if config.url.scheme() == "http" { builder.tls_certs_only([]).build() } else { builder.build() }
}

/// The first bytes of the body, as far as it comes within the call's time.
async fn beginning(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend(chunk.iter().take(READ.saturating_sub(body.len())));
        if body.len() >= READ {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use reqwest::dns::{Addrs, Name, Resolving};

    use super::*;
    use crate::{config::Preset, event::EventType, secret::Secret};

    /// Answers every name with the same addresses, filtered as the real resolver's are.
    struct Fixed(Vec<SocketAddr>);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let found = destination::permitted(self.0.clone());
            Box::pin(async move { Ok(Box::new(found?.into_iter()) as Addrs) })
        }
    }

    fn config(url: &str) -> config::Sink {
        config::Sink {
            id: "crm".into(),
            preset: Preset::Webhook,
            url: Url::parse(url).unwrap(),
            secrets: vec![Secret::new(vec![7; 32])],
            events: vec![EventType::LeadReceived],
            kinds: vec![crate::lead::Kind::Lead],
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            concurrency: 1,
            retry: Vec::new(),
        }
    }

    const MESSAGE: Message<'static> = Message { event_id: "e1", event_type: EventType::LeadReceived, body: "{}" };

    #[tokio::test]
    async fn a_metadata_service_is_never_called() {
        let metadata = "169.254.169.254:0".parse().unwrap();
        let rows = [
            ("http://169.254.169.254/", Fixed(Vec::new()), "destination is the metadata service of a cloud"),
            ("http://[::ffff:169.254.169.254]/", Fixed(Vec::new()), "destination is the metadata service of a cloud"),
            (
                "http://crm.company.test/",
                Fixed(vec![metadata]),
                "error sending request: client error (Connect): dns error: error resolving DNS: destination is the metadata service of a cloud",
            ),
        ];
        for (url, resolver, error) in rows {
            let answer = Webhook::open_with(&config(url), resolver).unwrap().deliver(MESSAGE).await;
            let expected = (Verdict::Misconfigured, None, Some(error.to_owned()));
            assert_eq!((answer.verdict, answer.status, answer.error), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn an_error_names_no_path_and_no_query() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://crm.company.test:{}/hidden?key=hidden", closed.port());
        let webhook = Webhook::open_with(&config(&url), Fixed(vec!["127.0.0.1:0".parse().unwrap()])).unwrap();
        let answer = webhook.deliver(MESSAGE).await;
        assert_eq!(answer.verdict, Verdict::Retry { floor: None });
        assert_eq!(
            answer.error.as_deref(),
            Some("error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)")
        );
    }

    #[test]
    fn a_sink_without_secret_is_not_opened() {
        let bare = config::Sink { secrets: Vec::new(), ..config("http://crm.company.test/") };
        assert_eq!(Webhook::open(&bare).unwrap_err().to_string(), "sink crm has no secret to sign with");
    }

    #[test]
    fn debug_prints_show_no_key() {
        let text = format!("{:?}", Webhook::open(&config("http://crm.company.test/")).unwrap());
        assert!(text.contains("Signer(1 keys)"), "{text}");
    }
}
