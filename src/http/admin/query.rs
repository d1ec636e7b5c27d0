//! What stands behind `?`: pairs of a name and a value, each known and none empty.

use axum::http::{StatusCode, Uri};
use url::form_urlencoded;

use super::super::problem::Problem;

/// The pairs of a request's query.
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads them. A name that is none of `known` is refused, since what it asks for would not be done; `what` lists them.
    pub fn of(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        if let Some((unknown, _)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(Problem::bad_request(format!("there is no {unknown:?} here: known are {}", known.join(", "))));
        }
        match pairs.iter().find(|(_, value)| value.is_empty()) {
            Some((name, _)) => Err(wrong(format!("{name}: it has no value: leave it out"))),
            None => Ok(Self(pairs)),
        }
    }

    /// The last value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a name, read as `of` says.
    pub fn read<T>(&self, name: &str, of: impl FnOnce(&str) -> Option<T>, form: &str) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        of(value).map(Some).ok_or_else(|| wrong(format!("{name}: {value:?} is none of it: write {form}")))
    }

    /// Those that are none of `names`.
    pub fn without<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(name, _)| !names.contains(name))
    }

    /// All of them as they stood, with another value for one name.
    pub fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.without(&[name])).append_pair(name, value);
        query.finish()
    }
}

/// A value that cannot be used, for whoever wrote it.
pub fn wrong(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
