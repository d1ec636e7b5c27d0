//! Search engines, social networks, assistants and webmail by the host of a referrer.
//!
//! One line for each: `vk.com` is that host and every host below it, `=ya.ru` that host alone (its own `www.` and `m.` are
//! it too), and `.*` the domain in any country: `google.ru`, `google.co.uk`, `google.com.tr`. The longest one that fits
//! decides, always at a dot: `evilgoogle.com` is nobody's. Apps on Android are named by their package. Names are those of
//! Google Analytics where it has one; assistants and webmail are named by their host, as there.

use std::{collections::HashMap, sync::LazyLock};

use Kind::{Assistant, Search, Social, Webmail};

/// What a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A search engine.
    Search,
    /// A social network, a messenger, a place for videos.
    Social,
    /// A program that answers questions and names its sources.
    Assistant,
    /// Mail, read in a browser or an app.
    Webmail,
}

impl Kind {
    /// Its `utm_medium`; `ai-assistant` is Google Analytics' own since May 2026.
    pub(super) fn medium(self) -> &'static str {
        match self {
            Self::Search => "organic",
            Self::Social => "social",
            Self::Assistant => "ai-assistant",
            Self::Webmail => "email",
        }
    }
}

const SITES: &[(&str, Kind, &str)] = &[
    ("=yandex.*", Search, "yandex"),
    ("=ya.ru", Search, "yandex"),
    ("ru.yandex.searchplugin", Search, "yandex"),
    ("com.yandex.browser", Search, "yandex"),
    // Docs, sites, translate and all the rest below Google are referrals.
    ("=google.*", Search, "google"),
    ("=images.google.*", Search, "google"),
    ("=lens.google.*", Search, "google"),
    ("=cse.google.*", Search, "google"),
    ("com.google.android.googlequicksearchbox", Search, "google"),
    ("bing.com", Search, "bing"),
    ("duckduckgo.com", Search, "duckduckgo"),
    ("com.duckduckgo.mobile.android", Search, "duckduckgo"),
    ("go.mail.ru", Search, "mail.ru"),
    ("nova.rambler.ru", Search, "rambler"),
    ("search.rambler.ru", Search, "rambler"),
    ("search.yahoo.com", Search, "yahoo"),
    ("search.yahoo.co.jp", Search, "yahoo"),
    ("=baidu.com", Search, "baidu"),
    ("image.baidu.com", Search, "baidu"),
    ("ecosia.org", Search, "ecosia"),
    ("startpage.com", Search, "startpage"),
    ("search.brave.com", Search, "brave"),
    ("qwant.com", Search, "qwant"),
    ("kagi.com", Search, "kagi"),
    ("search.naver.com", Search, "naver"),
    ("search.daum.net", Search, "daum"),
    ("search.seznam.cz", Search, "seznam"),
    ("sogou.com", Search, "sogou"),
    ("=so.com", Search, "so.com"),
    ("=coccoc.com", Search, "coccoc"),
    ("search.aol.com", Search, "aol"),
    ("=ask.com", Search, "ask"),
    ("search.ukr.net", Search, "ukr.net"),
    ("swisscows.com", Search, "swisscows"),
    ("mojeek.com", Search, "mojeek"),
    ("metager.org", Search, "metager"),
    ("metager.de", Search, "metager"),
    ("presearch.com", Search, "presearch"),
    ("petalsearch.com", Search, "petalsearch"),
    // Social networks, messengers, videos.
    ("vk.com", Social, "vk"),
    ("vk.ru", Social, "vk"),
    ("vk.me", Social, "vk"),
    ("vk.cc", Social, "vk"),
    ("vkvideo.ru", Social, "vk"),
    ("com.vkontakte.android", Social, "vk"),
    ("ok.ru", Social, "ok"),
    ("odnoklassniki.ru", Social, "ok"),
    ("ru.ok.android", Social, "ok"),
    ("my.mail.ru", Social, "my.mail.ru"),
    ("t.me", Social, "telegram"),
    ("telegram.me", Social, "telegram"),
    ("telegram.org", Social, "telegram"),
    ("org.telegram.messenger", Social, "telegram"),
    ("max.ru", Social, "max"),
    ("dzen.ru", Social, "dzen"),
    ("zen.yandex.*", Social, "dzen"),
    ("rutube.ru", Social, "rutube"),
    ("pikabu.ru", Social, "pikabu"),
    ("tenchat.ru", Social, "tenchat"),
    ("livejournal.com", Social, "livejournal"),
    ("facebook.com", Social, "facebook"),
    ("fb.com", Social, "facebook"),
    ("fb.me", Social, "facebook"),
    ("messenger.com", Social, "facebook"),
    ("com.facebook.katana", Social, "facebook"),
    ("instagram.com", Social, "instagram"),
    ("com.instagram.android", Social, "instagram"),
    ("threads.net", Social, "threads"),
    ("threads.com", Social, "threads"),
    ("whatsapp.com", Social, "whatsapp"),
    ("wa.me", Social, "whatsapp"),
    ("com.whatsapp", Social, "whatsapp"),
    ("viber.com", Social, "viber"),
    ("youtube.com", Social, "youtube"),
    ("youtu.be", Social, "youtube"),
    ("youtube-nocookie.com", Social, "youtube"),
    ("com.google.android.youtube", Social, "youtube"),
    ("=x.com", Social, "twitter"),
    ("twitter.com", Social, "twitter"),
    ("=t.co", Social, "twitter"),
    ("com.twitter.android", Social, "twitter"),
    ("linkedin.com", Social, "linkedin"),
    ("lnkd.in", Social, "linkedin"),
    ("com.linkedin.android", Social, "linkedin"),
    ("tiktok.com", Social, "tiktok"),
    ("pinterest.*", Social, "pinterest"),
    ("pin.it", Social, "pinterest"),
    ("reddit.com", Social, "reddit"),
    ("redd.it", Social, "reddit"),
    ("com.reddit.frontpage", Social, "reddit"),
    ("discord.com", Social, "discord"),
    ("discordapp.com", Social, "discord"),
    ("snapchat.com", Social, "snapchat"),
    ("tumblr.com", Social, "tumblr"),
    ("quora.com", Social, "quora"),
    ("twitch.tv", Social, "twitch"),
    ("vimeo.com", Social, "vimeo"),
    ("bsky.app", Social, "bluesky"),
    ("mastodon.social", Social, "mastodon"),
    ("xing.com", Social, "xing"),
    ("weibo.com", Social, "weibo"),
    ("weixin.qq.com", Social, "wechat"),
    ("tieba.baidu.com", Social, "tieba"),
    ("line.me", Social, "line"),
    // Assistants.
    ("chatgpt.com", Assistant, "chatgpt.com"),
    ("chat.openai.com", Assistant, "chatgpt.com"),
    ("com.openai.chatgpt", Assistant, "chatgpt.com"),
    ("perplexity.ai", Assistant, "perplexity.ai"),
    ("ai.perplexity.app.android", Assistant, "perplexity.ai"),
    ("claude.ai", Assistant, "claude.ai"),
    ("gemini.google.com", Assistant, "gemini.google.com"),
    ("bard.google.com", Assistant, "gemini.google.com"),
    ("notebooklm.google.com", Assistant, "notebooklm.google.com"),
    ("copilot.microsoft.com", Assistant, "copilot.microsoft.com"),
    ("copilot.com", Assistant, "copilot.microsoft.com"),
    ("deepseek.com", Assistant, "chat.deepseek.com"),
    ("grok.com", Assistant, "grok.com"),
    ("chat.qwen.ai", Assistant, "chat.qwen.ai"),
    ("chat.mistral.ai", Assistant, "chat.mistral.ai"),
    ("kimi.com", Assistant, "kimi.com"),
    ("meta.ai", Assistant, "meta.ai"),
    ("duck.ai", Assistant, "duck.ai"),
    ("you.com", Assistant, "you.com"),
    ("poe.com", Assistant, "poe.com"),
    ("phind.com", Assistant, "phind.com"),
    ("alice.yandex.ru", Assistant, "alice.yandex.ru"),
    ("giga.chat", Assistant, "giga.chat"),
    // Webmail.
    ("mail.yandex.*", Webmail, "mail.yandex.ru"),
    ("ru.yandex.mail", Webmail, "mail.yandex.ru"),
    ("e.mail.ru", Webmail, "e.mail.ru"),
    ("touch.mail.ru", Webmail, "e.mail.ru"),
    ("light.mail.ru", Webmail, "e.mail.ru"),
    ("ru.mail.mailapp", Webmail, "e.mail.ru"),
    ("mail.google.com", Webmail, "mail.google.com"),
    ("com.google.android.gm", Webmail, "mail.google.com"),
    ("mail.rambler.ru", Webmail, "mail.rambler.ru"),
    ("outlook.live.com", Webmail, "outlook.live.com"),
    ("outlook.office.com", Webmail, "outlook.live.com"),
    ("outlook.office365.com", Webmail, "outlook.live.com"),
    ("com.microsoft.office.outlook", Webmail, "outlook.live.com"),
    ("mail.yahoo.com", Webmail, "mail.yahoo.com"),
    ("mail.proton.me", Webmail, "mail.proton.me"),
    ("mail.ukr.net", Webmail, "mail.ukr.net"),
    ("mail.qq.com", Webmail, "mail.qq.com"),
];

/// How a line's host has to meet the one that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Form {
    /// `=`
    is_alone: bool,
    /// `.*`
    in_any_country: bool,
}

/// What a line says of a host.
type Site = (Kind, &'static str);

static BY_HOST: LazyLock<HashMap<(Form, &'static str), Site>> = LazyLock::new(|| {
    let entry = |(host, kind, name): &(&'static str, Kind, &'static str)| {
        let (host, is_alone) = host.strip_prefix('=').map_or((*host, false), |host| (host, true));
        let (host, in_any_country) = host.strip_suffix(".*").map_or((host, false), |host| (host, true));
        ((Form { is_alone, in_any_country }, host), (*kind, *name))
    };
    SITES.iter().map(entry).collect()
});

/// What is at a host, in lower case, and its name.
pub(super) fn find(host: &str) -> Option<Site> {
    let domain = before_country(host);
    let look = |is_alone, from: usize| {
        let whole = (Form { is_alone, in_any_country: false }, host.get(from..)?);
        let domain = domain.and_then(|domain| domain.get(from..)).unwrap_or_default();
        BY_HOST.get(&whole).or_else(|| BY_HOST.get(&(Form { is_alone, in_any_country: true }, domain))).copied()
    };
    let start = ["www.", "m."].iter().find(|own| host.starts_with(**own)).map_or(0, |own| own.len());
    let below_a_dot = host.match_indices('.').map(|(dot, _)| dot + 1);
    look(true, start).or_else(|| std::iter::once(0).chain(below_a_dot).find_map(|from| look(false, from)))
}

/// `google` of `google.com`, `google.ru`, `google.co.uk` and `google.com.tr`.
fn before_country(host: &str) -> Option<&str> {
    let (rest, last) = host.rsplit_once('.')?;
    if last == "com" {
        return Some(rest);
    }
    if last.len() != 2 || !last.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    Some(rest.strip_suffix(".com").or_else(|| rest.strip_suffix(".co")).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_host_is_met_at_a_dot() {
        let rows = [
            ("google.com", Some((Search, "google"))),
            ("www.google.ru", Some((Search, "google"))),
            ("www.google.co.uk", Some((Search, "google"))),
            ("google.com.tr", Some((Search, "google"))),
            ("m.google.kz", Some((Search, "google"))),
            ("images.google.de", Some((Search, "google"))),
            ("docs.google.com", None),
            ("mail.google.com", Some((Webmail, "mail.google.com"))),
            ("gemini.google.com", Some((Assistant, "gemini.google.com"))),
            ("evilgoogle.com", None),
            ("google.com.evil.ru", None),
            ("google.evil.ru", None),
            ("google.info", None),
            ("google", None),
            ("com", None),
            ("", None),
            ("yandex.ru", Some((Search, "yandex"))),
            ("yandex.com.tr", Some((Search, "yandex"))),
            ("ya.ru", Some((Search, "yandex"))),
            ("mail.yandex.by", Some((Webmail, "mail.yandex.ru"))),
            ("zen.yandex.com", Some((Social, "dzen"))),
            ("metrika.yandex.ru", None),
            ("go.mail.ru", Some((Search, "mail.ru"))),
            ("my.mail.ru", Some((Social, "my.mail.ru"))),
            ("mail.ru", None),
            ("r.search.yahoo.com", Some((Search, "yahoo"))),
            ("html.duckduckgo.com", Some((Search, "duckduckgo"))),
            ("tieba.baidu.com", Some((Social, "tieba"))),
            ("m.baidu.com", Some((Search, "baidu"))),
            ("away.vk.com", Some((Social, "vk"))),
            ("l.facebook.com", Some((Social, "facebook"))),
            ("t.co", Some((Social, "twitter"))),
            ("t.co.uk", None),
            ("x.com", Some((Social, "twitter"))),
            ("box.com", None),
            ("ru.pinterest.com", Some((Social, "pinterest"))),
            ("pinterest.co.uk", Some((Social, "pinterest"))),
            ("www.perplexity.ai", Some((Assistant, "perplexity.ai"))),
            ("127.0.0.1", None),
            ("..", None),
        ];
        for (host, expected) in rows {
            assert_eq!(find(host), expected, "{host}");
        }
    }

    #[test]
    fn no_line_stands_twice_and_every_line_is_met() {
        let hosts: HashSet<&str> = SITES.iter().map(|(host, ..)| *host).collect();
        assert_eq!(hosts.len(), SITES.len());
        for (host, kind, name) in SITES {
            let asked = host.trim_start_matches('=').replace(".*", ".kz");
            assert_eq!(find(&asked), Some((*kind, *name)), "{host}");
        }
    }
}
