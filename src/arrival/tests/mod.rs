//! Real landing pages and referrers, and what becomes of them.

mod strangers;

use std::{path::Path, sync::LazyLock};

use super::*;
use crate::config;

/// Channels and rules of a company in Moscow.
const CONFIG: &str = r#"
hostname = "mx1.company.ru"

[[mailbox]]
address = "info@company.ru"

[[channel]]
id = "yandex-direct"
mailbox = "info@company.ru"
utm = { source = "yandex", medium = "cpc" }

[[channel]]
id = "direct-pumps"
mailbox = "info@company.ru"
utm = { source = "yandex", medium = "cpc", campaign = "Насосы" }

[[channel]]
id = "seo"
mailbox = "info@company.ru"

[[channel]]
id = "social"
mailbox = "info@company.ru"

[[channel]]
id = "vk-ads"
mailbox = "info@company.ru"

[[channel]]
id = "avito"
mailbox = "info@company.ru"

[[channel]]
id = "fair"
mailbox = "info@company.ru"

[[channel]]
id = "typed"
mailbox = "info@company.ru"

[[arrival]]
channel = "fair"
landing = "/выставка*"

[[arrival]]
channel = "vk-ads"
utm_source = "/^(vk|vkads|mytarget)$/"
utm_medium = "cp[cm]"

[[arrival]]
channel = "seo"
referrer = "search"

[[arrival]]
channel = "social"
referrer = "social"

[[arrival]]
channel = "avito"
referrer = "avito.ru"

[[arrival]]
channel = "typed"
referrer = "direct"
landing = "/"
"#;

fn arrivals(text: &str) -> Arrivals {
    let loaded = config::parse(text, Path::new("config.toml"), Path::new("/")).unwrap();
    Arrivals::new(&loaded.config)
}

static COMPANY: LazyLock<Arrivals> = LazyLock::new(|| arrivals(CONFIG));

/// Of a company that looks at no visit.
static NONE: LazyLock<Arrivals> = LazyLock::new(|| {
    let mailbox = "[[mailbox]]\naddress = \"info@company.ru\"\n";
    let channel = "[[channel]]\nid = \"a\"\nmailbox = \"info@company.ru\"\naddresses = [\"info+a@company.ru\"]\n";
    arrivals(&format!("hostname = \"mx1.company.ru\"\n{mailbox}{channel}"))
});

/// `source / medium / campaign / term / content`, without what is absent at the end.
fn line(utm: &Utm) -> String {
    let Utm { source, medium, campaign, term, content } = utm;
    [source, medium, campaign, term, content].map(String::as_str).join(" / ").trim_end_matches(" / ").to_owned()
}

fn came(page: &str, referrer: &str) -> Arrived {
    let origins = ["https://company.ru".to_owned(), "https://shop.company.ru:8443".to_owned()];
    NONE.arrive(page, Some(referrer).filter(|referrer| !referrer.is_empty()), &origins)
}

#[test]
fn an_arrival_is_told_whole() {
    let page = "https://user:secret@Company.RU:443/насосы/?utm_source=yandex&UTM_MEDIUM=cpc&utm_campaign=%D0%9D%D0%B0%D1%81%D0%BE%D1%81%D1%8B\
                &utm_term=water+pump&utm_content=ad1&utm_id=7&yclid=123&roistat=direct7_search&erid=2VtzqxKGh\
                &email=ivan%40client.ru&utm_source=second#utm_content=late&top";
    let got = COMPANY.arrive(page, Some("https://yandex.ru/search?text=насосы"), &[]);
    let kept = "https://company.ru/%D0%BD%D0%B0%D1%81%D0%BE%D1%81%D1%8B/?utm_source=yandex&utm_medium=cpc\
                &utm_campaign=%D0%9D%D0%B0%D1%81%D0%BE%D1%81%D1%8B&utm_term=water+pump&utm_content=ad1&utm_id=7\
                &roistat=direct7_search&erid=2VtzqxKGh";
    let expected = Arrived {
        touchpoint: Touchpoint {
            channel: Some("direct-pumps".into()),
            utm: Utm {
                source: "yandex".into(),
                medium: "cpc".into(),
                campaign: "Насосы".into(),
                term: "water pump".into(),
                content: "ad1".into(),
            },
            landing_page: Some(kept.into()),
            referrer: Some("https://yandex.ru/search".into()),
        },
        click_ids: [("erid", "2VtzqxKGh"), ("roistat", "direct7_search"), ("yclid", "123")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        is_direct: false,
        path: "/насосы/".into(),
    };
    assert_eq!(got, expected);
}

#[test]
fn a_page_that_says_something_is_believed_before_the_referrer() {
    // Query, referrer, source / medium / campaign / term / content.
    let rows = [
        // UTM values.
        ("?utm_source=yandex&utm_medium=cpc", "https://yandex.ru/", "yandex / cpc"),
        ("?utm_source=newsletter&utm_medium=email&utm_campaign=may", "", "newsletter / email / may"),
        ("?utm_source=vk&utm_medium=cpc&gclid=Cj0K", "https://www.google.com/", "vk / cpc"),
        ("?utm_source=yandex", "", "yandex"),
        ("?utm_source=", "https://ya.ru/", "yandex / organic"),
        ("?utm_source=%20&utm_medium=cpc&yclid=1", "", "yandex / cpc"),
        ("?utm_campaign=spring&yclid=1", "", "yandex / cpc / spring"),
        ("?utm_campaign=spring&utm_medium=post", "https://t.me/", "telegram / post / spring"),
        ("?utm_campaign=spring", "", " /  / spring"),
        ("?utm_source={source}&utm_medium=cpc", "", "{source} / cpc"),
        ("?UTM_SOURCE=Yandex&Utm_Medium=CPC", "", "Yandex / CPC"),
        ("?utm_source=a&utm_source=b", "", "a"),
        ("?utm_source=(direct)", "https://ya.ru/", "(direct)"),
        ("?a=1&amp;utm_source=b&amp;utm_medium=c", "", "b / c"),
        ("?utm_term=%EA%F3%EF%E8%F2%FC&utm_source=yandex", "", "yandex /  /  / купить"),
        ("?utm_source=a%0D%0AX-Evil:%201&utm_medium=b%00", "", "a X-Evil: 1 / b"),
        // The same in the hash.
        ("#utm_source=yandex&utm_medium=cpc", "", "yandex / cpc"),
        ("#!/pumps?utm_source=yandex", "", "yandex"),
        ("?x=1#?utm_source=vk", "", "vk"),
        ("?utm_source=a#utm_source=b&utm_medium=c", "", "a / c"),
        ("#top", "", "(direct) / (none)"),
        // Assistants give no medium.
        ("?utm_source=chatgpt.com", "", "chatgpt.com / ai-assistant"),
        ("?utm_source=ChatGPT.com", "https://chatgpt.com/", "ChatGPT.com / ai-assistant"),
        ("?utm_source=chatgpt.com&utm_medium=referral", "", "chatgpt.com / referral"),
        ("?utm_source=yandex.ru", "", "yandex.ru"),
        // Openstat, as Direct writes it, and as it stands.
        ("?_openstat=ZGlyZWN0LnlhbmRleC5ydTsxMjM0NTY3Ozg5MDEyMztwcmVtaXVt", "", "yandex / cpc / 1234567 /  / 890123"),
        ("?openstat=begun.ru%3B17%3Bad+5%3Bplace&yclid=1", "", "begun.ru / cpc / 17 /  / ad 5"),
        ("?openstat=;;;", "https://ya.ru/", "yandex / organic"),
        ("?openstat=garbage", "https://ya.ru/", "yandex / organic"),
        ("?utm_source=a&openstat=b;c;d;e", "", "a"),
        // Clicks that were paid for.
        ("?yclid=1", "https://yandex.ru/", "yandex / cpc"),
        ("?gclid=Cj0KCQ", "https://www.google.com/", "google / cpc"),
        ("?gbraid=1", "", "google / cpc"),
        ("?wbraid=1", "", "google / cpc"),
        ("?msclkid=1", "https://www.bing.com/", "bing / cpc"),
        ("?ttclid=1", "", "tiktok / cpc"),
        ("?twclid=1", "https://t.co/", "twitter / cpc"),
        ("?rb_clickid=1", "https://vk.com/", "vkads / cpc"),
        ("?ysclid=1&yclid=2", "", "yandex / cpc"),
        ("?GCLID=1", "", "google / cpc"),
        ("?gclid=", "https://www.google.com/", "google / organic"),
        // Keys that go along with a copied link.
        ("?fbclid=1", "", "facebook / social"),
        ("?fbclid=1", "https://l.instagram.com/", "instagram / social"),
        ("?fbclid=1", "https://www.google.com/", "google / organic"),
        ("?ysclid=1", "", "yandex / organic"),
        ("?ysclid=1", "https://yandex.ru/", "yandex / organic"),
        ("?ysclid=1", "https://web.telegram.org/", "telegram / social"),
        // An ad, and nobody knows where.
        ("?erid=2Vtz", "", ""),
        ("?roistat=x", "", ""),
        ("?erid=2Vtz", "https://news.example/", "news.example / referral"),
        ("?erid=2Vtz&utm_campaign=spring", "", " /  / spring"),
        // The referrer of a site that redirects by script.
        ("?utm_referrer=https%3A%2F%2Fvk.com%2Fwall1", "https://company.ru/", "vk / social"),
        ("?utm_referrer=https%3A%2F%2Fvk.com%2F", "https://ya.ru/", "yandex / organic"),
        ("?utm_referrer=mordor", "", "(direct) / (none)"),
    ];
    for (query, referrer, expected) in rows {
        let got = came(&format!("https://company.ru/{query}"), referrer);
        assert_eq!(line(&got.touchpoint.utm), expected, "{query} {referrer}");
        assert_eq!(got.is_direct, got.touchpoint.is_direct(), "{query} {referrer}");
    }
}

#[test]
fn a_referrer_is_named() {
    // Referrer, source / medium, what is kept of it.
    let rows = [
        ("https://yandex.ru/", "yandex / organic", Some("https://yandex.ru/")),
        ("https://www.google.com/search?q=x", "google / organic", Some("https://www.google.com/search")),
        ("HTTPS://WWW.Google.CO.UK", "google / organic", Some("https://www.google.co.uk/")),
        ("https://evilgoogle.com/", "evilgoogle.com / referral", Some("https://evilgoogle.com/")),
        ("https://docs.google.com/d/1", "docs.google.com / referral", Some("https://docs.google.com/d/1")),
        ("https://go.mail.ru/search", "mail.ru / organic", Some("https://go.mail.ru/search")),
        ("https://duckduckgo.com/", "duckduckgo / organic", Some("https://duckduckgo.com/")),
        ("https://away.vk.com/away.php?to=x", "vk / social", Some("https://away.vk.com/away.php")),
        ("https://t.co/abc", "twitter / social", Some("https://t.co/abc")),
        ("https://dzen.ru/a/1", "dzen / social", Some("https://dzen.ru/a/1")),
        ("android-app://org.telegram.messenger/", "telegram / social", Some("android-app://org.telegram.messenger")),
        (
            "android-app://com.google.android.gm/",
            "mail.google.com / email",
            Some("android-app://com.google.android.gm"),
        ),
        ("android-app://com.example.App/x?y", "com.example.app / referral", Some("android-app://com.example.App")),
        ("https://www.perplexity.ai/", "perplexity.ai / ai-assistant", Some("https://www.perplexity.ai/")),
        ("https://chat.openai.com/", "chatgpt.com / ai-assistant", Some("https://chat.openai.com/")),
        ("https://e.mail.ru/inbox/0:1:0/", "e.mail.ru / email", Some("https://e.mail.ru/inbox/0:1:0/")),
        ("https://mail.yandex.ru/", "mail.yandex.ru / email", Some("https://mail.yandex.ru/")),
        ("https://www.habr.com/ru/articles/1/", "habr.com / referral", Some("https://www.habr.com/ru/articles/1/")),
        (
            "https://насосы.рф/каталог",
            "насосы.рф / referral",
            Some("https://xn--80azelb4d.xn--p1ai/%D0%BA%D0%B0%D1%82%D0%B0%D0%BB%D0%BE%D0%B3"),
        ),
        ("http://ivan:secret@crm.example:8080/a?b#c", "crm.example / referral", Some("http://crm.example:8080/a")),
        ("https://[2001:db8::1]/", "[2001:db8::1] / referral", Some("https://[2001:db8::1]/")),
        // The site's own pages.
        ("https://company.ru/contacts", "(direct) / (none)", None),
        ("http://www.company.ru/", "(direct) / (none)", None),
        ("https://shop.company.ru/", "(direct) / (none)", None),
        ("https://blog.company.ru/", "blog.company.ru / referral", Some("https://blog.company.ru/")),
        // Nobody's.
        ("", "(direct) / (none)", None),
        ("about:blank", "(direct) / (none)", None),
        ("file:///home/ivan/page.html", "(direct) / (none)", None),
        ("chrome-extension://abc/", "(direct) / (none)", None),
        ("yandex.ru", "(direct) / (none)", None),
        ("https://", "(direct) / (none)", None),
        ("android-app://<script>/", "(direct) / (none)", None),
        ("\u{0}\u{202e}", "(direct) / (none)", None),
    ];
    for (referrer, expected, kept) in rows {
        let got = came("https://www.company.ru/", referrer);
        assert_eq!(line(&got.touchpoint.utm), expected, "{referrer}");
        assert_eq!(got.touchpoint.referrer.as_deref(), kept, "{referrer}");
    }
}

#[test]
fn a_landing_page_keeps_what_names_a_campaign() {
    let rows = [
        ("https://company.ru", Some("https://company.ru/")),
        ("https://company.ru/a?b=c#d", Some("https://company.ru/a")),
        ("https://company.ru/a?gclid=1&yclid=2&ysclid=3&fbclid=4&rb_clickid=5", Some("https://company.ru/a")),
        ("https://company.ru/?utm_referrer=https%3A%2F%2Fa.ru%2F%3Femail%3Dx", Some("https://company.ru/")),
        (
            "https://company.ru/?utm_source=a%26b%3Dc&utm_x=%2B+1",
            Some("https://company.ru/?utm_source=a%26b%3Dc&utm_x=%2B+1"),
        ),
        ("https://company.ru/#utm_source=a&utm_source=b", Some("https://company.ru/?utm_source=a")),
        ("https://company.ru:8443/../a/./b", Some("https://company.ru:8443/a/b")),
        ("http://компания.рф/", Some("http://xn--80aqeigdi5k.xn--p1ai/")),
        (" https://company.ru/a\tb\r\n ", Some("https://company.ru/ab")),
        ("/pumps?utm_source=a", None),
        ("javascript:alert(1)//?utm_source=a", None),
        ("ftp://company.ru/", None),
        ("", None),
    ];
    for (page, expected) in rows {
        assert_eq!(came(page, "").touchpoint.landing_page.as_deref(), expected, "{page}");
    }
    // What is not kept is read all the same.
    assert_eq!(line(&came("/pumps?utm_source=a", "").touchpoint.utm), "a");
}

#[test]
fn a_rule_decides_before_the_utm_values_of_channels() {
    let rows: &[(&str, &str, Option<&str>)] = &[
        ("/?utm_source=yandex&utm_medium=cpc", "", Some("yandex-direct")),
        ("/?utm_source=Yandex&utm_medium=CPC&utm_campaign=насосы", "", Some("direct-pumps")),
        ("/?yclid=1", "https://yandex.ru/", Some("yandex-direct")),
        ("/?utm_source=yandex&utm_medium=cpm", "", None),
        ("/", "https://yandex.ru/", Some("seo")),
        ("/?ysclid=1", "", Some("seo")),
        ("/?gclid=1", "https://www.google.com/", None),
        ("/?utm_source=newsletter", "https://www.google.com/", None),
        ("/?utm_campaign=may", "https://www.google.com/", None),
        ("/?utm_source=mytarget&utm_medium=cpm", "", Some("vk-ads")),
        ("/?rb_clickid=1", "https://vk.com/", Some("vk-ads")),
        ("/", "https://m.vk.com/", Some("social")),
        ("/", "https://www.avito.ru/moskva", Some("avito")),
        ("/", "https://m.avito.ru/", Some("avito")),
        ("/?utm_source=avito", "https://avito.ru/", Some("avito")),
        ("/", "https://evilavito.ru/", None),
        ("/", "https://avito.ru.evil.example/", None),
        ("/", "", Some("typed")),
        ("/pumps", "", None),
        ("/%D0%B2%D1%8B%D1%81%D1%82%D0%B0%D0%B2%D0%BA%D0%B0-2026?yclid=1", "", Some("fair")),
        ("/?erid=1", "", None),
    ];
    for (page, referrer, expected) in rows {
        let referrer = Some(*referrer).filter(|referrer| !referrer.is_empty());
        let page = format!("https://company.ru{page}");
        let got = COMPANY.arrive(&page, referrer, &[]);
        assert_eq!(got.touchpoint.channel.as_deref(), *expected, "{page} {referrer:?}");
        let told = COMPANY.explain(&page, referrer, &[]);
        assert_eq!((told.channel, told.utm), (got.touchpoint.channel, got.touchpoint.utm), "{page}");
    }
}
