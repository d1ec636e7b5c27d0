//! The body of a request as a tree of JSON whose texts are templates.
//!
//! Read from TOML once; [`Tree::render`] gives back the JSON for one event. What comes to nothing is left out, with the objects
//! and lists that it leaves empty, so that a receiver never sees a null that the lead did not mean.

use serde_json::{Map, Value as Json};

use super::{
    PresetError,
    template::{Expr, Template, TemplateError, Value},
};

/// The key of an object that says when the object is there.
const IF: &str = "$if";

/// JSON with templates in it.
#[derive(Debug)]
pub enum Tree {
    /// A text that is a template.
    Leaf(Template),
    /// A number or a boolean.
    Constant(Json),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object {
        /// When it is there.
        condition: Option<Expr>,
        /// Keys and values, in the order of the file.
        entries: Vec<(String, Tree)>,
    },
}

impl Tree {
    /// Reads a tree; `key` is where it stands in the file.
    pub(super) fn parse(value: &toml::Value, key: &str) -> Result<Self, PresetError> {
        Ok(match value {
            toml::Value::String(text) => {
                Self::Leaf(Template::parse(text).map_err(|wrong| PresetError::at(key, wrong))?)
            }
            toml::Value::Integer(number) => Self::Constant((*number).into()),
            toml::Value::Float(number) => Self::Constant((*number).into()),
            toml::Value::Boolean(is) => Self::Constant((*is).into()),
            toml::Value::Datetime(_) => return Err(PresetError::at(key, "a date is written as text, in quotes")),
            toml::Value::Array(list) => {
                let items = list.iter().enumerate().map(|(at, item)| Self::parse(item, &format!("{key}[{at}]")));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            toml::Value::Table(table) => {
                let mut condition = None;
                let mut entries = Vec::with_capacity(table.len());
                for (name, value) in table {
                    let key = format!("{key}.{name}");
                    match (name.as_str(), value) {
                        (IF, toml::Value::String(text)) => {
                            condition = Some(Expr::parse(text).map_err(|wrong| PresetError::at(&key, wrong))?);
                        }
                        (IF, _) => return Err(PresetError::at(&key, "an expression is expected, in quotes")),
                        _ => entries.push((name.clone(), Self::parse(value, &key)?)),
                    }
                }
                Self::Object { condition, entries }
            }
        })
    }

    /// The JSON for one event; `None` where nothing is left.
    pub fn render(&self, context: &Value) -> Result<Option<Json>, TemplateError> {
        match self {
            Self::Leaf(template) => template.value(context),
            Self::Constant(json) => Ok(Some(json.clone())),
            Self::List(items) => {
                let rendered = items.iter().filter_map(|item| item.render(context).transpose());
                let rendered = rendered.collect::<Result<Vec<_>, _>>()?;
                Ok((items.is_empty() || !rendered.is_empty()).then_some(Json::Array(rendered)))
            }
            Self::Object { condition, entries } => {
                if let Some(condition) = condition
                    && !condition.holds(context)?
                {
                    return Ok(None);
                }
                let mut object = Map::with_capacity(entries.len());
                for (name, tree) in entries {
                    if let Some(json) = tree.render(context)? {
                        object.insert(name.clone(), json);
                    }
                }
                Ok((entries.is_empty() || !object.is_empty()).then_some(Json::Object(object)))
            }
        }
    }

    /// Hands every expression of the tree to `see`, with the names that it asks for.
    pub(super) fn names(&self, key: &str, see: &mut dyn FnMut(&str, std::collections::HashSet<String>)) {
        match self {
            Self::Leaf(template) => see(key, template.names()),
            Self::Constant(_) => {}
            Self::List(items) => {
                items.iter().enumerate().for_each(|(at, item)| item.names(&format!("{key}[{at}]"), see));
            }
            Self::Object { condition, entries } => {
                if let Some(condition) = condition {
                    see(&format!("{key}.{IF}"), condition.names());
                }
                entries.iter().for_each(|(name, tree)| tree.names(&format!("{key}.{name}"), see));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(body: &str, context: Json) -> Option<Json> {
        let table: toml::Table = toml::from_str(body).unwrap();
        let tree = Tree::parse(&table["body"], "body").unwrap();
        tree.render(&super::super::template::context(context)).unwrap()
    }

    const BODY: &str = r#"
        [[body]]
        name = "Lead {{ n }}"
        count = 7
        half = 0.5
        is = true
        kept = { }
        empty = { deep = { "nothing" = "{{ n.o }}" } }
        list = ["{{ no }}", "{{ n }}"]
        gone = ["{{ no }}"]
        fields = [
            { "$if" = "n", code = "N", values = [{ value = "{{ n }}" }] },
            { "$if" = "no", code = "NO" },
        ]
    "#;

    #[test]
    fn what_comes_to_nothing_is_left_out_with_what_it_leaves_empty() {
        let expected = json!([{
            "name": "Lead x\"}", "count": 7, "half": 0.5, "is": true, "kept": {}, "list": ["x\"}"],
            "fields": [{ "code": "N", "values": [{ "value": "x\"}" }] }],
        }]);
        assert_eq!(render(BODY, json!({ "n": "x\"}" })), Some(expected));
    }

    #[test]
    fn an_object_whose_condition_fails_is_nothing() {
        assert_eq!(render("body = { \"$if\" = \"n\", a = 1 }", json!({})), None);
    }

    #[test]
    fn keys_keep_their_order() {
        let text = render("body = { z = 1, a = 2, m = 3 }", json!({})).unwrap().to_string();
        assert_eq!(text, r#"{"z":1,"a":2,"m":3}"#);
    }

    #[test]
    fn a_fault_names_its_place() {
        let rows = [
            ("body = { a = [{ b = \"{{ x\" }] }", "body.a[0].b: {{ is not closed by }}"),
            ("body = { a = 2026-11-22 }", "body.a: a date is written as text, in quotes"),
            ("body = { \"$if\" = true }", "body.$if: an expression is expected, in quotes"),
        ];
        for (body, expected) in rows {
            let table: toml::Table = toml::from_str(body).unwrap();
            assert_eq!(Tree::parse(&table["body"], "body").unwrap_err().to_string(), expected, "{body}");
        }
    }
}
