//! The letters of the year, one after the other: who writes, to which address, after which visits, and what it is.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use leadmilter::{
    channel::{Pattern, Utm},
    clock::Millis,
    config::{Direct, Leak, Privacy, SenderPrivacy, SubjectPrivacy},
    lead::{
        AddressKind, Attribution, Basis, ChannelName, Confidence, Kind, Lead, Message, Mta, Recipient, Repeat, Sender,
        Status, Touch,
    },
    store::{self, Counting, DedupeKey, MessageDigest, NewLead},
    token::{Tokens, VisitId},
    visit::Touchpoint,
};
use sha2::{Digest, Sha256};

use super::{
    business::{MAILBOX, ONLINE, Way},
    dice::Dice,
    visits::Visiting,
};

const FREE: [&str; 8] =
    ["gmail.com", "mail.ru", "yandex.ru", "bk.ru", "outlook.com", "icloud.com", "rambler.ru", "list.ru"];
const NAMES: [&str; 12] = [
    "Иван Петров",
    "Мария Смирнова",
    "Пётр Иванов",
    "Ольга Кузнецова",
    "Сергей Орлов",
    "Елена Волкова",
    "Anna Smith",
    "John Miller",
    "Jürgen Müller",
    "Li Wei",
    "Zoë Martin",
    "Aylin Demir",
];
const SUBJECTS: [&str; 6] =
    ["Запрос цены", "Насос для скважины", "Pump for a well", "Счёт на оплату", "Quotation needed", "Доставка в Тверь"];

/// Leads whose threads may go on.
const THREADS: usize = 2000;

/// Writes letters.
pub struct Letters {
    dice: Dice,
    tokens: Tokens,
    people: u64,
    letters: u64,
    threads: VecDeque<(MessageDigest, u64)>,
    nobody: Arc<[store::Subscriber]>,
}

/// A letter, and whether it opens a thread, so that something may become of it.
pub struct Letter {
    pub new: NewLead,
    pub is_inquiry: bool,
}

impl Letters {
    pub fn new(seed: u64, tokens: Tokens) -> Self {
        let (dice, threads) = (Dice::new(seed ^ 0x6c65_7474_6572), VecDeque::with_capacity(THREADS));
        Self { dice, tokens, people: 0, letters: 0, threads, nobody: Arc::new([]) }
    }

    /// The letter of this time.
    pub fn letter(&mut self, at: Millis, visiting: &mut Visiting) -> Letter {
        self.letters += 1;
        let message_id = format!("<{}@year.example>", self.letters);
        let digest = Sha256::digest(&message_id);
        let kind = match self.dice.below(1000) {
            0..80 => Kind::AutoReply,
            80..110 => Kind::Bounce,
            110..160 => Kind::Spam,
            160..162 => Kind::Test,
            162..165 => Kind::List,
            165..167 => Kind::Internal,
            _ => Kind::Lead,
        };
        let is_reply = kind == Kind::Lead && !self.threads.is_empty() && self.dice.in_thousand(60);
        let (refers_to, person) = if is_reply {
            let (to, person) = *self.dice.one_of(self.threads.make_contiguous());
            (vec![to], person)
        } else {
            (Vec::new(), self.person())
        };
        let mut new = self.written(at, kind, person, visiting);
        new.lead.message.message_id = Some(message_id);
        new.keys = vec![DedupeKey { digest: digest.into(), expires_at: None }];
        let message = MessageDigest::try_from(&digest[..16]).expect("16 octets");
        new.message_id = Some(message);
        new.refers_to = refers_to;
        if kind == Kind::Lead && !is_reply {
            if self.threads.len() == THREADS {
                self.threads.pop_front();
            }
            self.threads.push_back((message, person));
        }
        Letter { new, is_inquiry: kind == Kind::Lead && !is_reply }
    }

    /// Somebody new, or one of three somebody who has written not long ago.
    fn person(&mut self) -> u64 {
        if self.people > 0 && self.dice.in_thousand(310) {
            return self.people - 1 - self.dice.few(self.people.min(20_000));
        }
        self.people += 1;
        self.people - 1
    }

    fn written(&mut self, at: Millis, kind: Kind, person: u64, visiting: &mut Visiting) -> NewLead {
        let To { way, channel, attribution, recipient, visitor } = self.to(at, visiting);
        let dice = &mut self.dice;
        let mut tags: Vec<String> = channel.iter().map(|channel| tag_of(&channel.id).to_owned()).collect();
        for (tag, cases) in [("urgent", 50), ("tender", 30)] {
            if dice.in_thousand(cases) {
                tags.push(tag.to_owned());
            }
        }
        let sender = sender(person, dice);
        let random = [dice.bits(), dice.bits()].map(u64::to_be_bytes).concat();
        let id = uuid::Builder::from_unix_timestamp_millis(
            u64::try_from(at.0).unwrap_or_default(),
            &random[..10].try_into().expect("ten octets"),
        );
        let mta = Some(Mta { host: "mx1.company.example".into(), queue_id: Some(format!("4Xy{:x}", self.letters)) });
        let lead = Lead {
            lead_id: id.into_uuid().to_string(),
            kind,
            kind_reason: (kind != Kind::Lead).then(|| "made up".into()),
            in_thread_of: None,
            received_at: at,
            test: kind == Kind::Test,
            repeat: repeat(),
            sender,
            recipient,
            message: Message {
                subject: Some(format!("{} {}", dice.one_of(&SUBJECTS), dice.below(10_000))),
                date: Some(at),
                size: Some(2_000 + dice.few(2_000_000)),
                ..Message::default()
            },
            channel,
            attribution,
            tags,
            value: None,
            outcome: None,
            mta,
        };
        NewLead {
            keys: Vec::new(),
            copies: Vec::new(),
            message_id: None,
            refers_to: Vec::new(),
            sender_key: lead.sender.address.clone(),
            visitor,
            lead,
            way,
            counting: Counting {
                basis: Basis::Sender,
                window: None,
                requires_dmarc: true,
                leak: Leak { domains: 0, window: Duration::from_secs(600), spam: 0 },
            },
            host: "mx1.company.example".into(),
            privacy: Privacy { sender: SenderPrivacy::Plain, subject: SubjectPrivacy::Plain, retention: None },
            subscribers: Arc::clone(&self.nobody),
            is_recovered: false,
            keep_late: true,
        }
    }

    /// An address: one that a visitor was shown, one of a channel, or the mailbox itself.
    fn to(&mut self, at: Millis, visiting: &mut Visiting) -> To {
        let dice = &mut self.dice;
        match dice.below(100) {
            0..55 => {
                let visit = visiting.before(at, dice);
                let token = self.tokens.token(visit.claim).expect("a number that is given out");
                let token = token.as_str().to_owned();
                let channel = visit.touchpoint.channel.as_ref();
                let substitute = format!("info+{token}@company.example");
                To {
                    way: store::Way::Substitute,
                    channel: channel.map(|id| ChannelName { id: id.clone(), name: number(id).name() }),
                    attribution: visit.attribution(at, &substitute),
                    recipient: Recipient {
                        token: Some(token),
                        ..recipient(substitute, AddressKind::Dynamic, Pattern::Plus)
                    },
                    visitor: Some(visit.visitor),
                }
            }
            55..93 => {
                let way = Way(if dice.in_thousand(300) { ONLINE + dice.below(30) } else { dice.few(ONLINE) });
                let recipient = recipient(way.address(), AddressKind::Static, Pattern::Plus);
                let touchpoint = Touchpoint { channel: Some(way.id()), utm: way.utm(), ..Touchpoint::default() };
                let mut attribution = attribution(Status::Channel, &touchpoint);
                attribution.touches = vec![touch(at, &touchpoint, Some(&recipient.substitute))];
                let channel = Some(ChannelName { id: way.id(), name: way.name() });
                To { way: store::Way::Substitute, channel, attribution, recipient, visitor: None }
            }
            _ => {
                let mailbox = if dice.in_thousand(300) { "sales@company.example" } else { MAILBOX };
                let recipient = Recipient {
                    real: Some(mailbox.into()),
                    ..recipient(mailbox.into(), AddressKind::Unknown, Pattern::Exact)
                };
                let attribution = attribution(Status::Unknown, &Touchpoint::default());
                To { way: store::Way::Direct(Direct::All), channel: None, attribution, recipient, visitor: None }
            }
        }
    }
}

/// Where a letter goes, and what that tells of its sender.
struct To {
    way: store::Way,
    channel: Option<ChannelName>,
    attribution: Attribution,
    recipient: Recipient,
    visitor: Option<VisitId>,
}

fn number(id: &str) -> Way {
    Way(id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default())
}

fn tag_of(id: &str) -> &'static str {
    number(id).tag()
}

fn recipient(substitute: String, kind: AddressKind, pattern: Pattern) -> Recipient {
    Recipient { substitute, real: Some(MAILBOX.into()), kind, pattern, token: None }
}

/// The store decides it.
fn repeat() -> Repeat {
    Repeat {
        unique: true,
        count: 1,
        basis: Basis::Sender,
        window_days: None,
        first_lead_id: None,
        first_received_at: None,
    }
}

fn sender(person: u64, dice: &mut Dice) -> Sender {
    // Of a person all but the letter is always the same.
    let mut own = Dice::new(person ^ 0x7065_7273_6f6e);
    let domain = if own.in_thousand(350) {
        (*own.one_of(&FREE)).to_owned()
    } else {
        format!("firm{}.example", own.few(200_000))
    };
    let address = format!("p{person}@{domain}");
    let dmarc = if dice.in_thousand(970) { "pass" } else { "fail" };
    Sender {
        address: Some(address.clone()),
        name: Some((*own.one_of(&NAMES)).to_owned()),
        domain: Some(domain),
        address_sha256: None,
        envelope_from: Some(address),
        auth: Some([("dmarc".to_owned(), dmarc.to_owned())].into()),
    }
}

/// The attribution of a touchpoint, without touches.
pub fn attribution(status: Status, touchpoint: &Touchpoint) -> Attribution {
    let Touchpoint { utm: Utm { source, medium, campaign, term, content }, landing_page, referrer, .. } =
        touchpoint.clone();
    let told = |text: String| Some(text).filter(|text| !text.is_empty());
    Attribution {
        status,
        confidence: if status == Status::Unknown { Confidence::None } else { Confidence::Exact },
        age_seconds: None,
        touches: Vec::new(),
        source: told(source),
        medium: told(medium),
        campaign: told(campaign),
        term: told(term),
        content: told(content),
        campaign_id: None,
        landing_page,
        page: None,
        referrer,
        visit_at: None,
        issued_at: None,
        click_ids: Default::default(),
        client_ids: Default::default(),
        consent: None,
        custom: Default::default(),
    }
}

/// A touch of that way.
pub fn touch(at: Millis, touchpoint: &Touchpoint, substitute: Option<&str>) -> Touch {
    let Attribution { source, medium, campaign, term, content, landing_page, referrer, .. } =
        attribution(Status::Exact, touchpoint);
    let (substitute, channel) = (substitute.map(str::to_owned), touchpoint.channel.clone());
    Touch { at, substitute, channel, source, medium, campaign, term, content, landing_page, referrer }
}
