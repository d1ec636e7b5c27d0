//! Programs that read pages, by the name that they give themselves.
//!
//! Given a User-Agent; says whether it is a program's. It keeps addresses from being made for nobody, and holds off
//! none that lies: those meet the rate of their client and the budget of the site.

/// What the names of programs hold. Somebody who names a page about themselves is no browser (`+http`).
const WORDS: [&str; 33] = [
    "+http",
    "archiver",
    "axios/",
    "chatgpt-user",
    "crawl",
    "curl/",
    "embedly",
    "facebookexternalhit",
    "feedfetcher",
    "go-http-client",
    "google-read-aloud",
    "gtmetrix",
    "httpclient",
    "java/",
    "libwww",
    "lighthouse",
    "lychee",
    "mediapartners",
    "node-fetch",
    "okhttp",
    "pagespeed",
    "phantomjs",
    "pingdom",
    "python",
    "scrapy",
    "skypeuripreview",
    "slurp",
    "spider",
    "uptime",
    "validator",
    "vkshare",
    "wget/",
    "whatsapp/",
];

/// Telephones of this name are used by people.
const NO_BOT: &str = "cubot";

/// Whether a request with this User-Agent is a program's. Every browser has one.
pub fn is_program(user_agent: Option<&str>) -> bool {
    let Some(name) = user_agent.map(str::to_ascii_lowercase).filter(|name| !name.trim().is_empty()) else {
        return true;
    };
    WORDS.iter().any(|word| name.contains(word)) || is_bot(&name)
}

/// Whether a word ends in `bot`, alone or before a version: `Googlebot/2.1`, `YandexMobileBot`, `Mail.RU_Bot`.
fn is_bot(name: &str) -> bool {
    name.match_indices("bot").any(|(at, bot)| {
        let (before, after) = (name.get(..at + bot.len()), name.get(at + bot.len()..));
        let goes_on =
            after.is_some_and(|after| after.starts_with(|char: char| char.is_ascii_alphabetic() && char != 's'));
        !goes_on && !before.is_some_and(|before| before.ends_with(NO_BOT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_browsers() {
        let browsers = [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 \
             Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 YaBrowser/25.10 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 15; Bottega) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36",
        ];
        let programs = [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 8_1) AppleWebKit/600.1.4 (KHTML, like Gecko) Mobile YandexMobileBot/3.0",
            "Mozilla/5.0 (compatible; Linux x86_64; Mail.RU_Bot/2.0)",
            "facebookexternalhit/1.1",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0)",
            "curl/8.14.1",
            "python-requests/2.32",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142 Safari/537.36 Chrome-Lighthouse",
            " ",
        ];
        for browser in browsers {
            assert!(!is_program(Some(browser)), "{browser}");
        }
        for program in programs {
            assert!(is_program(Some(program)), "{program}");
        }
        assert!(is_program(None));
    }
}
