//! Takes the names and types of keys from the serde model, so that they are written down once.
//!
//! [`Shape::of`] lets a type deserialize itself from a probe, which answers every question with an empty value and notes
//! what was asked for. Places ([`toml::Spanned`]) and options are looked through; [`super::file::Needed`] marks a key
//! that must be there. Serves the types that the model uses (strings, whole numbers, booleans, lists, maps, structs), and
//! knows nothing of any file.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor, value},
    forward_to_deserialize_any,
};

/// What may stand at a place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Flag,
    Number,
    List(Box<Shape>),
    /// A table whose keys are the file's own.
    Map(Box<Shape>),
    Table(Vec<Field>),
}

/// A key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) needed: bool,
    pub(super) shape: Shape,
}

impl Shape {
    /// The shape of `T`; an empty table for a type that the probe does not serve, which the tests would show.
    pub(super) fn of<'de, T: Deserialize<'de>>() -> Self {
        let mut seen = Seen::default();
        let probed = T::deserialize(Probe(&mut seen));
        probed.ok().and(seen.shape).unwrap_or(Self::Table(Vec::new()))
    }

    /// The table behind this place: the place itself, or each element of its list.
    pub(super) fn fields(&self) -> Option<&[Field]> {
        match self {
            Self::Table(fields) => Some(fields),
            Self::List(inner) => inner.fields(),
            Self::Text | Self::Flag | Self::Number | Self::Map(_) => None,
        }
    }
}

#[derive(Default)]
struct Seen {
    shape: Option<Shape>,
    needed: bool,
}

struct Probe<'p>(&'p mut Seen);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("a type that the config model does not use"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.shape = Some(Shape::Flag);
        visitor.visit_bool(false)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.shape = Some(Shape::Number);
        visitor.visit_u64(0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.shape = Some(Shape::Text);
        visitor.visit_str("")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.needed |= name == "Needed";
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let mut element = Seen::default();
        let out = visitor.visit_seq(OneElement { seen: &mut element, done: false })?;
        self.0.shape = element.shape.map(|shape| Shape::List(Box::new(shape)));
        Ok(out)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let mut fields = Vec::new();
        let out = visitor.visit_map(EveryKey { keys: ["any"].iter(), key: "", fields: &mut fields })?;
        self.0.shape = fields.pop().map(|field| Shape::Map(Box::new(field.shape)));
        Ok(out)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let mut fields = Vec::new();
        let out = visitor.visit_map(EveryKey { keys: keys.iter(), key: "", fields: &mut fields })?;
        // A `Spanned` shows itself as a struct of start, end and value, under names that no file can hold.
        let spanned = keys.iter().all(|key| key.starts_with('$'));
        let value = if spanned { fields.pop().map(|field| field.shape) } else { None };
        self.0.shape = Some(value.unwrap_or(Shape::Table(fields)));
        Ok(out)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

struct OneElement<'p> {
    seen: &'p mut Seen,
    done: bool,
}

impl<'de> SeqAccess<'de> for OneElement<'_> {
    type Error = value::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Self::Error> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        seed.deserialize(Probe(self.seen)).map(Some)
    }
}

struct EveryKey<'p> {
    keys: std::slice::Iter<'static, &'static str>,
    key: &'static str,
    fields: &'p mut Vec<Field>,
}

impl<'de> MapAccess<'de> for EveryKey<'_> {
    type Error = value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some(key) = self.keys.next() else { return Ok(None) };
        self.key = key;
        seed.deserialize(value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Self::Error> {
        let mut seen = Seen::default();
        let out = seed.deserialize(Probe(&mut seen))?;
        let shape = seen.shape.ok_or_else(|| Self::Error::custom("a value that asks for nothing"))?;
        self.fields.push(Field { name: self.key, needed: seen.needed, shape });
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::file, *};

    fn field(name: &'static str, needed: bool, shape: Shape) -> Field {
        Field { name, needed, shape }
    }

    #[test]
    fn a_shape_has_every_key_with_its_type() {
        let texts = || Shape::List(Box::new(Shape::Text));
        let utm = ["source", "medium", "campaign", "term", "content"];
        let expected = Shape::Table(vec![
            field("id", true, Shape::Text),
            field("name", false, Shape::Text),
            field("mailbox", true, Shape::Text),
            field("addresses", false, texts()),
            field("utm", false, Shape::Table(utm.map(|name| field(name, false, Shape::Text)).to_vec())),
            field("tags", false, texts()),
        ]);
        assert_eq!(Shape::of::<file::Channel>(), expected);
    }

    #[test]
    fn the_whole_file_can_be_probed() {
        let shape = Shape::of::<file::File>();
        let names: Vec<&str> = shape.fields().unwrap().iter().map(|field| field.name).collect();
        let sections = [
            "milter",
            "socketmap",
            "store",
            "headers",
            "log",
            "mailbox",
            "channel",
            "arrival",
            "tag",
            "leads",
            "classify",
            "leak",
            "privacy",
            "dynamic",
            "http",
            "dashboard",
            "site",
            "sink",
            "reports",
            "outcomes",
            "mail",
            "report",
        ];
        assert_eq!(names, [&["hostname", "timezone", "domains"][..], &sections[..]].concat());
    }
}
