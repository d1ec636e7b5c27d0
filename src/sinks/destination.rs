//! Where a call may go: anywhere but to the metadata service of a cloud.
//!
//! That service hands the host's credentials to whoever can make it a request, and no receiver of events lives there.
//! Private ranges are allowed: the config belongs to root, and a CRM often stands in the same network. A literal
//! address never reaches the resolver, so both are checked: [`check`] the URL, [`Resolver`] every name, and the address
//! that was checked is the one that is dialled.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The destination is the metadata service of a cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("destination is the metadata service of a cloud")]
pub struct Metadata;

/// Refuses a URL whose host is a literal metadata address, however it is spelled.
pub fn check(url: &Url) -> Result<(), Metadata> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_metadata(address) { Err(Metadata) } else { Ok(()) }
}

/// The system's resolver without metadata addresses.
#[derive(Clone, Copy, Debug)]
pub struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(permitted(found.collect())?.into_iter()) as Addrs)
        })
    }
}

/// The addresses without those of metadata services; an error if no other is left.
pub fn permitted(mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Metadata> {
    let before = found.len();
    found.retain(|address| !is_metadata(address.ip()));
    if found.is_empty() && before > 0 { Err(Metadata) } else { Ok(found) }
}

fn is_metadata(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address == METADATA_V4,
        IpAddr::V6(address) => address == METADATA_V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_refused_in_every_spelling() {
        let rows = [
            ("http://169.254.169.254/latest", Err(Metadata)),
            ("http://169.254.169.254.:80/", Err(Metadata)),
            ("http://2852039166/", Err(Metadata)),
            ("http://0xa9.0xfe.0xa9.0xfe/", Err(Metadata)),
            ("http://0251.0376.0251.0376/", Err(Metadata)),
            ("http://169.254.43518/", Err(Metadata)),
            ("http://[::ffff:169.254.169.254]/", Err(Metadata)),
            ("http://[::ffff:a9fe:a9fe]/", Err(Metadata)),
            ("http://[fd00:ec2::254]/", Err(Metadata)),
            ("http://[fd00:0ec2:0:0:0:0:0:0254]/", Err(Metadata)),
            ("http://169.254.169.253/", Ok(())),
            ("http://127.0.0.1/", Ok(())),
            ("http://10.1.2.3/", Ok(())),
            ("http://[fd00:ec2::253]/", Ok(())),
            ("https://crm.company.ru/", Ok(())),
        ];
        for (url, expected) in rows {
            assert_eq!(check(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_name_loses_its_metadata_addresses() {
        let sockets = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = sockets(&["169.254.169.254:0", "10.1.2.3:0", "[::ffff:169.254.169.254]:0", "[fd00:ec2::254]:0"]);
        assert_eq!(permitted(mixed), Ok(sockets(&["10.1.2.3:0"])));
        assert_eq!(permitted(sockets(&["169.254.169.254:0"])), Err(Metadata));
        assert_eq!(permitted(Vec::new()), Ok(Vec::new()));
    }
}
