//! Fills a store of visits and asks it, for `contrib/bench/run visits`: what a look-up among many costs, what a forgery costs,
//! and that no guess and no slip names a visit.
//!
//! `visits CONFIG COUNT`: CONFIG names the store's folder and has `[dynamic]`. The first visits are kept as a web page's are,
//! the rest by SQL, in the same tables and of the same size. Prints one JSON object.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for contrib/bench: a fault ends it, and what it prints is its result"
)]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use leadmilter::{
    address::Address,
    channel::Utm,
    clock::Millis,
    config::{self, Config},
    intake::Intake,
    resolve::{Owner, Resolution},
    store::Visits,
    token::{Claim, KeyMark, Token, VisitId},
    visit::{Details, NewVisit, Touchpoint},
};
use rusqlite::{Connection, params};
use serde_json::json;

/// Visits that are kept one by one, some hundred at a time, as pages ask for them.
const KEPT: u64 = 50_000;
const AT_A_TIME: u64 = 256;

/// Ways that visits came by.
const WAYS: u64 = 5_000;

const LOOKUPS: usize = 200_000;
const GUESSES: usize = 1_000_000;
const LIVE: usize = 1_000;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, count] = arguments.as_slice() else { bail!("usage: visits CONFIG COUNT") };
    let config = config::load(Path::new(config))?.config;
    let count: u64 = count.parse().context("COUNT is no number")?;
    let intake = Intake::new(config.clone());
    let visits = Visits::open(&config.store.folder)?;
    let key = intake.table.tokens().context("the config has no [dynamic]")?.mark();
    let first = visits.next_id().await?;
    ensure!(first.0 == 0, "the store has visits already");
    let kept = kept(&visits, key, count.min(KEPT)).await?;
    let began = Instant::now();
    fill(&config, key, count)?;
    let filled = began.elapsed();
    let size = size_of(&config.store.folder)?;
    let mut random = fastrand::Rng::with_seed(4711);
    let lookups = lookups(&visits, key, count, &mut random).await?;
    let own = pipelined(&visits, key, count, &mut random).await?;
    let guesses = guesses(&intake, &visits, &mut random).await?;
    let slips = slips(&intake, &visits, count, &mut random).await?;
    println!(
        "{}",
        json!({
            "visits": count, "octets": size, "kept_per_second": kept, "filled_s": filled.as_secs_f64(),
            "lookup_own_us": own, "lookup_p50_us": lookups[0], "lookup_p99_us": lookups[1], "lookup_p999_us": lookups[2],
            "guesses": GUESSES, "guess_us": guesses.micros, "guesses_past_the_check": guesses.passed,
            "guesses_that_name_a_visit": guesses.named,
            "slips": slips.tried, "slips_past_the_check": slips.passed, "slips_that_name_a_visit": slips.named,
        })
    );
    Ok(())
}

fn touchpoint(way: u64) -> Touchpoint {
    Touchpoint {
        channel: Some("yandex-direct".to_owned()),
        utm: Utm {
            source: "yandex".to_owned(),
            medium: "cpc".to_owned(),
            campaign: format!("pumps-msk-{}", way / 100),
            term: format!("buy a pump {way}"),
            content: "ad-17".to_owned(),
        },
        landing_page: Some(format!("https://company.ru/pumps/{}", way % 97)),
        referrer: Some("https://yandex.ru/".to_owned()),
    }
}

fn details(number: u64) -> Details {
    let one = |name: &str, value: String| BTreeMap::from([(name.to_owned(), value)]);
    Details {
        click_ids: one("yclid", format!("{}", 1_234_567_890_123_456_789 + number)),
        client_ids: one("ga", format!("{}.1763744531", 1_000_000_000 + number)),
        page: Some("https://company.ru/contacts".to_owned()),
        ..Details::default()
    }
}

/// Visits a second, kept as pages ask for them.
async fn kept(visits: &Visits, key: KeyMark, count: u64) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut number = 0;
    while number < count {
        let mut group = Vec::new();
        for _ in 0..AT_A_TIME {
            let claim = Claim { id: visits.next_id().await?, key };
            let (touchpoint, details) = (touchpoint(number % WAYS), details(number));
            group.push(visits.record(NewVisit {
                claim,
                at: Millis::now(),
                visitor: None,
                is_ordered: false,
                touchpoint,
                details,
            }));
            number += 1;
        }
        futures_util::future::try_join_all(group).await?;
    }
    Ok(number as f64 / began.elapsed().as_secs_f64())
}

/// The rest, a hundred thousand in a transaction.
fn fill(config: &Config, key: KeyMark, count: u64) -> anyhow::Result<()> {
    let mut conn = Connection::open(config.store.folder.join("visits.db"))?;
    conn.busy_timeout(Duration::from_secs(60))?;
    let from: u64 = conn.query_row("SELECT until FROM lease ORDER BY first DESC LIMIT 1", [], |row| row.get(0))?;
    let now = Millis::now().0;
    for start in (from..count).step_by(100_000) {
        let until = count.min(start + 100_000);
        let tx = conn.transaction()?;
        tx.execute("INSERT INTO lease (first, until, at) VALUES ($1, $2, $3)", (start, until, now))?;
        let mut insert = tx.prepare(
            "INSERT INTO visit (id, key, at, touchpoint, details) VALUES ($1, $2, $3, 1 + $1 % (SELECT max(id) FROM touchpoint), $4)",
        )?;
        for id in start..until {
            insert.execute(params![id, key.0, now, serde_json::to_string(&details(id))?])?;
        }
        drop(insert);
        tx.commit()?;
    }
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let mut octets = 0;
    for name in ["visits.db", "visits.db-wal"] {
        octets += std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    }
    Ok(octets)
}

/// Microseconds as a letter waits for them, hand-over to the reading thread included: median, 99 and 99.9 of a hundred.
async fn lookups(visits: &Visits, key: KeyMark, count: u64, random: &mut fastrand::Rng) -> anyhow::Result<[f64; 3]> {
    let mut times = Vec::with_capacity(LOOKUPS);
    for _ in 0..LOOKUPS {
        let claim = Claim { id: VisitId(random.u64(..count)), key };
        let began = Instant::now();
        let found = visits.find([Some(claim), None], Millis::now()).await?;
        times.push(began.elapsed());
        // Of the first ones a few numbers were leased and not used.
        ensure!(found.is_some(), "visit {} is not there", claim.id.0);
    }
    times.sort_unstable();
    let of = |share: f64| times[((LOOKUPS - 1) as f64 * share) as usize].as_nanos() as f64 / 1000.0;
    Ok([of(0.5), of(0.99), of(0.999)])
}

/// Microseconds of one look-up where the reading thread has always the next one at hand.
async fn pipelined(visits: &Visits, key: KeyMark, count: u64, random: &mut fastrand::Rng) -> anyhow::Result<f64> {
    let began = Instant::now();
    for _ in 0..LOOKUPS / AT_A_TIME as usize {
        let claims: Vec<Claim> = (0..AT_A_TIME).map(|_| Claim { id: VisitId(random.u64(..count)), key }).collect();
        let asked = claims.iter().map(|claim| visits.find([Some(*claim), None], Millis::now()));
        let found = futures_util::future::try_join_all(asked).await?;
        ensure!(found.iter().all(Option::is_some), "a visit is not there");
    }
    Ok(began.elapsed().as_nanos() as f64 / 1000.0 / LOOKUPS as f64)
}

struct Tried {
    tried: usize,
    micros: f64,
    passed: usize,
    named: usize,
}

/// Resolves addresses; of those whose token passes the check, asks whether they name a visit.
async fn resolved(intake: &Intake, visits: &Visits, addresses: &[Address]) -> anyhow::Result<Tried> {
    let began = Instant::now();
    let mut passed = Vec::new();
    for address in addresses {
        if let Resolution::Visit(substitute) = intake.table.resolve(address)
            && let Owner::Visit(verified) = substitute.owner
        {
            passed.push(verified);
        }
    }
    let micros = began.elapsed().as_nanos() as f64 / 1000.0 / addresses.len() as f64;
    let mut named = 0;
    for verified in &passed {
        let found = visits.find(verified.claims, Millis::now()).await?;
        named += usize::from(found.is_some());
    }
    Ok(Tried { tried: addresses.len(), micros, passed: passed.len(), named })
}

fn address(symbols: &[u8]) -> anyhow::Result<Address> {
    let token = std::str::from_utf8(symbols)?;
    Address::parse(&format!("info+{token}@company.example")).context("no address")
}

/// Ten symbols at random.
async fn guesses(intake: &Intake, visits: &Visits, random: &mut fastrand::Rng) -> anyhow::Result<Tried> {
    let mut guess = || address(&std::array::from_fn::<u8, 10, _>(|_| ALPHABET[random.usize(..32)]));
    let addresses = (0..GUESSES).map(|_| guess()).collect::<anyhow::Result<Vec<_>>>()?;
    resolved(intake, visits, &addresses).await
}

/// Every other symbol in every place of live tokens.
async fn slips(intake: &Intake, visits: &Visits, count: u64, random: &mut fastrand::Rng) -> anyhow::Result<Tried> {
    let tokens = intake.table.tokens().context("no tokens")?;
    let mut addresses = Vec::with_capacity(LIVE * 310);
    let mut live = 0;
    while live < LIVE {
        let Some(token) = tokens.mint(VisitId(random.u64(..count))) else { continue };
        live += 1;
        let symbols = Token::as_str(&token).as_bytes().to_vec();
        for place in 0..symbols.len() {
            for symbol in ALPHABET.iter().filter(|symbol| **symbol != symbols[place]) {
                let mut slip = symbols.clone();
                slip[place] = *symbol;
                addresses.push(address(&slip)?);
            }
        }
    }
    resolved(intake, visits, &addresses).await
}
