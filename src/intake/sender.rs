//! Which addresses are one sender.

use super::sha256;
use crate::{address::Address, config::Normalize};

/// What stands for an address where it is not to be told: the SHA-256 of its folded form, hexadecimal. For part of one, as
/// people type it who look for somebody, it is that of the part.
pub fn digest(address: &str) -> String {
    let folded = Address::parse(address).map_or_else(|| address.to_lowercase(), |address| address.to_string());
    sha256::hex(folded.as_bytes())
}

/// What a provider does not tell apart in a local part.
struct Provider {
    domains: &'static [&'static str],
    /// Where several domains are one, the one that stands for them.
    canonical: Option<&'static str>,
    dots: bool,
    plus: bool,
}

const PROVIDERS: [Provider; 6] = [
    Provider { domains: &["gmail.com", "googlemail.com"], canonical: Some("gmail.com"), dots: true, plus: true },
    Provider {
        domains: &["outlook.com", "hotmail.com", "live.com", "msn.com"],
        canonical: None,
        dots: false,
        plus: true,
    },
    Provider { domains: &["icloud.com", "me.com", "mac.com"], canonical: Some("icloud.com"), dots: false, plus: true },
    Provider { domains: &["fastmail.com", "fastmail.fm"], canonical: None, dots: false, plus: true },
    Provider {
        domains: &["proton.me", "protonmail.com", "pm.me"],
        canonical: Some("proton.me"),
        dots: true,
        plus: true,
    },
    Provider {
        domains: &["yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz"],
        canonical: Some("yandex.ru"),
        dots: false,
        plus: true,
    },
];

/// The key under which a sender's leads are one series.
pub fn key(address: &Address, normalize: Normalize) -> String {
    let provider = PROVIDERS.iter().find(|provider| provider.domains.contains(&address.domain()));
    let (Some(provider), Normalize::Provider) = (provider, normalize) else { return address.as_str().to_owned() };
    let mut local = address.local();
    if provider.plus {
        local = local.split_once('+').map_or(local, |(base, _)| if base.is_empty() { local } else { base });
    }
    let mut local = if provider.dots { local.replace('.', "") } else { local.to_owned() };
    // Yandex takes a hyphen for a dot.
    if provider.canonical == Some("yandex.ru") {
        local = local.replace('-', ".");
    }
    format!("{local}@{}", provider.canonical.unwrap_or(address.domain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_s_own_rules_make_one_sender() {
        let rows = [
            ("i.van.petrov+shop@googlemail.com", "ivanpetrov@gmail.com"),
            ("ivan+1@outlook.com", "ivan@outlook.com"),
            ("i.van@outlook.com", "i.van@outlook.com"),
            ("ivan-petrov@ya.ru", "ivan.petrov@yandex.ru"),
            ("+x@gmail.com", "+x@gmail.com"),
            ("i.van+1@client.example", "i.van+1@client.example"),
        ];
        for (text, expected) in rows {
            let address = Address::parse(text).unwrap();
            assert_eq!(key(&address, Normalize::Provider), expected, "{text}");
            assert_eq!(key(&address, Normalize::Case), text, "{text}");
        }
    }
}
