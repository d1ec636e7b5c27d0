//! From text to the file model: syntax, unknown keys, wrong types, missing keys.
//!
//! Given the text and the [`Findings`] to report to; gives back a [`File`] in which every value that was reported is
//! replaced by an empty one, so that the rest of the file can still be checked and its indexes hold. `None` where the
//! text is no TOML: what a broken file means is a guess, and faults built on a guess mislead.

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeArray, DeInteger, DeTable, DeValue},
};

use super::{
    fault::{Wrong, quoted},
    file::File,
    findings::{Findings, Key, Span},
    shape::{Field, Shape},
};

/// Reads the text of a config file.
pub(super) fn read(text: &str, findings: &mut Findings) -> Option<File> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let remedy = "correct the TOML of this line, or of the one before";
        let span = error.span().unwrap_or(text.len()..text.len());
        findings.fault(&Key::Root, Some(&span), Wrong::new(error.message(), remedy));
    }
    if findings.any_fault() {
        return None;
    }
    let shape = Shape::of::<File>();
    let mut root = Spanned::new(root.span(), DeValue::Table(root.into_inner()));
    let mut reader = Reader { top: shape.fields().unwrap_or_default(), findings };
    reader.fit(&shape, &mut root, &Key::Root);
    match File::deserialize(toml::de::ValueDeserializer::from(root)) {
        Ok(file) => Some(file),
        Err(error) => {
            findings.fault(&Key::Root, error.span().as_ref(), Wrong::new(error.message(), "correct this line"));
            None
        }
    }
}

struct Reader<'r> {
    /// The sections, to find where a misplaced key belongs.
    top: &'r [Field],
    findings: &'r mut Findings,
}

impl Reader<'_> {
    /// Makes `value` one that the model can take.
    fn fit(&mut self, shape: &Shape, value: &mut Spanned<DeValue<'_>>, key: &Key<'_>) {
        let span = value.span();
        match (shape, value.get_mut()) {
            (Shape::Text, DeValue::String(_)) | (Shape::Flag, DeValue::Boolean(_)) => {}
            (Shape::Number, DeValue::Integer(integer)) if whole(integer) => {}
            (Shape::List(inner), DeValue::Array(elements)) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    self.fit(inner, element, &key.item(index));
                }
            }
            (Shape::Map(inner), DeValue::Table(table)) => {
                for (name, value) in table.iter_mut() {
                    self.fit(inner, value, &key.name(name.get_ref()));
                }
            }
            (Shape::Table(fields), DeValue::Table(table)) => self.fit_table(fields, table, &span, key),
            (_, found) => {
                self.findings.fault(key, Some(&span), wrong_type(shape, found, key));
                *found = empty(shape);
            }
        }
    }

    fn fit_table(&mut self, fields: &[Field], table: &mut DeTable<'_>, span: &Span, key: &Key<'_>) {
        let mut unknown = Vec::new();
        for (name, value) in table.iter_mut() {
            match fields.iter().find(|field| field.name == name.get_ref()) {
                Some(field) => self.fit(&field.shape, value, &key.name(field.name)),
                None => {
                    let wrong = self.unknown(fields, name.get_ref());
                    self.findings.fault(&key.name(name.get_ref()), Some(&name.span()), wrong);
                    unknown.push(name.get_ref().clone());
                }
            }
        }
        for name in &unknown {
            table.remove(name.as_ref());
        }
        for field in fields.iter().filter(|field| field.needed && !table.contains_key(field.name)) {
            let remedy = format!("add {} = {}", field.name, sample(&field.shape));
            self.findings.fault(&key.name(field.name), Some(span), Wrong::new("this key is missing", remedy));
        }
    }

    fn unknown(&self, fields: &[Field], name: &str) -> Wrong {
        let home = |field: &&Field| field.shape.fields().is_some_and(|keys| keys.iter().any(|key| key.name == name));
        let what = "there is no such key here";
        if let Some(near) = nearest(fields, name) {
            return Wrong::new(what, format!("did you mean `{near}`?"));
        }
        if let Some(home) = self.top.iter().find(home) {
            return Wrong::new(what, format!("it belongs below {}", header(&home.shape, home.name)));
        }
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        Wrong::new(what, format!("known are {}", known.join(", ")))
    }
}

/// The known key that `name` is a slip of.
fn nearest(fields: &[Field], name: &str) -> Option<&'static str> {
    if name.len() > 64 {
        return None;
    }
    let near = fields.iter().map(|field| (strsim::osa_distance(field.name, name), field.name)).min()?;
    (near.0 <= 1 + name.len() / 5).then_some(near.1)
}

fn whole(integer: &DeInteger<'_>) -> bool {
    u64::from_str_radix(integer.as_str(), integer.radix()).is_ok()
}

fn empty(shape: &Shape) -> DeValue<'static> {
    match shape {
        Shape::Text => DeValue::String("".into()),
        Shape::Flag => DeValue::Boolean(false),
        Shape::Number => DeValue::Integer(DeInteger::default()),
        Shape::List(_) => DeValue::Array(DeArray::new()),
        Shape::Map(_) | Shape::Table(_) => DeValue::Table(DeTable::new()),
    }
}

fn wrong_type(shape: &Shape, found: &DeValue<'_>, key: &Key<'_>) -> Wrong {
    if let (Shape::Number, DeValue::Integer(integer)) = (shape, found) {
        return Wrong::new(format!("{integer} is out of range"), format!("write a number from 0 to {}", u64::MAX));
    }
    let what = match found {
        DeValue::String(text) => format!("{} is a string", quoted(text)),
        DeValue::Integer(integer) => format!("{integer} is an integer"),
        DeValue::Float(float) => format!("{} is a float", float.as_str()),
        DeValue::Boolean(flag) => format!("{flag} is a boolean"),
        DeValue::Datetime(time) => format!("{time} is a date"),
        DeValue::Array(_) => "this is a list".to_owned(),
        DeValue::Table(_) => "this is a table".to_owned(),
    };
    let (expected, remedy) = match shape {
        Shape::Text => ("a string", "write one value in double quotes".to_owned()),
        Shape::Flag => ("a boolean", "write true or false, without quotes".to_owned()),
        Shape::Number => ("a whole number", "write it without quotes or point".to_owned()),
        Shape::List(inner) if inner.fields().is_none() => ("a list", format!("write {}", sample(shape))),
        Shape::Map(_) => ("a table", format!("write {}", sample(shape))),
        Shape::List(_) | Shape::Table(_) => match key {
            Key::Name(Key::Root, name) => {
                ("a section", format!("write {}, with its keys below it", header(shape, name)))
            }
            _ => ("a table", format!("write {}", sample(shape))),
        },
    };
    Wrong::new(format!("{what}, where {expected} is expected"), remedy)
}

fn sample(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "\"…\"",
        Shape::Flag => "true",
        Shape::Number => "1",
        Shape::List(_) => "[\"…\"]",
        Shape::Map(_) => "{ name = \"…\" }",
        Shape::Table(_) => "{ … }",
    }
}

fn header(shape: &Shape, name: &str) -> String {
    match shape {
        Shape::List(_) => format!("[[{name}]]"),
        _ => format!("[{name}]"),
    }
}
