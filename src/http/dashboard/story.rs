//! A lead as facts for people: names and values, in the reader's language, strangers' text made harmless.

use super::{kinds, lead::ids, visitor::Visitor};
use crate::{
    channel::Channel,
    clock::Millis,
    language::{Language, Text},
    lead::{Lead, Touch},
    text::shown,
};

/// A name and a value.
pub struct Fact {
    /// What is told.
    pub name: &'static str,
    /// What it is.
    pub value: String,
}

/// One touch.
pub struct Step {
    /// When.
    pub at: String,
    /// The channel, or where it came from.
    pub from: String,
    /// What else is known.
    pub facts: Vec<Fact>,
}

/// What is known of a lead.
pub struct Story {
    /// Sender and message.
    pub letter: Vec<Fact>,
    /// Attribution.
    pub way: Vec<Fact>,
    /// Touches, oldest first.
    pub touches: Vec<Step>,
}

/// Facts, of which the unknown ones are left out.
struct Facts<'a> {
    visitor: &'a Visitor,
    list: Vec<Fact>,
}

impl Facts<'_> {
    fn add(&mut self, name: Text, value: Option<&str>) {
        let value = value.filter(|value| !value.is_empty());
        self.list.extend(value.map(|value| Fact { name: name.of(self.visitor.language), value: shown(value) }));
    }

    fn say(&mut self, name: Text, value: Text) {
        let language = self.visitor.language;
        self.list.push(Fact { name: name.of(language), value: value.of(language).to_owned() });
    }

    fn moment(&mut self, name: Text, at: Option<Millis>) {
        let told = at.map(|at| self.visitor.language.moment(at, &self.visitor.zone));
        self.add(name, told.as_deref());
    }
}

impl Story {
    /// The story of a lead; `channels` are those whose names are known.
    pub fn of(lead: &Lead, channels: &[Channel], visitor: &Visitor) -> Self {
        let touches = lead.attribution.touches.iter().map(|touch| step(touch, channels, visitor)).collect();
        Self { letter: letter(lead, visitor), way: way(lead, visitor), touches }
    }
}

fn letter(lead: &Lead, visitor: &Visitor) -> Vec<Fact> {
    let mut facts = Facts { visitor, list: Vec::new() };
    let (sender, message, of) = (&lead.sender, &lead.message, &lead.repeat);
    facts.moment(Text { en: "Received", ru: "Получено" }, Some(lead.received_at));
    facts.say(Text { en: "Kind", ru: "Вид" }, kinds::kind(lead.kind));
    facts.add(Text { en: "Because", ru: "Потому что" }, lead.kind_reason.as_deref());
    if of.counts() && lead.in_thread_of.is_none() {
        facts.add(
            Text { en: "Inquiry of this sender", ru: "Обращение отправителя" },
            Some(&number(of.count, visitor.language)),
        );
    }
    facts.add(Text { en: "Name", ru: "Имя" }, sender.name.as_deref());
    facts.add(Text { en: "Address", ru: "Адрес" }, sender.address.as_deref());
    let envelope = sender.envelope_from.as_ref().filter(|from| sender.address.as_ref() != Some(from));
    facts.add(Text { en: "Envelope sender", ru: "Отправитель в конверте" }, envelope.map(String::as_str));
    facts.add(Text { en: "Authentication", ru: "Проверка подлинности" }, sender.auth.as_ref().and_then(ids).as_deref());
    facts.add(Text { en: "Subject", ru: "Тема" }, message.subject.as_deref());
    facts.add(Text { en: "Message-ID", ru: "Message-ID" }, message.message_id.as_deref());
    facts.moment(Text { en: "Written", ru: "Написано" }, message.date);
    let size = message.size.map(|size| visitor.language.number(i128::from(size), 0, 0));
    facts.add(Text { en: "Octets", ru: "Размер, байт" }, size.as_deref());
    let attachments = message.attachments.map(|count| count.to_string());
    facts.add(Text { en: "Attachments", ru: "Вложений" }, attachments.as_deref());
    facts.add(Text { en: "Written to", ru: "Написано на" }, Some(&lead.recipient.substitute));
    facts.add(Text { en: "Stands for", ru: "Вместо" }, lead.recipient.real.as_deref());
    facts.add(Text { en: "Tags", ru: "Метки" }, Some(&lead.tags.join(", ")));
    let worth = lead.value.as_ref().map(|value| format!("{} {}", value.amount, value.currency));
    facts.add(Text { en: "Worth", ru: "Сумма" }, worth.as_deref());
    let mta = lead.mta.as_ref();
    facts.add(Text { en: "Mail server", ru: "Почтовый сервер" }, mta.map(|mta| mta.host.as_str()));
    facts.add(Text { en: "Queue id", ru: "Номер в очереди" }, mta.and_then(|mta| mta.queue_id.as_deref()));
    facts.add(Text { en: "Lead id", ru: "Номер лида" }, Some(&lead.lead_id));
    facts.list
}

fn number(count: u32, language: Language) -> String {
    language.number(i128::from(count), 0, 0)
}

fn way(lead: &Lead, visitor: &Visitor) -> Vec<Fact> {
    let mut facts = Facts { visitor, list: Vec::new() };
    let of = &lead.attribution;
    facts.add(Text { en: "Channel", ru: "Канал" }, lead.channel.as_ref().map(|channel| channel.name.as_str()));
    facts.say(Text { en: "Address", ru: "Адрес" }, kinds::status(of.status));
    facts.say(Text { en: "Known by", ru: "Определено" }, kinds::confidence(of.confidence));
    let age = of.age_seconds.map(|age| visitor.language.span(i64::try_from(age).unwrap_or(i64::MAX)));
    facts.add(Text { en: "From visit to letter", ru: "От визита до письма" }, age.as_deref());
    for (name, value) in [
        (Text { en: "Source", ru: "Источник" }, &of.source),
        (Text { en: "Medium", ru: "Тип трафика" }, &of.medium),
        (Text { en: "Campaign", ru: "Кампания" }, &of.campaign),
        (Text { en: "Campaign id", ru: "Номер кампании" }, &of.campaign_id),
        (Text { en: "Term", ru: "Ключевая фраза" }, &of.term),
        (Text { en: "Content", ru: "Объявление" }, &of.content),
        (Text { en: "Landing page", ru: "Страница входа" }, &of.landing_page),
        (Text { en: "Page with the address", ru: "Страница с адресом" }, &of.page),
        (Text { en: "Referrer", ru: "Откуда переход" }, &of.referrer),
    ] {
        facts.add(name, value.as_deref());
    }
    facts.moment(Text { en: "Visit began", ru: "Начало визита" }, of.visit_at);
    facts.moment(Text { en: "Address shown", ru: "Адрес показан" }, of.issued_at);
    facts.add(Text { en: "Click ids", ru: "Метки кликов" }, ids(&of.click_ids).as_deref());
    facts.add(Text { en: "Client ids", ru: "Номера посетителя" }, ids(&of.client_ids).as_deref());
    facts.add(Text { en: "Consent", ru: "Согласие" }, of.consent.as_ref().and_then(ids).as_deref());
    facts.add(Text { en: "The site's own", ru: "Данные сайта" }, ids(&of.custom).as_deref());
    facts.list
}

fn step(touch: &Touch, channels: &[Channel], visitor: &Visitor) -> Step {
    let mut facts = Facts { visitor, list: Vec::new() };
    for (name, value) in [
        (Text { en: "Address", ru: "Адрес" }, &touch.substitute),
        (Text { en: "Campaign", ru: "Кампания" }, &touch.campaign),
        (Text { en: "Term", ru: "Ключевая фраза" }, &touch.term),
        (Text { en: "Content", ru: "Объявление" }, &touch.content),
        (Text { en: "Landing page", ru: "Страница входа" }, &touch.landing_page),
        (Text { en: "Referrer", ru: "Откуда переход" }, &touch.referrer),
    ] {
        facts.add(name, value.as_deref());
    }
    let named =
        |id: &String| channels.iter().find(|channel| channel.id == *id).map_or(id, |channel| &channel.name).clone();
    let from = [touch.channel.as_ref().map(named), touch.source.clone(), touch.medium.clone()];
    let from: Vec<_> = from.iter().flatten().map(|text| shown(text)).collect();
    Step { at: visitor.language.moment(touch.at, &visitor.zone), from: from.join(" / "), facts: facts.list }
}
