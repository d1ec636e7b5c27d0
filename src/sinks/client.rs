//! The HTTP client of a sink, and why a call brings no answer.
//!
//! Given a sink's config, makes a client that follows no redirect, tries nothing again, uses no proxy but the one that the config
//! names, trusts no CA but the config's if it names one, and goes nowhere that `destination` forbids. [`Failure`] is what a call
//! without an answer came to; its text never holds the URL.

use std::{error::Error, sync::Arc, time::Duration};

use reqwest::{Certificate, Client, Proxy, Response, dns::Resolve, redirect, retry};
use rustls::crypto::{CryptoProvider, ring};

use super::{
    Verdict,
    destination::{Forbidden, Policy},
    render::RenderError,
};
use crate::{config, lead::bounded};

/// Bytes of an answer that are read; a longer one loses its connection. Half an answer is no JSON, so there has to be
/// room for the listing that a lookup asks for.
pub const READ: usize = 256 * 1024;

/// Characters of an error that are kept.
const ERROR: usize = 300;

/// Shorter than the keep-alive of the usual web servers (5 s): on a connection that the receiver is just closing, a
/// call would fail for nothing.
const IDLE: Duration = Duration::from_secs(4);

/// Makes the client of a sink.
pub fn client(config: &config::Sink, resolver: impl Resolve + 'static) -> reqwest::Result<Client> {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been faster, with the same provider.
        drop(ring::default_provider().install_default());
    }
    let mut builder = Client::builder()
        .user_agent(concat!("leadmilter/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .connect_timeout(config.connect_timeout)
        .timeout(config.timeout)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(config.concurrency);
    if let Some(proxy) = &config.proxy {
        builder = builder.proxy(Proxy::all(proxy.clone())?);
    }
    let speaks_tls = |url: &Option<url::Url>| url.as_ref().is_some_and(|url| url.scheme() == "https");
    if let Some(pem) = &config.ca {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem)?);
    } else if !speaks_tls(&config.url) && !speaks_tls(&config.proxy) {
        // Plain HTTP needs no CA certificates, and a bare container has none to load.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// Where a sink may call.
pub fn policy(config: &config::Sink) -> Policy {
    if config.only_public { Policy::Public } else { Policy::Any }
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("no time is left for this call")]
    OutOfTime,
    #[error(transparent)]
    Http(reqwest::Error),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

impl Failure {
    /// What it means for the delivery.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Forbidden(_) | Self::Render(_) => Verdict::Misconfigured,
            Self::Http(error) if error.is_builder() => Verdict::Misconfigured,
            Self::Http(error) if causes(error).any(|cause| cause.is::<Forbidden>()) => Verdict::Misconfigured,
            Self::Http(_) | Self::OutOfTime => Verdict::Retry { floor: None },
        }
    }

    /// Whether the request may have reached the receiver.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::Http(error) if !error.is_builder() && !error.is_connect())
    }

    /// The chain of causes on one line.
    pub fn line(&self) -> String {
        let chain = causes(self).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        bounded(&chain, ERROR).unwrap_or_default()
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The first bytes of the body, as far as it comes within the call's time, and whether that is all of it.
pub async fn beginning(response: &mut Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let room = READ.saturating_sub(body.len());
        match response.chunk().await {
            Ok(None) => return (body, true),
            Ok(Some(chunk)) if chunk.len() <= room => body.extend(chunk),
            Ok(Some(chunk)) => {
                body.extend(chunk.iter().take(room));
                return (body, false);
            }
            Err(_) => return (body, false),
        }
    }
}
