//! The page or app that a visitor came from.
//!
//! Given what a browser says, gives back the host and the page without query and user, or nothing: for no referrer, for
//! the site's own pages, and for what leads to nobody, such as `about:blank`.

use url::Url;

use super::landing::{PAGE, page};

/// Octets of a host's name (RFC 1035, section 2.3.4).
const HOST: usize = 253;

/// Labels of the domains above a host that patterns are held against.
const LABELS: usize = 5;

/// A page or app of somebody else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Referrer {
    /// Its host in A-labels, or the package of an app on Android.
    pub(super) host: String,
    /// Origin and path.
    pub(super) page: String,
}

impl Referrer {
    /// Reads a referrer; `own` are the origins of the site's pages, and `landing` the host of the visit's first one.
    pub(super) fn read(text: &str, own: &[String], landing: Option<&str>) -> Option<Self> {
        let text = text.trim();
        let end = text.find(['?', '#']).unwrap_or(text.len()).min(text.floor_char_boundary(2 * PAGE));
        let text = text.get(..end)?;
        let found = match text.strip_prefix("android-app://") {
            Some(app) => Self::app(app)?,
            None => Self::web(page(text)?)?,
        };
        let is_own = |host: &str| bare(host) == bare(&found.host);
        let own_hosts = own.iter().filter_map(|origin| host_of(origin));
        if landing.into_iter().chain(own_hosts).any(is_own) { None } else { Some(found) }
    }

    fn web(url: Url) -> Option<Self> {
        let host = url.host_str()?.trim_end_matches('.').to_owned();
        (!host.is_empty() && host.len() <= HOST).then(|| Self { host, page: url.into() })
    }

    fn app(text: &str) -> Option<Self> {
        let package = text.split('/').next().unwrap_or_default();
        let is_package = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        if package.is_empty() || package.len() > HOST || !package.bytes().all(is_package) {
            return None;
        }
        Some(Self { host: package.to_ascii_lowercase(), page: format!("android-app://{package}") })
    }

    /// The host as people read it, without `www.`; `utm_source` where nobody knows a better name.
    pub(super) fn name(&self) -> String {
        let host = bare(&self.host);
        if !host.contains("xn--") {
            return host.to_owned();
        }
        match idna::domain_to_unicode(host) {
            (native, Ok(())) => crate::text::bounded(&native, HOST).unwrap_or_default(),
            _ => host.to_owned(),
        }
    }

    /// The host, and the domains above it, without top-level domains.
    pub(super) fn domains(&self) -> impl Iterator<Item = &str> {
        let dots = self.host.rmatch_indices('.').skip(1).take(LABELS - 1);
        let above = dots.filter_map(|(dot, _)| self.host.get(dot + 1..));
        std::iter::once(self.host.as_str()).chain(above)
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// `company.ru` of `https://company.ru:8443`.
fn host_of(origin: &str) -> Option<&str> {
    let (_, rest) = origin.split_once("://")?;
    // An IPv6 address has colons of its own.
    let end = rest.rfind(']').map_or(0, |bracket| bracket + 1);
    let (start, port) = rest.split_at_checked(end)?;
    if start.is_empty() { port.split(':').next() } else { Some(start) }
}
