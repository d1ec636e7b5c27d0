//! Tokens of the API: made, listed and revoked at the command line, and what they open.

use leadmilter::clock::Millis;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    command::{self, Output},
    http_house::{Answer, SITE, Web, company, send},
};

fn resolve(web: &Web, authorization: &str) -> Answer {
    let field = if authorization.is_empty() { String::new() } else { format!("Authorization: {authorization}\r\n") };
    send(&web.admin, &format!("GET /v1/resolve?address=info%2Bm11@company.ru HTTP/1.1\r\n{field}"))
}

fn listed(web: &Web) -> Vec<Value> {
    command::run(&web.company, &["token", "list", "--json"]).json()
}

#[test]
fn a_token_opens_what_its_scopes_say_until_it_is_revoked() {
    let web = Web::open("", SITE);
    let [resolving, issuing] = ["resolve", "addresses"].map(|scope| web.token(scope));
    assert!(resolving.len() == 46 && resolving.starts_with("lm_"));
    assert_eq!(resolve(&web, &format!("Bearer {resolving}")).status, 200);
    assert_eq!(resolve(&web, &format!("bearer  {resolving}")).status, 200);

    let scope = resolve(&web, &format!("Bearer {issuing}"));
    assert_eq!(scope.problem(), (403, "this token has not the scope resolve".to_owned()));
    let challenge = "Bearer realm=\"leadmilter\", error=\"insufficient_scope\", scope=\"resolve\"";
    assert_eq!(scope.field("www-authenticate"), challenge);

    let none = resolve(&web, "");
    assert_eq!(none.problem(), (401, "show a token: Authorization: Bearer lm_...".to_owned()));
    assert_eq!(none.field("www-authenticate"), "Bearer realm=\"leadmilter\"");
    let unknown = format!("lm_{}", "A".repeat(43));
    let bare = resolving.trim_start_matches("lm_");
    for wrong in [&unknown, &resolving[..45], bare, "", "\u{e9}"] {
        let answer = resolve(&web, &format!("Bearer {wrong}"));
        let detail = "this token opens nothing: it is unknown, revoked or expired";
        assert_eq!(answer.problem(), (401, detail.to_owned()), "{wrong}");
        assert_eq!(answer.field("www-authenticate"), "Bearer realm=\"leadmilter\", error=\"invalid_token\"");
    }
    assert_eq!(resolve(&web, &format!("Basic {resolving}")).status, 401);

    let id = listed(&web)[0]["id"].as_str().unwrap().to_owned();
    let revoked = command::run(&web.company, &["token", "revoke", &id]);
    assert_eq!(revoked, Output { code: 0, out: format!("{id}: revoked\n"), err: String::new() });
    assert_eq!(resolve(&web, &format!("Bearer {resolving}")).problem().0, 401);
    let again = command::run(&web.company, &["token", "revoke", &id]);
    let err = format!("leadmilter: there is no token \"{id}\": see `leadmilter token list`\n");
    assert_eq!(again, Output { code: 65, out: String::new(), err });
}

#[test]
fn a_listing_says_what_a_token_may_and_when_it_was_used_and_never_what_it_is() {
    let web = Web::open("", SITE);
    let made = command::run(
        &web.company,
        &["token", "new", "--scope", "resolve,addresses,resolve", "--expires", "90d", "--name", " the\tshop "],
    );
    let token = made.out.trim();
    let before = listed(&web);
    let created = before[0]["created_at"].clone();
    let at = |time: &Value| serde_json::from_value::<Millis>(time.clone()).unwrap();
    let expires = at(&created).plus(std::time::Duration::from_secs(90 * 86_400));
    let expected = json!({"id": before[0]["id"], "name": "the shop", "scopes": ["addresses", "resolve"],
        "created_at": created, "expires_at": expires, "last_used_at": null});
    assert_eq!(before, [expected]);

    let began = Millis::now();
    assert_eq!(resolve(&web, &format!("Bearer {token}")).status, 200);
    let used = listed(&web);
    assert!(at(&used[0]["last_used_at"]) >= began);
    // Not written again within a minute.
    assert_eq!(resolve(&web, &format!("Bearer {token}")).status, 200);
    assert_eq!(listed(&web), used);

    let table = command::run(&web.company, &["token", "list"]).out;
    let id = before[0]["id"].as_str().unwrap();
    assert!(table.starts_with("ID ") && table.contains(id) && table.contains("addresses,resolve"), "{table}");
    let files =
        std::fs::read_dir(web.company.path("store")).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let secret = token.trim_start_matches("lm_").as_bytes();
    assert!(files.flatten().collect::<Vec<u8>>().windows(secret.len()).all(|octets| octets != secret));
}

#[test]
fn an_expired_token_opens_nothing() {
    let web = Web::open("", SITE);
    let made = command::run(&web.company, &["token", "new", "--scope", "resolve", "--expires", "1h"]);
    let bearer = format!("Bearer {}", made.out.trim());
    assert_eq!(resolve(&web, &bearer).status, 200);
    let store = Connection::open(web.company.path("store/leads.db")).unwrap();
    store.execute("UPDATE api_token SET expires_at = ?1", [Millis::now().0]).unwrap();
    assert_eq!(resolve(&web, &bearer).problem().0, 401);
    assert!(command::run(&web.company, &["token", "list"]).out.contains("expired"));
}

#[test]
fn a_token_needs_a_scope_that_there_is() {
    let company = company("", SITE);
    let said = |arguments: &[&str]| {
        let output = command::run(&company, &[&["token", "new"], arguments].concat());
        assert_eq!((output.code, output.out.as_str()), (64, ""), "{arguments:?}");
        output.err.lines().next().unwrap().to_owned()
    };
    assert_eq!(said(&[]), "error: the following required arguments were not provided:");
    let unknown = "error: invalid value 'admin' for '--scope <SCOPE[,SCOPE]>': there is no scope \"admin\": there are \
                   addresses, resolve, costs, outcomes, reports, leads";
    assert_eq!(said(&["--scope", "admin"]), unknown);
    let duration = "error: invalid value 'soon' for '--expires <DURATION>': is no duration";
    assert_eq!(said(&["--scope", "resolve", "--expires", "soon"]), duration);
    let listing = command::run(&company, &["token", "list"]);
    assert_eq!((listing.code, listing.out.as_str()), (69, ""), "{}", listing.err);
}
