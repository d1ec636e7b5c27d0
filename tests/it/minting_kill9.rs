//! The daemon is killed while web pages ask for addresses: no token comes twice, and every one that a page was told names
//! its visit afterwards.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    sync::Mutex,
    thread,
};

use leadmilter::{clock::Millis, intake::Intake, store::Visits};
use serde_json::{Value, json};

use crate::{
    http_house::{SITE, company, page, port},
    postfix_house::{Daemon, PATIENCE},
};

const LIVES: usize = 4;
const PAGES: usize = 4;

/// Asks once; `None` where the daemon died meanwhile.
fn ask(to: &str, number: usize) -> Option<String> {
    let landing = format!("https://company.ru/?utm_source=yandex&yclid={number}");
    let body = json!({ "key": "company", "landing": landing, "addresses": ["info@company.ru"] });
    let request = page("/v1/visit", &[("Connection", "close"), ("Host", "leadmilter")], &body);
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    assert_eq!(answer["kind"], "dynamic", "{answer}");
    Some(answer["visitor"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_comes_twice_and_none_that_was_told_is_lost() {
    let company = company("rate = 1000000", &format!("{SITE}budget = 1000000\n"));
    let told = Mutex::new(Vec::new());
    for life in 1..=LIVES {
        let daemon = Daemon::start(&company.config_file());
        let to = port(&daemon, "public");
        let enough = life * 150;
        thread::scope(|scope| {
            for _ in 0..PAGES {
                scope.spawn(|| {
                    let mut number = 0;
                    while let Some(token) = ask(&to, number) {
                        told.lock().unwrap().push(token);
                        number += 1;
                    }
                });
            }
            while told.lock().unwrap().len() < enough {
                thread::yield_now();
            }
            daemon.kill9();
        });
    }
    let told = told.into_inner().unwrap();
    let distinct: BTreeSet<&String> = told.iter().collect();
    assert!(told.len() >= LIVES * 150);
    assert_eq!(distinct.len(), told.len());
    let intake = Intake::new(company.config());
    let visits = Visits::open_read(&intake.config.store.folder).unwrap();
    for token in &told {
        let verified = intake.token_in(token).unwrap();
        let known = visits.find(verified.claims, Millis::now()).await.unwrap();
        assert!(known.is_some_and(|known| known.visit.is_some()), "{token} names no visit");
    }
}
