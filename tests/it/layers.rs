//! Imports point down, and every file keeps the house rules: [`LAYERS`] is the document of the architecture.
//!
//! Reads `src/` as text; `#[cfg(test)]` modules are left out, since tests may use more than the code beside them. A
//! fault names file, line and rule.

use std::{collections::BTreeSet, fs, path::Path};

use crate::imports::used;

/// Each module and what it may use, beside itself; `words` are the first sixteen, `all` is every module but `cli`.
const LAYERS: &[(&str, &str)] = &[
    // words: plain types, no I/O
    ("text", ""),
    ("address", "text"),
    ("clock", ""),
    ("secret", ""),
    ("channel", "address"),
    ("click", ""),
    ("lead", "channel clock outcome text"),
    ("event", "clock lead"),
    ("glob", ""),
    ("language", "clock"),
    ("model", "language"),
    ("money", ""),
    ("outcome", "clock money"),
    ("pattern", "glob"),
    ("token", ""),
    ("visit", "channel clock token"),
    // base: what touches the outside
    ("preset", "clock"),
    ("config", "words preset"),
    ("store", "words config"),
    ("sinks", "words config preset"),
    ("metrics", ""),
    ("thread", ""),
    ("socket", "config metrics"),
    ("maillog", "words config store"), // of the store, its errors
    // work: one verb each
    ("resolve", "address channel token"),
    ("attribution", "words"),
    ("classify", "words config"),
    ("tagging", "words config"),
    ("arrival", "words config tagging"), // of tagging, how a condition is told
    ("intake", "words config store resolve attribution classify tagging"),
    ("feedback", "words config store sinks arrival intake"), // of sinks, how webhooks are signed
    ("issuing", "words config store maillog resolve arrival intake"),
    ("mailing", "words config store report"),
    ("outbox", "words config store sinks metrics"),
    ("report", "words config store arrival"),
    // doors: where work comes in; the milter cannot reach sinks, so nobody's mail waits for the network
    ("milter", "words config store resolve classify intake attribution metrics maillog socket"),
    ("socketmap", "address config intake metrics resolve socket"),
    ("http", "words config store feedback intake issuing report metrics maillog socket"),
    ("signals", ""),
    ("app", "all"),
    ("cli", "all"),
    ("main", "cli"),
    ("lib", ""),
];
const WORDS: usize = 16;
const LONGEST: usize = 350;
const SAY_NOTHING: [&str; 7] = ["util", "utils", "common", "types", "helper", "helpers", "core"];

/// A file under `src/`: its path there, and its text.
type Source = (String, String);

fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in sources {
        let module: Vec<&str> = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
        if let Some(name) = module.iter().find(|name| SAY_NOTHING.contains(name)) {
            faults.push(format!("{path}: {name} says nothing of what is in it"));
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{path}:1: does not open with a //! header"));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!("{path}:{lines}: longer than {LONGEST} lines"));
        }
        let Some((owner, allowed)) = LAYERS.iter().find(|(name, _)| *name == module[0]) else {
            faults.push(format!("{path}: module {} is not in the table", module[0]));
            continue;
        };
        for (target, line) in used(text, &module) {
            if target != *owner && !may(allowed, &target) {
                let rule = if allowed.is_empty() { "nothing" } else { allowed };
                faults.push(format!("{path}:{line}: {owner} must not use {target}: it may use {rule}"));
            }
        }
    }
    faults
}

fn may(allowed: &str, target: &str) -> bool {
    let known = LAYERS.iter().position(|(name, _)| *name == target);
    allowed.split(' ').any(|word| match word {
        "words" => known.is_some_and(|at| at < WORDS),
        "all" => known.is_some() && target != "cli",
        name => name == target,
    })
}

fn read(folder: &Path, below: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{below}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{path}/"), sources);
        } else if path.ends_with(".rs") {
            sources.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

#[test]
fn imports_point_down_and_files_keep_the_house_rules() {
    let mut sources = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    assert!(sources.len() > 50, "{} files", sources.len());
    assert_eq!(faults(&sources), Vec::<String>::new());
}

#[test]
fn the_table_names_the_modules_of_the_library() {
    let listed: BTreeSet<_> =
        LAYERS.iter().map(|(name, _)| *name).filter(|name| !["main", "lib"].contains(name)).collect();
    let front = include_str!("../../src/lib.rs").lines();
    let modules = front.filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    assert_eq!(modules.collect::<BTreeSet<_>>(), listed);
}

#[test]
fn an_import_that_points_up_is_found_in_every_form() {
    let rows = [
        ("use crate::sinks::Sink;", Some("milter/a.rs:2: milter must not use sinks")),
        ("use crate::{\n    config,\n    outbox::Outbox,\n};", Some("milter/a.rs:4: milter must not use outbox")),
        ("use crate::{config::{self, Config}, cli as c, lead};", Some("milter/a.rs:2: milter must not use cli")),
        ("fn f(of: Vec<(crate::app::Load, u8)>) {}", Some("milter/a.rs:2: milter must not use app")),
        ("fn f() { super::super::sinks::call() }", Some("milter/a.rs:2: milter must not use sinks")),
        ("use super::{socket::{A, B}, super::signals};", Some("milter/a.rs:2: milter must not use signals")),
        ("use crate::*;", Some("milter/a.rs:2: milter must not use *")),
        ("use crate::http::Door;", Some("milter/a.rs:2: milter must not use http")),
        ("use crate::{intake::Intake, metrics, store::{Store, StoreError}}; use super::{Milter, socket};", None),
        ("// use crate::sinks;\nconst A: (&str, char, &str) = (\"crate::cli\", '\"', r#\"\" crate::cli\"#);", None),
        ("pub(crate) fn f<'a>(of: &'a str) {}\n#[cfg(test)]\nmod tests {\n    use crate::{cli, sinks};\n}", None),
        ("#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::cli;", Some("milter/a.rs:4: milter must not use cli")),
    ];
    for (text, expected) in rows {
        let got = faults(&[("milter/a.rs".to_owned(), format!("//! A file.\n{text}\n"))]);
        let got: Vec<_> =
            got.iter().filter_map(|fault| fault.rsplit_once(": it may use").map(|(start, _)| start)).collect();
        assert_eq!(got, expected.into_iter().collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn a_file_that_breaks_the_house_rules_is_named() {
    let file = |path: &str, text: String| faults(&[(path.to_owned(), text)]);
    assert_eq!(file("lead.rs", "//! A lead.\n".repeat(LONGEST)), Vec::<String>::new());
    assert_eq!(file("lead.rs", "//! A lead.\n".repeat(LONGEST + 1)), ["lead.rs:351: longer than 350 lines"]);
    assert_eq!(file("store/mod.rs", "use std::fs;\n".into()), ["store/mod.rs:1: does not open with a //! header"]);
    assert_eq!(file("store/utils.rs", "//! Things.\n".into()), ["store/utils.rs: utils says nothing of what is in it"]);
    assert_eq!(file("magic.rs", "//! Tricks.\n".into()), ["magic.rs: module magic is not in the table"]);
    assert_eq!(
        file("main.rs", "//! Main.\nuse leadmilter::store;\n".into()),
        ["main.rs:2: main must not use store: it may use cli"]
    );
}
