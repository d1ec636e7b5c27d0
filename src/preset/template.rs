//! A value with expressions in it: `Bearer {{ secret }}`.
//!
//! [`Template::parse`] reads the text once; [`Template::value`] gives back what it comes to for one event. One expression and
//! nothing else keeps its type; anything else is text. Only values are written here: what surrounds them is JSON, a form or a
//! URL, whose encoders decide what a quote or a line end becomes. No error holds a value, since it may be a secret.

use std::{collections::HashSet, fmt, sync::LazyLock};

pub use minijinja::Value;
use minijinja::{Environment, Expression, UndefinedBehavior, value::Serde};

use super::filters;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // What an event does not have is nothing, however deep it is asked for.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    filters::add(&mut environment);
    environment
});

/// What templates are to know, as they see it.
pub fn context(known: impl serde::Serialize) -> Value {
    Value::from(Serde(known))
}

/// Why a template cannot be read, or comes to nothing sensible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub(super) String);

impl TemplateError {
    /// What a template came to has no place where it should stand.
    pub fn other(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// One expression.
pub struct Expr {
    compiled: Expression<'static, 'static>,
    source: String,
}

impl Expr {
    /// Reads an expression, without braces.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let compiled = ENVIRONMENT.compile_expression_owned(source.trim().to_owned()).map_err(|error| {
            let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            TemplateError(format!("{:?} is no expression{detail}", source.trim()))
        })?;
        Ok(Self { compiled, source: source.trim().to_owned() })
    }

    /// What it comes to.
    pub fn eval(&self, context: &Value) -> Result<Value, TemplateError> {
        let wrong = |error: minijinja::Error| TemplateError(format!("{:?} fails: {}", self.source, error.kind()));
        self.compiled.eval(context.clone()).map_err(wrong)
    }

    /// Whether it comes to something true.
    pub fn holds(&self, context: &Value) -> Result<bool, TemplateError> {
        Ok(self.eval(context)?.is_true())
    }

    /// What it comes to as JSON; `None` for nothing.
    pub fn json(&self, context: &Value) -> Result<Option<serde_json::Value>, TemplateError> {
        let value = self.eval(context)?;
        if is_nothing(&value) {
            return Ok(None);
        }
        let json = serde_json::to_value(&value);
        json.map(Some).map_err(|_| TemplateError(format!("{:?} comes to no JSON", self.source)))
    }

    /// Names that it asks for.
    pub fn names(&self) -> HashSet<String> {
        self.compiled.undeclared_variables(false)
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({:?})", self.source)
    }
}

/// A value with expressions in it.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Value(Expr),
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.contains("{%") {
            return Err(TemplateError("{% … %} is not known here: write {{ a if condition else b }}".to_owned()));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (expression, after) = expression(after)?;
            pieces.push(Piece::Value(expression));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// What it comes to, with its type; `None` for nothing.
    pub fn value(&self, context: &Value) -> Result<Option<serde_json::Value>, TemplateError> {
        match self.pieces.as_slice() {
            [Piece::Value(expression)] => expression.json(context),
            _ => Ok(self.text(context)?.map(serde_json::Value::String)),
        }
    }

    /// What it comes to as text; `None` for one expression that gives nothing.
    pub fn text(&self, context: &Value) -> Result<Option<String>, TemplateError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Value(expression) => {
                    let value = expression.eval(context)?;
                    if !is_nothing(&value) {
                        text.push_str(&value.to_string());
                    } else if self.pieces.len() == 1 {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(text))
    }

    /// Names that its expressions ask for.
    pub fn names(&self) -> HashSet<String> {
        let expressions = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(expression) => Some(expression),
            Piece::Text(_) => None,
        });
        expressions.flat_map(Expr::names).collect()
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// The expression up to the first `}}` that ends one, and what follows: a text or an object in it may hold braces.
fn expression(text: &str) -> Result<(Expr, &str), TemplateError> {
    let mut first = None;
    for (at, _) in text.match_indices("}}") {
        let (inside, after) = text.split_at(at);
        match Expr::parse(inside) {
            Ok(expression) => return Ok((expression, after.get(2..).unwrap_or_default())),
            Err(wrong) => first = first.or(Some(wrong)),
        }
    }
    Err(first.unwrap_or_else(|| TemplateError("{{ is not closed by }}".to_owned())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(template: &str) -> Option<serde_json::Value> {
        let context = super::context(json!({
            "data": { "name": "Анна \"{{ x }}\"", "count": 7, "is": true, "tags": ["a", "b"], "id": "9007199254740993" }
        }));
        Template::parse(template).unwrap().value(&context).unwrap()
    }

    #[test]
    fn one_expression_keeps_its_type_and_anything_else_is_text() {
        let rows = [
            ("{{ data.count }}", Some(json!(7))),
            ("{{ data.is }}", Some(json!(true))),
            ("{{ data.tags }}", Some(json!(["a", "b"]))),
            ("{{ data.id }}", Some(json!("9007199254740993"))),
            ("{{ data.id | int }}", Some(json!(9_007_199_254_740_993_i64))),
            ("{{ data.count }} ", Some(json!("7 "))),
            ("a {{ data.none.deeper }}b", Some(json!("a b"))),
            ("{{ data.none.deeper }}", None),
            ("{{ none }}", None),
            ("{{ data.name }}", Some(json!("Анна \"{{ x }}\""))),
            ("{{ {'a': {'b': 1}} }}", Some(json!({"a": {"b": 1}}))),
            ("{{ '}}' }}!", Some(json!("}}!"))),
            ("", Some(json!(""))),
            ("plain", Some(json!("plain"))),
        ];
        for (template, expected) in rows {
            assert_eq!(value(template), expected, "{template}");
        }
    }

    #[test]
    fn what_is_no_template_says_why() {
        let rows = [
            ("{{ a", "{{ is not closed by }}"),
            ("{% if a %}", "{% … %} is not known here: write {{ a if condition else b }}"),
            ("{{ }}", "\"\" is no expression (unexpected end of input, expected expression)"),
            ("{{ a | nothing }}", "\"a | nothing\" fails: unknown filter"),
        ];
        for (template, expected) in rows {
            let said = Template::parse(template).and_then(|read| read.value(&Value::UNDEFINED));
            assert_eq!(said.unwrap_err().to_string(), expected, "{template}");
        }
    }

    #[test]
    fn an_error_holds_no_value() {
        let context = super::context(json!({ "secret": "hunter2" }));
        let said = Template::parse("{{ secret | int }}").unwrap().value(&context).unwrap_err().to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }
}
