//! Keys of a landing page that an advertising system adds to tell one click or one ad from all others.
//!
//! The one list of them: what the config may name, what a visit keeps, and what a page's address is freed of. No I/O.

/// A key, and what it says of where a visitor came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Click {
    /// In lower case, as events name it.
    pub key: &'static str,
    /// What it says.
    pub says: Says,
}

/// What a key says of where a visitor came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A click that was paid for: its source. Its medium is `cpc`.
    Paid(&'static str),
    /// A link in a social network: its name. Who copies the link takes the key along.
    Social(&'static str),
    /// A result of a search engine: its name. Who copies the link takes the key along.
    Search(&'static str),
    /// An advertisement, and not where it was.
    Marked,
}

impl Click {
    /// Whether it is another one for every click, so that no two visits would share a page that shows it.
    pub fn is_of_one_click(&self) -> bool {
        self.says != Says::Marked
    }
}

/// Every key; where a page has several, the first one decides.
pub const CLICKS: [Click; 12] = [
    Click { key: "gclid", says: Says::Paid("google") },
    // Google's for clicks from and into apps on iOS.
    Click { key: "gbraid", says: Says::Paid("google") },
    Click { key: "wbraid", says: Says::Paid("google") },
    Click { key: "yclid", says: Says::Paid("yandex") },
    // The name that VK's own template for UTM values has.
    Click { key: "rb_clickid", says: Says::Paid("vkads") },
    Click { key: "msclkid", says: Says::Paid("bing") },
    Click { key: "ttclid", says: Says::Paid("tiktok") },
    Click { key: "twclid", says: Says::Paid("twitter") },
    // Facebook and Instagram add it to every link, paid or not.
    Click { key: "fbclid", says: Says::Social("facebook") },
    Click { key: "ysclid", says: Says::Search("yandex") },
    Click { key: "roistat", says: Says::Marked },
    // The advertisement's number in the Russian register (ERIR).
    Click { key: "erid", says: Says::Marked },
];

/// The key of this name.
pub fn find(key: &str) -> Option<&'static Click> {
    CLICKS.iter().find(|click| click.key == key)
}
