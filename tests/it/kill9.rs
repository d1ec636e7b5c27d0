//! leadmilter is killed again and again while letters come in: what was acknowledged is there, nothing is there twice,
//! and what passed by meanwhile is taken in afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{Condvar, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    fault_house::{Receivers, Site, header, letter_from, message_id, patient_sink},
    house::{SECRET, distinct},
    postfix_house::{Daemon, Postfix, wait_for},
};

const LETTERS: usize = 2000;

/// SMTP sessions at a time; a session that has lost the milter does without it to its end, so each is short.
const SESSIONS: usize = 6;
const LETTERS_OF_A_SESSION: usize = 8;

/// Senders write in turn, so every one of them has a series of inquiries.
const SENDERS: usize = 50;

/// The mailbox and a substitute of it, in turn.
const RECIPIENTS: [(&str, &str); 5] = [
    ("info@company.ru", "info+m11@company.ru"),
    ("info@company.ru", "m11@promo.company.ru"),
    ("sales@company.ru", "sales+news@company.ru"),
    ("info@company.ru", "info-m11@company.ru"),
    ("info@company.ru", "info+yd@company.ru"),
];

/// Letters that may be begun while the daemon is away: on a slow machine they would all be gone before it is back.
const AWAY: usize = 60;

/// Letters on their way and how many of them Postfix has taken.
#[derive(Default)]
struct Traffic {
    begun: Mutex<Begun>,
    leave: Condvar,
    taken: Mutex<usize>,
    progress: Condvar,
}

#[derive(Default)]
struct Begun {
    count: usize,
    /// Senders wait before they begin more.
    allowed: usize,
}

impl Traffic {
    /// Sends letters until there are no more.
    fn send(&self, postfix: &Postfix) {
        loop {
            let mut session = postfix.session();
            for _ in 0..LETTERS_OF_A_SESSION {
                let Some(number) = self.begin() else { return };
                let (_, rcpt) = RECIPIENTS[number % RECIPIENTS.len()];
                let from = format!("sender{}@client.example", number % SENDERS);
                let letter = letter_from(&from, &number.to_string());
                let answers = session.transaction(&format!("<{from}>"), &[&format!("<{rcpt}>")], &letter);
                assert!(answers.queue_id().is_some(), "letter {number}: {answers:?}");
                *self.taken.lock().unwrap() += 1;
                self.progress.notify_all();
            }
            assert_eq!(session.command("QUIT").code, 221);
        }
    }

    /// The next letter's number, once it may be begun; `None` after the last one.
    fn begin(&self) -> Option<usize> {
        let begun = self.begun.lock().unwrap();
        let mut begun = self
            .leave
            .wait_while(begun, |begun| begun.count == begun.allowed.min(LETTERS) && begun.count < LETTERS)
            .unwrap();
        let number = begun.count;
        begun.count += usize::from(number < LETTERS);
        (number < LETTERS).then_some(number)
    }

    /// Lets senders begin so many letters more.
    fn allow(&self, more: usize) {
        let mut begun = self.begun.lock().unwrap();
        begun.allowed = begun.count.saturating_add(more);
        self.leave.notify_all();
    }

    /// Waits until `more` letters were taken, and says whether that was before the last one.
    fn wait_for(&self, more: usize) -> bool {
        let mut taken = self.taken.lock().unwrap();
        let until = *taken + more;
        while *taken < until.min(LETTERS) {
            taken = self.progress.wait(taken).unwrap();
        }
        *taken < LETTERS
    }
}

/// Kills the daemon at random moments while letters are taken; gives back the last one and the logs of those before.
fn kill_again_and_again(site: &Site, traffic: &Traffic, mut random: fastrand::Rng) -> (Daemon, Vec<String>) {
    let mut logs = Vec::new();
    let mut daemon = site.daemon();
    traffic.allow(LETTERS);
    while traffic.wait_for(random.usize(20..100)) {
        // Between two answers, too: only the moment is random here, nothing waits for anything.
        thread::sleep(Duration::from_micros(random.u64(0..20_000)));
        logs.push(daemon.kill9());
        traffic.allow(AWAY);
        daemon = site.daemon();
        traffic.allow(LETTERS);
    }
    (daemon, logs)
}

/// `X-Lead-Id`, if there is one, of each delivered letter by its Message-ID.
fn delivered(site: &Site) -> BTreeMap<String, Option<String>> {
    let removed = || site.postfix.log().matches(": removed").count();
    wait_for("the queue to drain", || (removed() == LETTERS).then_some(()), || site.postfix.log());
    let mut letters = BTreeMap::new();
    for mailbox in ["info@company.ru", "sales@company.ru"] {
        for entry in fs::read_dir(site.maildir(mailbox).join("new")).unwrap() {
            let mail = fs::read(entry.unwrap().path()).unwrap();
            let id = header(&mail, "Message-ID").unwrap();
            assert!(letters.insert(id.clone(), header(&mail, "X-Lead-Id")).is_none(), "{id} was delivered twice");
        }
    }
    let sent: BTreeSet<_> = (0..LETTERS).map(|number| message_id(&number.to_string())).collect();
    assert_eq!(letters.keys().cloned().collect::<BTreeSet<_>>(), sent);
    letters
}

/// Leads by Message-ID; no two are of one letter.
fn by_letter(leads: &[(String, String)]) -> BTreeMap<String, String> {
    let found: BTreeMap<_, _> = leads.iter().cloned().collect();
    assert_eq!((found.len(), distinct(found.values()).len()), (leads.len(), leads.len()), "leads of one letter");
    found
}

/// Every sender's inquiries are counted from one, without a gap.
fn assert_series(site: &Site) {
    let mut series: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for lead in site.listing(&["leads", "--limit", "1000000"]) {
        let count = lead.pointer("/repeat/count").unwrap().as_u64().unwrap();
        series.entry(lead["sender"]["address"].to_string()).or_default().push(count);
    }
    assert_eq!(series.len(), SENDERS);
    for (sender, mut counts) in series {
        counts.sort_unstable();
        assert_eq!(counts, (1..=(LETTERS / SENDERS) as u64).collect::<Vec<_>>(), "{sender}");
    }
}

#[test]
fn kill_9_in_mid_traffic_loses_no_acknowledged_lead_and_makes_none_twice() {
    let seed = std::env::var("LEADMILTER_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
    let now = || u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos());
    let seed = seed.unwrap_or_else(now);
    println!("LEADMILTER_TEST_SEED={seed}");

    let receivers = Receivers::new();
    let mut receiver = receivers.start();
    let site = Site::new("", &patient_sink(&receiver.url, "2s"));
    let traffic = Traffic::default();
    let (daemon, logs) = thread::scope(|scope| {
        for _ in 0..SESSIONS {
            scope.spawn(|| traffic.send(&site.postfix));
        }
        kill_again_and_again(&site, &traffic, fastrand::Rng::with_seed(seed))
    });
    assert!(logs.len() >= 10, "only {} kills", logs.len());

    let letters = delivered(&site);
    site.drain_outbox();
    let leads = site.leads();
    let recorded = by_letter(&leads);
    let mut unanswered = 0;
    for (letter, lead) in &recorded {
        match letters.get(letter).expect("a lead without a letter") {
            Some(told) => assert_eq!(told, lead, "{letter}"),
            // The daemon died between the commit and Postfix's answer.
            None => unanswered += 1,
        }
    }
    let attributed = letters.values().flatten().count();
    let missed = LETTERS - attributed - unanswered;
    println!("{} kills, {attributed} letters attributed, {unanswered} unanswered, {missed} missed", logs.len());
    assert_eq!(recorded.len(), attributed + unanswered, "a letter carries the id of a lead that is not there");
    assert!(attributed > 0 && missed > 0, "no kill hit the traffic");
    let mut told = receiver.rest();
    assert_eq!(
        distinct(told.iter().map(|call| call.header("webhook-id").to_owned())),
        distinct(recorded.into_values())
    );

    let mut tallies: Vec<usize> = Vec::new();
    for mailbox in ["info@company.ru", "sales@company.ru"] {
        let tally = site.ingest(mailbox);
        tallies.extend(tally.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<usize>().ok()));
    }
    // What was rewritten does not tell its substitute any more: its headers do, to whoever reads the letter.
    let rewritten = (0..LETTERS).filter(|number| RECIPIENTS[number % 5].0 == "sales@company.ru");
    let rewritten = rewritten.filter(|number| letters[&message_id(&number.to_string())].is_some()).count();
    let [new, known, untracked, new_sales, known_sales, untracked_sales] = tallies[..] else { panic!("{tallies:?}") };
    assert_eq!(
        (new + new_sales, known + known_sales, untracked + untracked_sales),
        (missed, LETTERS - missed - rewritten, rewritten)
    );

    let all = site.leads();
    assert_eq!(all[..leads.len()], leads, "what was recorded before stays as it was");
    let all = by_letter(&all);
    assert_eq!(all.keys().collect::<Vec<_>>(), letters.keys().collect::<Vec<_>>());
    assert_series(&site);
    site.drain_outbox();
    told.extend(receiver.rest());
    assert!(told.iter().all(|call| call.is_signed_with(SECRET)));
    assert_eq!(distinct(told.iter().map(|call| call.header("webhook-id").to_owned())), distinct(all.into_values()));
    let (status, last) = daemon.terminate();
    assert_eq!(status.code(), Some(0));
    let faults: Vec<_> =
        logs.iter().chain([&last]).flat_map(|log| log.lines()).filter(|line| line.contains("ERROR")).collect();
    assert_eq!(faults, [""; 0]);
}
