//! The config of dynamic tracking: every key has its effect, and the defaults in the example are the defaults.

use std::{fs, path::Path, time::Duration};

use leadmilter::{
    address::Address,
    config::{Config, Dynamic, Http, HttpListen, Site, parse},
    pattern::ValuePattern,
    secret::Secret,
};

const EXAMPLE: &str = include_str!("../../config.example.toml");

const ADDRESSES: &str = "
[[mailbox]]
address = \"info@company.ru\"
[[channel]]
id = \"m11\"
mailbox = \"info@company.ru\"
addresses = [\"info+m11@company.ru\"]
";

fn day(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

/// A config with these sections, and a key file beside it.
fn config(sections: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token.key"), format!("{}\n# old\n{}\n", "0f".repeat(32), "AB".repeat(32))).unwrap();
    let loaded = parse(&format!("{ADDRESSES}{sections}"), Path::new("config.toml"), folder.path());
    let mut config = loaded.unwrap_or_else(|faults| panic!("{faults}")).config;
    // The folder of a relative socket is made anew for every test.
    for door in [&mut config.http.public, &mut config.http.admin] {
        if let Some(HttpListen::Unix(path)) = door {
            *path = path.strip_prefix(folder.path()).unwrap().to_owned();
        }
    }
    config
}

#[test]
fn every_key_has_its_effect() {
    let got = config(
        "[dynamic]\nmailbox = \"info@company.ru\"\nkey_file = \"token.key\"\ndomain = \"leads.company.ru\"\n\
         window = \"30d\"\ncompact = \"60d\"\nretention = \"365d\"\n\
         [http]\npublic = \"unix:http.sock\"\nadmin = \"[::1]:8881\"\ntrusted_proxies = [\"10.0.0.0/8\"]\nrate = 5\n\
         [[site]]\nkey = \"company\"\norigins = [\"HTTPS://Company.RU:443\", \"http://localhost:8080/\"]\nbudget = 0\n\
         channels = [\"m11\"]\npages = [\"/pumps*\"]\n",
    );
    let dynamic = Dynamic {
        mailbox: Address::parse("info@company.ru").unwrap(),
        keys: vec![Secret::new(vec![0x0f; 32]), Secret::new(vec![0xab; 32])],
        domain: Some("leads.company.ru".to_owned()),
        window: day(30),
        compact: day(60),
        retention: day(365),
    };
    let http = Http {
        public: Some(HttpListen::Unix("http.sock".into())),
        admin: Some(HttpListen::Tcp("[::1]:8881".parse().unwrap())),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        rate: 5,
    };
    let site = Site {
        key: "company".to_owned(),
        origins: vec!["https://company.ru".to_owned(), "http://localhost:8080".to_owned()],
        budget: 0,
        channels: vec!["m11".to_owned()],
        pages: vec![ValuePattern::glob("/pumps*").unwrap()],
    };
    assert_eq!((got.dynamic, got.http, got.sites), (Some(dynamic), http, vec![site]));
}

#[test]
fn the_sections_of_the_example_are_the_defaults() {
    let section = |name: &str| {
        let sample = EXAMPLE.split_once(&format!("# {name}\n")).unwrap().1;
        let is_key = |rest: &&str| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let lines = sample.lines().take_while(|line| !line.starts_with('[') && !line.starts_with("# ["));
        let keys = lines.filter_map(|line| line.strip_prefix("# ").filter(is_key));
        let whole: String = keys.map(|line| format!("{}\n", line.replace("/etc/leadmilter/", ""))).collect();
        format!("{name}\n{whole}")
    };
    let whole = config(&format!("{}{}", section("[dynamic]"), section("[[site]]")));
    let bare = config(
        "[dynamic]\nmailbox = \"info@company.ru\"\nkey_file = \"token.key\"\n\
         [[site]]\nkey = \"company\"\norigins = [\"https://company.ru\", \"https://www.company.ru\"]\n",
    );
    assert_eq!((&whole.dynamic, &whole.sites), (&bare.dynamic, &bare.sites));
    let dynamic = whole.dynamic.unwrap();
    assert_eq!((dynamic.window, dynamic.compact, dynamic.retention), (day(90), day(180), day(800)));
}
