//! A daemon with its dashboard, people who may log in, and a browser that is only a client: pages as text, cookies kept.
#![allow(dead_code, reason = "each test takes what it needs")]

use serde_json::Value;
use url::form_urlencoded;

use crate::{
    command,
    http_house::{self, Answer, Web},
};

/// What people of the tests log in with.
pub const PASSWORD: &str = "correct horse battery";

/// Keys of `[dashboard]` for a proxy that names people.
pub const BY_HEADER: &str = "[dashboard]\nlogin = \"header\"\n";

/// The company with its doors, and three people: anna (admin), boris (editor), vera (viewer).
pub fn open(sections: &str) -> Web {
    let web = Web::open("", sections);
    for (name, role) in [("anna", "admin"), ("boris", "editor"), ("vera", "viewer")] {
        add(&web, name, role);
    }
    web
}

/// Lets a person in.
pub fn add(web: &Web, name: &str, role: &str) {
    let added = command::run_with(&web.company, &["user", "add", name, "--role", role], PASSWORD.as_bytes());
    assert_eq!((added.code, added.err.as_str()), (0, ""), "{added:?}");
}

/// Records a letter to the billboard's address, and gives back the lead.
pub fn letter(web: &Web, from: &str, subject: &str) -> Value {
    let id =
        subject.bytes().chain(from.bytes()).fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let letter = format!(
        "From: {from}\r\nTo: info+m11@company.ru\r\nSubject: {subject}\r\nMessage-ID: <{id}@client.test>\r\n\
         Date: Mon, 02 Mar 2026 09:00:00 +0300\r\n\r\nHello\r\n"
    );
    let arguments = ["ingest", "--recipient", "info+m11@company.ru", "--sender", "x@client.test", "--json"];
    let told = command::run_with(&web.company, &arguments, letter.as_bytes());
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    told.json()[0]["event"]["data"].clone()
}

/// A browser: where it goes, whose cookies it has, and what it says with every request.
#[derive(Clone, Debug)]
pub struct Browser {
    to: String,
    cookies: Vec<(String, String)>,
    fields: String,
}

impl Browser {
    /// One that nobody has logged in with.
    pub fn of(web: &Web) -> Self {
        Self { to: web.admin.clone(), cookies: Vec::new(), fields: String::new() }
    }

    /// One that a person has logged in with.
    pub fn logged_in(web: &Web, name: &str) -> Self {
        let mut browser = Self::of(web);
        let answer = browser.log_in(name, PASSWORD);
        assert_eq!((answer.status, answer.field("location")), (303, "/"), "{answer:?}");
        browser
    }

    /// The same with another field in every request: `Accept-Language: ru`.
    pub fn with(mut self, field: &str) -> Self {
        self.fields += &format!("{field}\r\n");
        self
    }

    /// What becomes of an attempt to log in.
    pub fn log_in(&mut self, name: &str, password: &str) -> Answer {
        self.post("/login", &[("name", name), ("password", password), ("back", "/")])
    }

    /// A page.
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\n"), "")
    }

    /// What becomes of a form.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("http://leadmilter", path, fields)
    }

    /// The same from a page of any origin; empty for a client that does not say.
    pub fn post_from(&mut self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let head = format!(
            "POST {path} HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\n{origin}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        );
        self.ask(&head, &body)
    }

    /// What becomes of a form with a file.
    pub fn upload(&mut self, path: &str, (name, file): (&str, &str), fields: &[(&str, &str)]) -> Answer {
        let part =
            |head: &str, body: &str| format!("--parted\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
        let fields = fields.iter().map(|(name, value)| part(&format!("name=\"{name}\""), value));
        let body: String = fields.chain([part(&format!("name=\"file\"; filename=\"{name}\""), file)]).collect();
        let body = format!("{body}--parted--\r\n");
        let head = format!(
            "POST {path} HTTP/1.1\r\nAccept: text/html,*/*;q=0.8\r\nOrigin: http://leadmilter\r\n\
             Content-Type: multipart/form-data; boundary=parted\r\nContent-Length: {}\r\n",
            body.len()
        );
        self.ask(&head, &body)
    }

    fn ask(&mut self, head: &str, body: &str) -> Answer {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = if pairs.is_empty() { String::new() } else { format!("Cookie: {}\r\n", pairs.join("; ")) };
        let answer = http_house::send(&self.to, &format!("{head}{cookies}{}\r\n{body}", self.fields));
        for (name, value) in answer.fields.iter().filter(|(name, _)| name == "set-cookie") {
            assert_eq!(name, "set-cookie");
            let (name, rest) = value.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            let value = rest.split(';').next().unwrap();
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets a cookie.
    pub fn keep(&mut self, name: &str, value: &str) {
        self.cookies.push((name.to_owned(), value.to_owned()));
    }
}

/// What people read of a page's content: the text between its tags, blanks made one.
pub fn text(page: &Answer) -> String {
    let content = page.body.split_once("<main").map_or(page.body.as_str(), |(_, content)| content);
    let mut out = String::new();
    for (place, part) in content.split('<').enumerate() {
        let shown = if place == 0 {
            part.split_once('>').map_or("", |(_, text)| text)
        } else {
            part.split_once('>').map_or("", |(_, text)| text)
        };
        out.push_str(shown);
        out.push(' ');
    }
    let out = out.replace("&#38;", "&").replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"");
    out.replace("&#39;", "'").split_whitespace().collect::<Vec<_>>().join(" ")
}
