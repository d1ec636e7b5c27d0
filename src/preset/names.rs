//! Which names the expressions of a preset may ask for.
//!
//! A slip such as `dat.sender` is nothing to Jinja, and would silently leave its key out of every lead: it is a fault of the file.

use std::collections::HashSet;

use super::{Body, Preset, PresetError, Request, request::Auth};

/// Known to every expression.
const OF_EVENT: [&str; 12] =
    ["event", "id", "type", "time", "data", "settings", "secret", "url", "sink", "attempt", "note", "fetched"];

/// Known where there is an answer.
const OF_ANSWER: [&str; 4] = ["status", "answer", "text", "headers"];

/// Finds the first name that nothing has.
pub(super) fn check(preset: &Preset) -> Result<(), PresetError> {
    let mut found = Found { preset, wrong: None };
    for (at, skip) in preset.skips.iter().enumerate() {
        found.see(&format!("skip[{at}]"), &skip.condition.names(), &[]);
    }
    for (at, fetch) in preset.fetches.iter().enumerate() {
        let key = format!("fetch[{at}]");
        if let Some(when) = &fetch.when {
            found.see(&key, &when.names(), &[]);
        }
        found.see(&key, &fetch.take.names(), &OF_ANSWER);
        found.request(&key, &fetch.request);
    }
    let calls = [("request", &preset.request), ("check", &preset.check), ("test", &preset.test)];
    for (key, request) in calls {
        if let Some(request) = request {
            found.request(key, request);
        }
    }
    if let Some(lookup) = &preset.lookup {
        found.see("lookup.found", &lookup.found.names(), &OF_ANSWER);
        found.request("lookup", &lookup.request);
    }
    found.wrong.map_or(Ok(()), Err)
}

struct Found<'p> {
    preset: &'p Preset,
    wrong: Option<PresetError>,
}

impl Found<'_> {
    fn see(&mut self, key: &str, names: &HashSet<String>, more: &[&str]) {
        let known = |name: &str| OF_EVENT.contains(&name) || more.contains(&name);
        let unknown = names.iter().filter(|name| !known(name)).min();
        if let Some(name) = unknown {
            let what = format!("there is no {name:?}: known are {}", [&OF_EVENT[..], more].concat().join(", "));
            self.wrong.get_or_insert_with(|| PresetError::at(key, what));
        } else if names.contains("secret") && self.preset.secret.is_none() {
            let what = "asks for the secret, and the preset says nothing of one: add secret = \"what it is\"";
            self.wrong.get_or_insert_with(|| PresetError::at(key, what));
        }
    }

    fn request(&mut self, key: &str, request: &Request) {
        for (at, template) in request.path.iter().enumerate() {
            self.see(&format!("{key}.path[{at}]"), &template.names(), &[]);
        }
        let form = if let Body::Form(fields) = &request.body { fields.as_slice() } else { &[] };
        let columns = if let Body::Csv { columns, .. } = &request.body { columns.as_slice() } else { &[] };
        let parts = [("query", request.query.as_slice()), ("headers", &request.headers), ("body", form)];
        for (part, templates) in parts.into_iter().chain([("columns", columns)]) {
            for (name, template) in templates {
                self.see(&format!("{key}.{part}.{name}"), &template.names(), &[]);
            }
        }
        match &request.auth {
            Some(Auth::Bearer(bearer)) => self.see(&format!("{key}.auth"), &bearer.names(), &[]),
            Some(Auth::Basic { user, password }) => {
                self.see(&format!("{key}.auth"), &user.names(), &[]);
                self.see(&format!("{key}.auth"), &password.names(), &[]);
            }
            None => {}
        }
        if let Body::Json(tree) = &request.body {
            tree.names(&format!("{key}.body"), &mut |key, names| self.see(key, &names, &[]));
        }
        if let Some(success) = &request.success {
            self.see(&format!("{key}.success"), &success.names(), &OF_ANSWER);
        }
        for (at, rule) in request.answers.iter().enumerate() {
            let key = format!("{key}.answer[{at}]");
            let names = rule.when.iter().flat_map(|when| when.names());
            let names = names.chain(rule.note.iter().chain(&rule.why).flat_map(|template| template.names()));
            self.see(&key, &names.collect(), &OF_ANSWER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Preset;

    fn fault(preset: &str) -> String {
        Preset::parse("mine", &format!("title = \"mine\"\n{preset}")).unwrap_err().to_string()
    }

    #[test]
    fn a_slip_in_a_preset_names_its_place() {
        let known = "event, id, type, time, data, settings, secret, url, sink, attempt, note, fetched";
        let rows = [
            ("[request]\npath = [\"{{ dat.x }}\"]", format!("request.path[0]: there is no \"dat\": known are {known}")),
            (
                "[request]\nbody = { a = { b = \"{{ answer }}\" } }",
                format!("request.body.a.b: there is no \"answer\": known are {known}"),
            ),
            (
                "[request]\nsuccess = \"anser.ok\"",
                format!("request.success: there is no \"anser\": known are {known}, status, answer, text, headers"),
            ),
            (
                "[request]\nauth = { bearer = \"{{ secret }}\" }",
                "request.auth: asks for the secret, and the preset says nothing of one: add secret = \"what it is\""
                    .into(),
            ),
            ("[request]\npth = []", "line 3: unknown field `pth`, expected one of".into()),
            ("[request]\nmethod = \"DELETE\"", "request.method: write GET, POST, PUT, PATCH or OPTIONS".into()),
            (
                "[request]\nmethod = \"OPTIONS\"\nbody = { a = 1 }",
                "request.method: GET and OPTIONS carry no body".into(),
            ),
            ("[request]\nfound = \"x\"", "request.found: there is no such key here".into()),
            ("[request]\nheaders = { \"a b\" = \"\" }", "request.headers: \"a b\" is no name of a header".into()),
            (
                "[request]\n[[request.answer]]\nverdict = \"again\"",
                "request.answer[0]: verdict = \"again\" needs after and note, and only it takes a note".into(),
            ),
            (
                "[request]\n[test]\nencoding = \"csv\"\ncolumns = { a = \"1\" }",
                "test.encoding: only [request] sends a file".into(),
            ),
            (
                "[request]\n[lookup]\nfound = \"answer\"\nencoding = \"event\"",
                "lookup.encoding: this request asks, and carries no event".into(),
            ),
            (
                "batch = { size = 9, every = \"1m\" }\n[request]\nencoding = \"csv\"\ncolumns = { a = \"1\" }\n\
                 [lookup]\nfound = \"answer\"",
                "lookup: there is none of this where many events go in one call".into(),
            ),
            ("max_age = \"3 days\"\n[request]", "max_age: \"3 days\" is no duration".into()),
            ("", "request: a preset of kind http needs [request], and no other has one".into()),
        ];
        for (preset, expected) in rows {
            let said = fault(preset);
            assert!(said.starts_with(&expected), "{preset}: {said}");
        }
    }

    #[test]
    fn every_built_in_preset_can_be_read() {
        for name in Preset::names() {
            assert!(Preset::built_in(name).is_some(), "{name}");
        }
    }
}
