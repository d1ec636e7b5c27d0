//! The company of the year: two hundred channels, how their visitors come, and its config.

use std::fmt::Write;

use leadmilter::{
    channel::Utm,
    token::{KEY, Tokens},
    visit::Touchpoint,
};

use super::dice::Dice;

/// Channels in all.
pub const CHANNELS: u64 = 200;

/// Of them, those that visitors come by; the ones behind it are seen on billboards.
pub const ONLINE: u64 = 160;

/// Channels from here on cost and bring nothing.
pub const ASLEEP: u64 = 190;

/// The mailbox that substitutes stand for.
pub const MAILBOX: &str = "info@company.example";

/// The key of dynamic addresses, in hexadecimal.
pub fn token_key() -> String {
    "0f".repeat(KEY)
}

/// Makes tokens under that key.
pub fn tokens() -> Tokens {
    Tokens::new(&[0x0f; KEY], None).expect("a key of the right length")
}

const SOURCES: [(&str, &str, &str, &str); 8] = [
    ("yandex", "cpc", "search", "https://yandex.ru/"),
    ("google", "cpc", "search", "https://www.google.com/"),
    ("vk", "social", "social", "https://vk.com/"),
    ("telegram", "social", "social", "https://t.me/"),
    ("mytarget", "cpc", "display", "https://target.my.com/"),
    ("newsletter", "email", "email", "https://mail.example/"),
    ("partner", "referral", "partners", "https://partner.example/"),
    ("dzen", "feed", "display", "https://dzen.ru/"),
];

/// A channel, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(pub u64);

impl Way {
    /// Its id.
    pub fn id(self) -> String {
        format!("channel-{:03}", self.0)
    }

    /// Its name.
    pub fn name(self) -> String {
        if self.has_utm() { format!("{} № {}", self.source().0, self.0) } else { format!("Щит № {}", self.0) }
    }

    /// The address that it shows everybody.
    pub fn address(self) -> String {
        format!("info+c{:03}@company.example", self.0)
    }

    /// What all its leads are tagged with.
    pub fn tag(self) -> &'static str {
        if self.has_utm() { self.source().2 } else { "offline" }
    }

    /// Its UTM values; empty for a billboard.
    pub fn utm(self) -> Utm {
        if !self.has_utm() {
            return Utm::default();
        }
        let (source, medium, ..) = self.source();
        let campaign = format!("{source}-{}", self.0);
        Utm { source: source.into(), medium: medium.into(), campaign, ..Utm::default() }
    }

    fn has_utm(self) -> bool {
        !(ONLINE..ASLEEP).contains(&self.0)
    }

    fn source(self) -> (&'static str, &'static str, &'static str, &'static str) {
        SOURCES[usize::try_from(self.0 % 8).unwrap_or_default()]
    }
}

/// How a visitor came: by a channel, by a search engine, or by nothing in particular.
pub fn arrival(dice: &mut Dice) -> Touchpoint {
    let page = |number: u64| Some(format!("https://company.example/pumps/{number}"));
    match dice.below(100) {
        0..22 => Touchpoint {
            utm: Utm { source: Touchpoint::DIRECT.into(), medium: Touchpoint::NONE.into(), ..Utm::default() },
            landing_page: page(dice.few(97)),
            ..Touchpoint::default()
        },
        22..30 => Touchpoint {
            utm: Utm { source: "google".into(), medium: "organic".into(), ..Utm::default() },
            landing_page: page(dice.few(97)),
            referrer: Some("https://www.google.com/".into()),
            ..Touchpoint::default()
        },
        _ => {
            let way = Way(dice.few(ONLINE));
            let term = dice.few(12);
            let mut utm = way.utm();
            utm.term = format!("buy a pump {term}");
            utm.content = format!("ad-{}", dice.below(3));
            let referrer = Some(way.source().3.to_owned());
            Touchpoint { channel: Some(way.id()), utm, landing_page: page((way.0 * 7 + term) % 97), referrer }
        }
    }
}

/// The config of the company: a store in `store` beside it. `top` are lines for its beginning.
pub fn config(top: &str) -> String {
    let mut text = format!(
        r#"hostname = "mx1.company.example"
{top}
[store]
url = "sqlite:store"

[dynamic]
mailbox = "{MAILBOX}"
key_file = "token.key"

[leads]
unique_requires_dmarc = true

[classify]
authserv_ids = ["mx1.company.example"]

[reports]
currency = "RUB"
rates = {{ USD = "92.5", EUR = "101.253" }}
overhead = ["agency"]

[[mailbox]]
address = "{MAILBOX}"

[[mailbox]]
address = "sales@company.example"
"#
    );
    for way in (0..CHANNELS).map(Way) {
        let utm = way.utm();
        let utm = if utm.source.is_empty() {
            String::new()
        } else {
            let Utm { source, medium, campaign, .. } = utm;
            format!("utm = {{ source = \"{source}\", medium = \"{medium}\", campaign = \"{campaign}\" }}\n")
        };
        let (id, name, address, tag) = (way.id(), way.name(), way.address(), way.tag());
        write!(
            text,
            "\n[[channel]]\nid = \"{id}\"\nname = \"{name}\"\nmailbox = \"{MAILBOX}\"\naddresses = [\"{address}\"]\n\
             {utm}tags = [\"{tag}\"]\n"
        )
        .expect("memory");
    }
    text
}
