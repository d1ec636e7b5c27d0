//! Takes one step of a letter's way over and over, for a profiler that counts instructions: contrib/bench/instructions.
//!
//! `instructions STEP TIMES`: each step does what the one before it does, and more. The letters are alike but for sender
//! and Message-ID. `arrive` is no letter's step but a visit's: how it came, and its channel. No socket, no other process; only the last step writes, into a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use leadmilter::{
    arrival::Arrivals,
    clock::Millis,
    config,
    event::{Event, EventType},
    intake::{Arrival, Drawn, Intake, Letter},
    store::{Commit, NewLead, Store},
};

const CONFIG: &str = r#"
hostname = "mx1.company.ru"
domains = ["company.ru"]

[[mailbox]]
address = "info@company.ru"

[[channel]]
id = "billboard-m11"
name = "Billboard on the M11"
mailbox = "info@company.ru"
addresses = ["info+m11@company.ru", "info.m11@company.ru", "m11@promo.company.ru"]
utm = { source = "outdoor", medium = "offline", campaign = "m11-spring", term = "pumps", content = "left" }
tags = ["offline", "moscow"]

[[sink]]
id = "crm"
url = "http://127.0.0.1:9/"
secret_file = "crm.secret"
"#;

/// Rules that are asked before the UTM values of the channel are.
const RULES: &str = r#"
[[arrival]]
channel = "billboard-m11"
landing = "/m11*"

[[arrival]]
channel = "billboard-m11"
utm_source = "/^(qr|m11)$/"

[[arrival]]
channel = "billboard-m11"
referrer = "avito.ru"
"#;

const LANDING: &str = "https://company.ru/pumps?utm_source=Outdoor&utm_medium=offline&utm_campaign=m11%2Dspring\
                       &utm_term=%50umps&utm_content=left&yclid=8012345678901234567";

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";
const RECEIVED_AT: Millis = Millis(1_795_676_400_000);

/// Letters that are recorded at once, as a busy server groups them.
const GROUP: u64 = 16;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [step, times] = arguments.as_slice() else {
        eprintln!("usage: instructions resolve|classify|event|record|arrive TIMES");
        return ExitCode::from(64);
    };
    let folder = std::env::temp_dir().join(format!("leadmilter-instructions-{}", std::process::id()));
    let done = run(step, times, &folder);
    if let Err(e) = fs::remove_dir_all(&folder) {
        eprintln!("{} is left behind: {e}", folder.display());
    }
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("instructions: {e:#}");
            ExitCode::from(70)
        }
    }
}

fn run(step: &str, times: &str, folder: &PathBuf) -> anyhow::Result<()> {
    let times = times.parse().with_context(|| format!("{times} is not a number of times"))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let intake = intake(folder)?;
    match step {
        "resolve" => (0..times).try_for_each(|number| {
            ensure!(letter(&intake, number).is_tracked(), "letter {number} is not tracked");
            Ok(())
        }),
        "classify" => (0..times).try_for_each(|number| drawn(&intake, number).map(drop)),
        "event" => (0..times).try_for_each(|number| event(&intake, number).map(drop)),
        "record" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(record(&intake, folder, times))
        }
        "arrive" => {
            let arrivals = Arrivals::new(&intake.config);
            (0..times).try_for_each(|_| arrive(&arrivals))
        }
        _ => bail!("there is no step {step}: resolve, classify, event, record or arrive"),
    }
}

fn intake(folder: &Path) -> anyhow::Result<Intake> {
    fs::write(folder.join("crm.secret"), SECRET)?;
    match config::parse(&format!("{CONFIG}{RULES}"), Path::new("config.toml"), folder) {
        Ok(loaded) => Ok(Intake::new(loaded.config)),
        Err(faults) => bail!("{faults}"),
    }
}

/// The envelope.
fn letter(intake: &Intake, number: u64) -> Letter {
    let mut letter = intake.letter(Some(format!("<client{number}@{}>", domain(number)).as_bytes()));
    let path = match number % 3 {
        0 => "<info+m11@company.ru>",
        1 => "<INFO.M11@company.ru>",
        _ => "<m11@promo.company.ru>",
    };
    letter.add_recipient(intake, path.as_bytes(), &[]);
    letter
}

/// Few, as most people have their address at one of a few providers.
fn domain(number: u64) -> String {
    format!("client{}.example", number % 4)
}

/// Envelope and headers, judged as far as the store is not asked.
fn drawn(intake: &Intake, number: u64) -> anyhow::Result<Box<NewLead>> {
    let mut letter = letter(intake, number);
    let domain = domain(number);
    let of_this_letter = [
        ("From", format!("Anna Petrova <client{number}@{domain}>")),
        ("Message-ID", format!("<{number}.20261126@{domain}>")),
    ];
    let fields = of_this_letter.iter().map(|(name, value)| (*name, value.as_str())).chain(FIELDS);
    for (name, value) in fields {
        letter.add_header(intake, name.as_bytes(), value.as_bytes());
    }
    let at = RECEIVED_AT.plus(Duration::from_millis(number));
    let arrival = Arrival { at, queue_id: Some("4F1B2C3D4E".to_owned()), size: Some(4096), ..Arrival::default() };
    match intake.draw_up(&letter, &arrival) {
        Drawn::Lead(new) => Ok(new),
        other => bail!("letter {number} is no lead: {other:?}"),
    }
}

const FIELDS: [(&str, &str); 12] = [
    (
        "Received",
        "from [192.0.2.14] (client.example [192.0.2.14])\n\tby mx.client.example (Postfix) with ESMTPSA id 4F1B2C3D4E\n\t\
         for <info+m11@company.ru>; Thu, 26 Nov 2026 10:00:00 +0300",
    ),
    (
        "DKIM-Signature",
        "v=1; a=rsa-sha256; c=relaxed/relaxed; d=client.example; s=mail; t=1795676400;\n\t\
         bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\n\th=From:To:Subject:Date:Message-ID;\n\t\
         b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR",
    ),
    (
        "Authentication-Results",
        "mx1.company.ru; dkim=pass header.d=client.example; spf=pass smtp.mailfrom=client.example",
    ),
    ("To", "info+m11@company.ru"),
    ("Subject", "=?UTF-8?B?0JfQsNC/0YDQvtGBINGG0LXQvdGLINC90LAg0L3QsNGB0L7RgdGL?="),
    ("Date", "Thu, 26 Nov 2026 10:00:00 +0300"),
    ("MIME-Version", "1.0"),
    ("Content-Type", "text/plain; charset=UTF-8"),
    ("Content-Transfer-Encoding", "8bit"),
    ("User-Agent", "Mozilla Thunderbird"),
    ("Content-Language", "ru"),
    ("X-Mailer", "none"),
];

/// The same, and the event's bytes.
fn event(intake: &Intake, number: u64) -> anyhow::Result<String> {
    let new = drawn(intake, number)?;
    let id = new.lead.lead_id.clone();
    let event = Event::of_lead(EventType::LeadReceived, id, new.lead, &new.host, 7, RECEIVED_AT);
    Ok(event.to_json()?)
}

/// The same through the store.
async fn record(intake: &Intake, folder: &Path, times: u64) -> anyhow::Result<()> {
    let store = Store::open(&folder.join("store"))?;
    for first in (0..times).step_by(usize::try_from(GROUP)?) {
        let group = first..times.min(first + GROUP);
        let new = group.map(|number| drawn(intake, number)).collect::<anyhow::Result<Vec<_>>>()?;
        let answers = new.into_iter().map(|new| store.record(new, Commit::Durable));
        for answer in futures_util::future::join_all(answers).await {
            ensure!(answer?.is_some_and(|recorded| !recorded.duplicate), "a letter was not recorded");
        }
    }
    store.close(Duration::from_secs(10)).await;
    Ok(())
}

/// A visit whose UTM values are the channel's.
fn arrive(arrivals: &Arrivals) -> anyhow::Result<()> {
    let came = arrivals.arrive(LANDING, Some("https://yandex.ru/search/"), &["https://company.ru".to_owned()]);
    ensure!(came.click_ids.len() == 1 && came.touchpoint.channel.is_some(), "{came:?}");
    Ok(())
}
