//! The configuration as an administrator meets it: the example file, good files, and every fault with its exact text.
//!
//! `tests/config/good/*.toml` load, with the warnings of the `.warnings` beside them, else without any.
//! `tests/config/bad/*.toml` fail with exactly the text of the `.expected` beside them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use leadmilter::{
    address::Address,
    channel::{Channel, Mailbox, Utm},
    config::{
        ArrivalRule, Classify, Config, Dashboard, Direct, Dynamic, Every, Fault, Format, From, Headers, Http, Leads,
        Leak, Listen, Loaded, Log, LogIn, LogTarget, Mail, MailedReport, Milter, Normalize, OnError, Outcomes, Privacy,
        Reports, SenderPrivacy, Side, Sink, SizeBound, Socketmap, Store, Strip, SubjectPrivacy, TagMatch, TagRule,
        UtmPatterns, load, parse,
    },
    event::EventType,
    glob::HeaderGlob,
    language::Language,
    lead::{Basis, Kind},
    model::Model,
    money::Amount,
    pattern::{HeaderPattern, ValuePattern},
    preset::Preset,
    secret::Secret,
};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} has no case", folder.display());
    cases
}

/// The text that stands beside a case.
fn beside(case: &Path, extension: &str) -> Option<String> {
    fs::read_to_string(case.with_extension(extension)).ok()
}

/// Text with paths relative to the case's folder.
fn relative(text: &str, case: &Path) -> String {
    text.replace(&format!("{}/", case.parent().unwrap().display()), "")
}

fn one_a_line(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn parsed(text: &str) -> Result<Loaded, String> {
    parse(text, Path::new("config.toml"), Path::new("/etc/leadmilter")).map_err(|faults| faults.to_string())
}

fn config(text: &str) -> Config {
    parsed(text).unwrap().config
}

/// The example with every commented default made a key.
fn uncommented() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(default) if default.starts_with(|char: char| char.is_ascii_lowercase()) => format!("{default}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn every_bad_file_fails_with_all_its_faults() {
    let mut wrong = Vec::new();
    for case in cases("bad") {
        let got = match load(&case) {
            Ok(_) => "loads\n".to_owned(),
            Err(faults) => relative(&format!("{faults}\n"), &case),
        };
        if beside(&case, "expected").as_ref() != Some(&got) {
            wrong.push(format!("--- {}\n{got}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "these are not as expected:\n{}", wrong.concat());
}

#[test]
fn every_expected_text_has_its_bad_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/bad");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "expected") {
            assert!(path.with_extension("toml").exists(), "{} has no case", path.display());
        }
    }
}

#[test]
fn every_good_file_loads_with_its_warnings() {
    for case in cases("good") {
        // A copy, since the modes of a checkout depend on who made it.
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(case.parent().unwrap()).unwrap() {
            let from = entry.unwrap().path();
            let to = folder.path().join(from.file_name().unwrap());
            fs::copy(&from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let copy = folder.path().join(case.file_name().unwrap());
        let loaded = load(&copy).unwrap_or_else(|faults| panic!("{faults}"));
        let warnings = relative(&one_a_line(&loaded.warnings), &copy);
        assert_eq!(warnings, beside(&case, "warnings").unwrap_or_default(), "{}", case.display());
    }
}

/// A rule with every key.
fn every_condition() -> TagRule {
    let pattern = |text: &str| Some(ValuePattern::parse(text).unwrap());
    TagRule {
        tag: "срочно".to_owned(),
        channel: Some("a".to_owned()),
        recipient: pattern("=инфо+1@xn--80aqeigdi5k.xn--p1ai"),
        sender: pattern("*@компания.рф"),
        subject: pattern("/сч[её]т/"),
        header: Some(HeaderPattern::parse("X-Mailer: 1С*").unwrap()),
        attachment: pattern("*.pdf"),
        size: Some(SizeBound { side: Side::Below, octets: 10_240 }),
    }
}

/// Addresses for visitors, with every key.
fn every_key_of_dynamic() -> Dynamic {
    Dynamic {
        mailbox: Address::parse("инфо@компания.рф").unwrap(),
        keys: vec![Secret::new(vec![0x1f; 32])],
        domain: Some("leads.xn--80aqeigdi5k.xn--p1ai".to_owned()),
        window: Duration::from_secs(30 * 86_400),
        compact: Duration::from_secs(60 * 86_400),
        retention: Duration::from_secs(365 * 86_400),
    }
}

/// What leaves and what is kept, with every key.
fn every_key_of_privacy() -> Privacy {
    let retention = Some(Duration::from_secs(400 * 86_400));
    Privacy { sender: SenderPrivacy::Hash, subject: SubjectPrivacy::Omit, retention }
}

/// A rule for visits with every key.
fn every_sign_of_an_arrival() -> ArrivalRule {
    let pattern = |text: &str| Some(ValuePattern::parse(text).unwrap());
    ArrivalRule {
        channel: "a".to_owned(),
        utm: UtmPatterns {
            source: pattern("/^яндекс$/"),
            medium: pattern("cp[cm]"),
            campaign: pattern("=весна*"),
            term: pattern("*грузовик*"),
            content: pattern("?"),
        },
        click_id: Some("yclid".to_owned()),
        referrer: Some(From::Social),
        landing: Some(ValuePattern::glob("/насосы*").unwrap()),
    }
}

/// A sink with every key.
fn every_key_of_a_sink() -> Sink {
    Sink {
        id: "crm".to_owned(),
        preset: Arc::new(Preset::built_in("webhook").unwrap()),
        settings: BTreeMap::new(),
        url: Some("http://127.0.0.1:8080/hooks".parse().unwrap()),
        secrets: vec![Secret::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap())],
        signing_keys: Vec::new(),
        token: None,
        format: Format::CloudEvents,
        journal: None,
        events: vec![EventType::LeadReceived, EventType::LeadMarked, EventType::LeadOutcome],
        kinds: vec![Kind::Lead, Kind::Spam],
        connect_timeout: Duration::from_secs(2),
        timeout: Duration::from_secs(2),
        concurrency: 64,
        rate: Some(50),
        ordered: false,
        suspend_after: 3,
        retry: vec![Duration::from_secs(60)],
        ca: Some(CERTIFICATE.as_bytes().to_vec()),
        proxy: Some("http://proxy.company.ru:3128".parse().unwrap()),
        only_public: false,
    }
}

fn every_key_of_a_mailed_report() -> MailedReport {
    MailedReport {
        id: "weekly".to_owned(),
        to: vec!["boss@company.ru".parse().unwrap(), "Anna@Company.ru".parse().unwrap()],
        from: "reports@company.ru".parse().unwrap(),
        every: Every::Month,
        at: jiff::civil::time(23, 59, 0, 0),
        preset: "funnel".to_owned(),
        language: Some(Language::En),
        model: Some(Model::Linear),
    }
}

fn every_key_of_reports() -> Reports {
    Reports {
        currency: "EUR".parse().unwrap(),
        rates: [("RUB".parse().unwrap(), Amount(10_000)), ("USD".parse().unwrap(), Amount(920_000))].into(),
        model: Model::Decay,
        language: Language::Ru,
        overhead: vec!["salaries".to_owned()],
    }
}

#[test]
fn every_key_has_its_effect() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("crm.secret"), SECRET).unwrap();
    fs::write(folder.path().join("header.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(folder.path().join("ca.pem"), CERTIFICATE).unwrap();
    fs::write(folder.path().join("token.key"), "1f".repeat(32)).unwrap();
    let text = include_str!("../config/good/every-value.toml");
    let address = |text: &str| Address::parse(text).unwrap();
    let expected = Config {
        hostname: "mx1.xn--80aqeigdi5k.xn--p1ai".to_owned(),
        timezone: "Asia/Vladivostok".to_owned(),
        domains: vec!["company.ru".to_owned(), "xn--80aqeigdi5k.xn--p1ai".to_owned()],
        milter: Milter {
            listen: Listen::Tcp("[::1]:8891".parse().unwrap()),
            socket_mode: 0o600,
            socket_group: Some("postfix".to_owned()),
            on_error: OnError::Tempfail,
            max_connections: 1,
            dry_run: true,
            budget: Duration::from_millis(500),
            drain: Duration::ZERO,
        },
        socketmap: Some(Socketmap {
            listen: Listen::Tcp("127.0.0.1:8892".parse().unwrap()),
            socket_mode: 0o666,
            socket_group: Some("postfix".to_owned()),
            max_connections: 2,
        }),
        store: Store { folder: folder.path().join("leads") },
        headers: Headers {
            prefix: "Lead-".to_owned(),
            key: Some(Secret::new(b"0123456789abcdef0123456789abcdef".to_vec())),
            strip: Strip::All,
        },
        log: Log { level: tracing::Level::DEBUG, target: LogTarget::Journald },
        mailboxes: vec![Mailbox {
            address: address("инфо@компания.рф"),
            spelled: "Инфо@Компания.РФ".to_owned(),
            separators: "-.+".to_owned(),
            rewrite: true,
        }],
        channels: vec![Channel {
            id: "a".to_owned(),
            name: "Щит".to_owned(),
            mailbox: address("инфо@компания.рф"),
            addresses: vec![address("инфо+1@компания.рф"), address("m11@promo.company.ru")],
            utm: Utm { source: "yandex".to_owned(), term: "грузовики".to_owned(), ..Utm::default() },
            tags: vec!["offline".to_owned(), "щит".to_owned()],
        }],
        arrivals: vec![every_sign_of_an_arrival()],
        tags: vec![every_condition()],
        leads: Leads {
            unique_by: Basis::SenderChannel,
            unique_window: Some(Duration::from_secs(90 * 86_400)),
            unique_requires_dmarc: true,
            normalize: Normalize::Provider,
            direct: Direct::All,
            tag_match: TagMatch::First,
            default_charset: "koi8-r".to_owned(),
        },
        classify: Classify {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::1/128".parse().unwrap()],
            own_domain_is_internal: false,
            test_senders: vec![address("qa@company.ru")],
            canaries: vec![address("trap@company.ru")],
            authserv_ids: vec!["mx1.company.ru".to_owned()],
            spam_headers: vec![HeaderGlob::parse("X-Spam: Yes*").unwrap()],
        },
        leak: Leak { domains: 20, window: Duration::from_secs(3600), spam: 0 },
        privacy: every_key_of_privacy(),
        dynamic: Some(every_key_of_dynamic()),
        http: Http::default(),
        dashboard: Dashboard { login: LogIn::Header { user: "x-user".to_owned(), role: Some("x-role".to_owned()) } },
        sites: Vec::new(),
        sinks: vec![every_key_of_a_sink()],
        reports: every_key_of_reports(),
        mail: Mail::Smtp("127.0.0.1:25".parse().unwrap()),
        mailed: vec![every_key_of_a_mailed_report()],
        outcomes: Outcomes { secrets: vec![Secret::new(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap())] },
    };
    assert_eq!(parse(text, Path::new("config.toml"), folder.path()).unwrap().config, expected);
}

#[test]
fn the_example_loads_without_a_warning() {
    let loaded = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml")).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config, config(EXAMPLE));
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let text = uncommented();
    assert_eq!(config(&text), config(EXAMPLE));
    let comments = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(comments(EXAMPLE) - comments(&text), 46);
}

#[test]
fn the_sink_of_the_example_is_the_default_sink() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("crm.secret"), SECRET).unwrap();
    let sample = EXAMPLE.split_once("# [[sink]]").unwrap().1;
    let is_key = |rest: &&str| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let keys = sample.lines().filter_map(|line| line.strip_prefix("# ").filter(|rest| is_key(rest)));
    let whole: String = keys.map(|line| format!("{}\n", line.replace("/etc/leadmilter/", ""))).collect();
    let needed = |line: &&str| ["id", "url", "secret_file"].iter().any(|key| line.starts_with(&format!("{key} = ")));
    let bare: String = whole.lines().filter(needed).map(|line| format!("{line}\n")).collect();
    assert_eq!((whole.lines().count(), bare.lines().count()), (15, 3));
    let sinks = |keys: &str| {
        let text = format!("[[sink]]\n{keys}");
        parse(&text, Path::new("config.toml"), folder.path()).unwrap().config.sinks
    };
    assert_eq!(sinks(&whole), sinks(&bare));
}

#[test]
fn presets_of_mailed_reports_are_those_of_reports() {
    assert_eq!(leadmilter::config::PRESETS, leadmilter::report::Preset::ALL.map(|preset| preset.as_str()));
}

#[test]
fn a_report_of_the_example_needs_no_more_than_its_first_keys() {
    let text =
        "hostname = \"mx1.company.ru\"\n[[report]]\nid = \"weekly\"\nto = [\"boss@company.ru\"]\nevery = \"week\"\n";
    let expected = MailedReport {
        id: "weekly".to_owned(),
        to: vec!["boss@company.ru".parse().unwrap()],
        from: "leadmilter@mx1.company.ru".parse().unwrap(),
        every: Every::Week,
        at: jiff::civil::time(8, 0, 0, 0),
        preset: "channels".to_owned(),
        language: None,
        model: None,
    };
    let loaded = config(text);
    assert_eq!((loaded.mailed, loaded.mail), (vec![expected], Mail::Sendmail("/usr/sbin/sendmail".into())));
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("header.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let text = "[store]\nurl = \"sqlite:leads\"\n[headers]\nkey_file = \"header.key\"\n";
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    let config = load(&path).unwrap().config;
    assert_eq!(config.store.folder, folder.path().join("leads"));
    assert_eq!(config.headers.key.unwrap().reveal(), b"0123456789abcdef0123456789abcdef");
}

#[test]
fn a_key_that_every_user_can_read_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("crm.secret");
    fs::write(&secret, SECRET).unwrap();
    let text = "[[sink]]\nid = \"crm\"\nurl = \"https://crm.company.ru/\"\nsecret_file = \"crm.secret\"\n";
    for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true), (0o601, true)] {
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
        let warnings = parse(text, Path::new("config.toml"), folder.path()).unwrap().warnings;
        let expected = if warned {
            format!(
                "config.toml:4: sink[0].secret_file: \"crm.secret\" is open to every user of this host (mode \
                 {mode:04o}): close it with `chmod o= FILE`\n"
            )
        } else {
            String::new()
        };
        let sinks: Vec<Fault> = warnings.into_iter().filter(|warning| warning.key.starts_with("sink")).collect();
        assert_eq!(one_a_line(&sinks), expected);
    }
}

#[test]
fn a_channel_may_have_a_hundred_thousand_addresses() {
    let list: String = (0..100_000).map(|tag| format!("  \"info+{tag}@company.ru\",\n")).collect();
    let text = format!(
        "[[mailbox]]\naddress = \"info@company.ru\"\n\
         [[channel]]\nid = \"a\"\nmailbox = \"info@company.ru\"\naddresses = [\n{list}]\n"
    );
    let loaded = parsed(&text).unwrap();
    let addresses = &loaded.config.channels[0].addresses;
    assert_eq!((addresses.len(), addresses[99_999].as_str()), (100_000, "info+99999@company.ru"));
}

fn channels(count: usize, extra: &str) -> String {
    let channel = |number: usize| {
        format!(
            "[[channel]]\nid = \"c{number}\"\nmailbox = \"info@company.ru\"\n\
             addresses = [\"info+{number}@company.ru\"]\n{extra}\n"
        )
    };
    let channels: String = (0..count).map(channel).collect();
    format!("[[mailbox]]\naddress = \"info@company.ru\"\n{channels}")
}

#[test]
fn there_may_be_a_hundred_thousand_channels() {
    let config = config(&channels(100_000, ""));
    assert_eq!(config.channels.len(), 100_000);
    assert_eq!(config.channels[99_999].addresses[0].as_str(), "info+99999@company.ru");
}

#[test]
fn ten_thousand_faults_are_all_told() {
    let faults = parsed(&channels(10_000, "adresses = []")).unwrap_err();
    assert_eq!(faults.lines().count(), 10_000);
    let last = "config.toml:50002: channel[9999].adresses: there is no such key here: did you mean `addresses`?";
    assert_eq!(faults.lines().last(), Some(last));
}

#[test]
fn addresses_are_compared_folded() {
    let text = "[[mailbox]]\naddress = \"Info@Компания.РФ\"\n\
                [[channel]]\nid = \"a\"\nmailbox = \"info@xn--80aqeigdi5k.xn--p1ai\"\naddresses = [\"info+1@компания.рф\"]\n";
    let config = config(text);
    assert_eq!(config.mailboxes[0].spelled, "Info@Компания.РФ");
    assert_eq!(config.channels[0].mailbox, config.mailboxes[0].address);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _unused = parsed(&text);
    }

    #[test]
    fn no_broken_example_panics(
        from in any::<prop::sample::Index>(),
        length in 0usize..40,
        put in "[\\[\\]{}=\"',.#\n a-z0-9+@-]{0,12}",
    ) {
        let chars: Vec<char> = uncommented().chars().collect();
        let start = from.index(chars.len());
        let end = chars.len().min(start + length);
        let broken: String = chars[..start].iter().copied().chain(put.chars()).chain(chars[end..].iter().copied()).collect();
        match parsed(&broken) {
            Ok(_) => {}
            Err(faults) => prop_assert!(faults.lines().all(|line| line.starts_with("config.toml:")), "{faults}"),
        }
    }
}
