//! What the OpenAPI documents say is true: schemathesis makes requests of them, right and wrong ones, and judges the
//! answers.
//!
//! All of its checks are on, so each answer has a status, a media type and a body that its document has, wrong data
//! and missing tokens are refused, and right data is taken; tests/clients/openapi_admin.toml says what else it has to
//! know. It is not ours; contrib/test installs it below target.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::http_house::{BROWSER, SITE, Web, send};

/// Requests that it makes up for one operation, beside those at the edges of the document.
const MADE_UP: &str = "60";

fn below_target(name: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_leadmilter"));
    target.ancestors().nth(2).unwrap().join(name)
}

/// A site that no rate or budget keeps from answering.
fn web() -> Web {
    Web::open("rate = 1000000\n", &format!("{SITE}budget = 1000000\n"))
}

fn document(door: &str) -> Value {
    send(door, "GET /openapi.json HTTP/1.1\r\n").json()
}

/// The report on a door that is as `document` says.
fn judged(web: &Web, door: &str, document: &Value, token: &str) -> Value {
    let [file, report] = ["openapi.json", "report.json"].map(|name| web.company.path(name));
    fs::write(&file, document.to_string()).unwrap();
    let st = below_target("clients/openapi/bin/st");
    assert!(st.exists(), "{} is missing: contrib/test installs it", st.display());
    let mut command = Command::new(st);
    let ours = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
    if !token.is_empty() {
        command.arg("--config-file").arg(ours("openapi_admin.toml"));
    }
    command.arg("run").arg(&file).args(["--url", &format!("http://{door}"), "--seed", "1", "--max-examples", MADE_UP]);
    command.args(["--no-color", "--report", "json", "--report-json-path"]).arg(&report);
    command.args(["--header", &format!("User-Agent: {BROWSER}")]);
    if !token.is_empty() {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    // It keeps a folder of its own where it is started.
    command.current_dir(web.company.path(""));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("SCHEMATHESIS_HOOKS", "openapi_hooks");
    command.env("PYTHONPATH", ours("")).env("LEADMILTER_LEAD", web.lead());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let text = fs::read_to_string(&report).unwrap_or_else(|e| panic!("{e}\n{said}\n{output:?}"));
    let report: Value = serde_json::from_str(&text).unwrap();
    if report["failures"] != json!([]) {
        eprintln!("{said}");
    }
    report
}

/// Nothing failed, nothing is doubtful, and every operation has taken something.
fn assert_good(report: &Value, document: &Value) {
    assert_eq!([&report["failures"], &report["errors"]], [&json!([]), &json!([])]);
    let warnings = report["warnings"].as_object().unwrap().iter().filter(|(_, found)| **found != json!([]));
    assert_eq!(warnings.collect::<Vec<_>>(), []);
    assert_eq!([&report["complete"], &report["exit_code"]], [&json!(true), &json!(0)]);
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let phases = &report["valid_rates"][format!("{} {path}", method.to_uppercase())];
            let accepted = |phase: &Value| phase["accepted"].as_u64().unwrap();
            let taken: u64 = phases.as_object().unwrap().values().map(accepted).sum();
            assert!(taken > 0, "{method} {path}: {phases}");
        }
    }
}

#[test]
fn the_public_door_is_as_its_document_says() {
    let web = web();
    let document = document(&web.public);
    let report = judged(&web, &web.public, &document, "");
    assert_good(&report, &document);
    // It came as far as an address.
    let counters = web.counters();
    for name in ["visits_dynamic", "clicks"] {
        assert!(counters.iter().any(|(known, count)| known == name && *count > 10), "{counters:?}");
    }
    assert!(!counters.iter().any(|(name, _)| name == "http_failed"), "{counters:?}");
}

#[test]
fn the_admin_door_is_as_its_document_says() {
    let web = web();
    let document = document(&web.admin);
    let token = web.token("addresses,resolve,costs,outcomes,reports,leads");
    let report = judged(&web, &web.admin, &document, &token);
    assert_good(&report, &document);
}

#[test]
fn a_document_that_says_something_else_is_noticed() {
    let web = web();
    let mut document = document(&web.public);
    document["paths"]["/v1/click"]["post"]["responses"].as_object_mut().unwrap().remove("404");
    document["components"]["schemas"]["VisitAnswer"]["properties"]["kind"] = json!({"type": "integer"});
    let report = judged(&web, &web.public, &document, "");
    let text = report["failures"].to_string();
    for found in ["Undocumented status code", "Response violates schema"] {
        assert!(text.contains(found), "{found}: {text}");
    }
}

#[test]
fn both_documents_are_openapi_with_a_word_on_everything() {
    let web = web();
    for (door, title) in [(&web.public, "leadmilter, public door"), (&web.admin, "leadmilter, admin door")] {
        let document = document(door);
        let info = json!({"title": title, "version": env!("CARGO_PKG_VERSION"),
            "description": document["info"]["description"], "license": document["info"]["license"]});
        assert_eq!((&document["openapi"], &document["info"]), (&json!("3.1.0"), &info));
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{method} {path}");
            }
        }
    }
}
