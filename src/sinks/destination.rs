//! Where a call may go: nowhere near the metadata service of a cloud, and nowhere private if the config forbids that.
//!
//! A metadata service hands the host's credentials to whoever can make it a request, and no receiver of events lives there.
//! Private ranges are allowed unless `only_public` is set: the config belongs to root, and a CRM often stands in the same
//! network. A literal address never reaches the resolver, so both are checked at every call: [`check`] the URL, [`Resolver`]
//! every name, and the address that was checked is the one that is dialled. Behind a proxy, names are resolved by the proxy.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Of AWS, Azure, Google and most others; of Azure's agent; of Alibaba; of Oracle.
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Of AWS and of Google.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// Ranges that no public host has (RFC 6890 and its successors), and those that lead to others: 6to4, NAT64.
static NOT_PUBLIC: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let ranges = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    ];
    ranges.iter().filter_map(|range| range.parse().ok()).collect()
});

/// Where a sink may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anywhere but to metadata services.
    Any,
    /// Public addresses only.
    Public,
}

/// The destination is one that no event goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The metadata service of a cloud.
    #[error("destination is the metadata service of a cloud")]
    Metadata,
    /// A private range, for a sink that wants public ones.
    #[error("destination is no public address, and the sink has only_public = true")]
    Private,
}

impl Policy {
    fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        let address = address.to_canonical();
        let is_metadata = match address {
            IpAddr::V4(address) => METADATA_V4.contains(&address),
            IpAddr::V6(address) => METADATA_V6.contains(&address),
        };
        if is_metadata {
            return Err(Forbidden::Metadata);
        }
        if self == Self::Public && NOT_PUBLIC.iter().any(|range| range.contains(&address)) {
            return Err(Forbidden::Private);
        }
        Ok(())
    }
}

/// Refuses a URL whose host is a forbidden literal address, however it is spelled.
pub fn check(url: &Url, policy: Policy) -> Result<(), Forbidden> {
    match url.host() {
        Some(Host::Ipv4(address)) => policy.check(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => policy.check(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => Ok(()),
    }
}

/// The system's resolver without forbidden addresses.
#[derive(Clone, Copy, Debug)]
pub struct Resolver(pub Policy);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(permitted(found.collect(), policy)?.into_iter()) as Addrs)
        })
    }
}

/// The addresses without forbidden ones; an error if no other is left.
pub fn permitted(mut found: Vec<SocketAddr>, policy: Policy) -> Result<Vec<SocketAddr>, Forbidden> {
    let mut forbidden = None;
    found.retain(|address| match policy.check(address.ip()) {
        Ok(()) => true,
        Err(why) => {
            forbidden = Some(why);
            false
        }
    });
    match forbidden {
        Some(why) if found.is_empty() => Err(why),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_refused_in_every_spelling() {
        let rows = [
            ("http://169.254.169.254/latest", Err(Forbidden::Metadata)),
            ("http://169.254.169.254.:80/", Err(Forbidden::Metadata)),
            ("http://2852039166/", Err(Forbidden::Metadata)),
            ("http://0xa9.0xfe.0xa9.0xfe/", Err(Forbidden::Metadata)),
            ("http://0251.0376.0251.0376/", Err(Forbidden::Metadata)),
            ("http://169.254.43518/", Err(Forbidden::Metadata)),
            ("http://[::ffff:169.254.169.254]/", Err(Forbidden::Metadata)),
            ("http://[::ffff:a9fe:a9fe]/", Err(Forbidden::Metadata)),
            ("http://[fd00:ec2::254]/", Err(Forbidden::Metadata)),
            ("http://[fd00:0ec2:0:0:0:0:0:0254]/", Err(Forbidden::Metadata)),
            ("http://100.100.100.200/", Err(Forbidden::Metadata)),
            ("http://[fd20:ce::254]/", Err(Forbidden::Metadata)),
            ("http://169.254.169.253/", Ok(())),
            ("http://127.0.0.1/", Ok(())),
            ("http://10.1.2.3/", Ok(())),
            ("http://[fd00:ec2::253]/", Ok(())),
            ("https://crm.company.ru/", Ok(())),
        ];
        for (url, expected) in rows {
            assert_eq!(check(&Url::parse(url).unwrap(), Policy::Any), expected, "{url}");
        }
    }

    #[test]
    fn a_name_loses_its_metadata_addresses() {
        let sockets = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = sockets(&["169.254.169.254:0", "10.1.2.3:0", "[::ffff:169.254.169.254]:0", "[fd00:ec2::254]:0"]);
        assert_eq!(permitted(mixed, Policy::Any), Ok(sockets(&["10.1.2.3:0"])));
        assert_eq!(permitted(sockets(&["169.254.169.254:0"]), Policy::Any), Err(Forbidden::Metadata));
        assert_eq!(permitted(Vec::new(), Policy::Any), Ok(Vec::new()));
    }

    #[test]
    fn a_sink_for_public_addresses_reaches_no_other() {
        let rows = [
            ("http://127.0.0.1/", Err(Forbidden::Private)),
            ("http://2130706433/", Err(Forbidden::Private)),
            ("http://0x7f.1/", Err(Forbidden::Private)),
            ("http://0177.0.0.1/", Err(Forbidden::Private)),
            ("http://127.1/", Err(Forbidden::Private)),
            ("http://127.0.0.1./", Err(Forbidden::Private)),
            ("http://[::ffff:127.0.0.1]/", Err(Forbidden::Private)),
            ("http://[::1]/", Err(Forbidden::Private)),
            ("http://[64:ff9b::a00:1]/", Err(Forbidden::Private)),
            ("http://[2002:7f00:1::]/", Err(Forbidden::Private)),
            ("http://[fe80::1]/", Err(Forbidden::Private)),
            ("http://10.1.2.3/", Err(Forbidden::Private)),
            ("http://172.31.255.255/", Err(Forbidden::Private)),
            ("http://192.168.0.1/", Err(Forbidden::Private)),
            ("http://100.64.0.1/", Err(Forbidden::Private)),
            ("http://0.0.0.0/", Err(Forbidden::Private)),
            ("http://169.254.169.254/", Err(Forbidden::Metadata)),
            ("http://172.32.0.1/", Ok(())),
            ("http://8.8.8.8/", Ok(())),
            ("http://[2a00:1450::1]/", Ok(())),
        ];
        for (url, expected) in rows {
            assert_eq!(check(&Url::parse(url).unwrap(), Policy::Public), expected, "{url}");
        }
        let mixed = ["10.1.2.3:0", "8.8.8.8:0"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(permitted(mixed, Policy::Public), Ok(vec!["8.8.8.8:0".parse().unwrap()]));
    }
}
