//! The store of visits: what is issued is found under the key that issued it, old visits lose what they should, and no
//! number comes twice.

use std::{collections::BTreeMap, time::Duration};

use leadmilter::{
    channel::Utm,
    clock::Millis,
    store::{Retained, Retention, Store, Visits},
    token::{Claim, KeyMark, VisitId},
    visit::{Details, Known, NewVisit, Touchpoint, Visit},
};

use crate::company::Company;

const KEY: KeyMark = KeyMark(7);
const DAY: Duration = Duration::from_secs(86_400);

fn at(day: u64) -> Millis {
    Millis(0).plus(DAY * u32::try_from(day).unwrap())
}

fn claim(id: u64) -> [Option<Claim>; 2] {
    [Some(Claim { id: VisitId(id), key: KEY }), None]
}

fn touchpoint(source: &str) -> Touchpoint {
    Touchpoint {
        channel: Some("yandex-direct".to_owned()),
        utm: Utm { source: source.to_owned(), medium: "cpc".to_owned(), ..Utm::default() },
        landing_page: Some("https://company.ru/pumps".to_owned()),
        referrer: None,
    }
}

fn details(ga: &str) -> Details {
    let ids = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, id)| ((*key).to_owned(), (*id).to_owned())).collect();
    Details {
        click_ids: ids(&[("yclid", "123")]),
        client_ids: ids(&[("ga", ga)]),
        consent: BTreeMap::new(),
        custom: ids(&[("city", "Москва")]),
        page: Some("https://company.ru/contacts".to_owned()),
    }
}

/// Keeps a visit; gives back what the store is to know of it.
async fn visit(visits: &Visits, day: u64, source: &str, visitor: Option<VisitId>) -> Visit {
    let id = visits.next_id().await.unwrap();
    let claim = Claim { id, key: KEY };
    let (touchpoint, details) = (touchpoint(source), details("1.2"));
    let new = NewVisit {
        claim,
        at: at(day),
        visitor,
        is_ordered: false,
        touchpoint: touchpoint.clone(),
        details: details.clone(),
    };
    visits.record(new).await.unwrap();
    Visit { claim, at: at(day), visitor: visitor.unwrap_or(id), is_ordered: false, touchpoint, details }
}

#[tokio::test]
async fn a_token_is_found_with_its_visitors_visits_until_the_letter() {
    let folder = tempfile::tempdir().unwrap();
    let visits = Visits::open(folder.path()).unwrap();
    let first = visit(&visits, 1, "yandex", None).await;
    let other = visit(&visits, 1, "yandex", None).await;
    let second = visit(&visits, 3, "google", Some(first.claim.id)).await;
    let third = visit(&visits, 5, "vk", Some(first.claim.id)).await;
    let find = |of: &Visit, day| visits.find([Some(of.claim), None], at(day));
    let known = |of: &Visit, seen: &[&Visit]| Known {
        issued_at: of.at,
        visit: Some(of.clone()),
        visits: seen.iter().map(|visit| Visit { details: Details::default(), ..(*visit).clone() }).collect(),
    };
    assert_eq!(find(&first, 4).await.unwrap(), Some(known(&first, &[&first, &second])));
    assert_eq!(find(&second, 9).await.unwrap(), Some(known(&second, &[&first, &second, &third])));
    // The letter names it, whatever its host's clock says.
    assert_eq!(find(&third, 4).await.unwrap(), Some(known(&third, &[&first, &second, &third])));
    assert_eq!(find(&other, 9).await.unwrap(), Some(known(&other, &[&other])));
    assert_eq!(visits.latest_of([Some(second.claim), None]).await.unwrap(), Some(third));
    assert_eq!(visits.latest_of([Some(other.claim), None]).await.unwrap(), Some(other));
}

#[tokio::test]
async fn a_number_counts_under_its_own_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let visits = Visits::open(folder.path()).unwrap();
    let made = visit(&visits, 1, "yandex", None).await;
    let id = made.claim.id;
    let foreign = Claim { id, key: KeyMark(8) };
    let rows = [
        // By chance the new key, too, makes a number of an old token: the row tells which is meant.
        ([Some(Claim { id: VisitId(1 << 33), key: KeyMark(8) }), Some(made.claim)], Some(made.clone())),
        ([Some(made.claim), Some(foreign)], Some(made.clone())),
        ([Some(foreign), None], None),
        // A number that was never leased.
        (claim(1 << 33), None),
    ];
    for (claims, expected) in rows {
        let found = visits.find(claims, at(2)).await.unwrap().and_then(|known| known.visit);
        assert_eq!(found, expected, "{claims:?}");
        assert_eq!(visits.latest_of(claims).await.unwrap(), expected, "{claims:?}");
    }
}

#[tokio::test]
async fn what_became_known_later_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let visits = Visits::open(folder.path()).unwrap();
    let mut made = visit(&visits, 1, "yandex", None).await;
    let ym = BTreeMap::from([("ym".to_owned(), "99".to_owned())]);
    let later = Details { client_ids: ym, page: Some("https://company.ru/".to_owned()), ..Details::default() };
    visits.add_details(made.claim.id, later).await.unwrap();
    made.details.client_ids.insert("ym".to_owned(), "99".to_owned());
    let found = visits.latest_of([Some(made.claim), None]).await.unwrap();
    assert_eq!(found, Some(made.clone()), "the page that showed the address stays");
    visits.click([Some(made.claim), None], at(2)).await.unwrap();
    visits.click([None, Some(made.claim)], at(3)).await.unwrap();
    let conn = rusqlite::Connection::open(folder.path().join("visits.db")).unwrap();
    let clicks: (i64, i64) =
        conn.query_row("SELECT clicks, clicked_at FROM visit", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(clicks, (2, at(2).0));
}

#[tokio::test]
async fn old_visits_lose_their_ids_then_go_and_their_tokens_are_still_known() {
    let folder = tempfile::tempdir().unwrap();
    let visits = Visits::open(folder.path()).unwrap();
    let old = visit(&visits, 0, "yandex", None).await;
    let middle = visit(&visits, 50, "google", None).await;
    let new = visit(&visits, 100, "vk", None).await;
    let retention = Retention { compact: 40 * DAY, purge: 90 * DAY };
    let done = |compacted, purged, touchpoints, packed| Retained { compacted, purged, touchpoints, packed };
    assert_eq!(visits.retain(retention, at(60)).await.unwrap(), done(1, 0, 0, 2));
    assert_eq!(visits.retain(retention, at(60)).await.unwrap(), done(0, 0, 0, 0));
    assert_eq!(visits.retain(retention, at(110)).await.unwrap(), done(1, 1, 1, 1));
    let find = |of: &Visit| visits.find([Some(of.claim), None], at(110));
    let gone = find(&old).await.unwrap().unwrap();
    assert_eq!((gone.visit, gone.visits), (None, Vec::new()));
    assert!(gone.issued_at > Millis(0), "the time is that of the block");
    let compact = Visit { details: Details::default(), ..middle };
    assert_eq!(find(&compact).await.unwrap().unwrap().visit, Some(compact));
    assert_eq!(find(&new).await.unwrap().unwrap().visit, Some(new));
}

#[tokio::test]
async fn visits_that_nothing_asks_for_any_more_are_brought_up_to_date_and_counted() {
    let company = Company::new("", "");
    assert!(company.config().dynamic.is_none());
    let folder = company.path("store");
    let visits = Visits::open(&folder).unwrap();
    visit(&visits, 1, "yandex", None).await;
    drop(visits);
    // As the version before left them.
    let conn = rusqlite::Connection::open(folder.join("visits.db")).unwrap();
    conn.execute_batch("DROP TABLE tally_hour; DELETE FROM migration WHERE number = 3").unwrap();
    let store = Store::open_for(&company.config()).unwrap();
    let snapshot = Store::facts(&folder).snapshot(&mut |_, _| {}).unwrap();
    let mut counted = Vec::new();
    snapshot.visits().unwrap().tallies(at(0), at(9), |tally| counted.push((tally.quarter, tally.visits))).unwrap();
    assert_eq!(counted, [(96, 1)]);
    store.close(DAY).await;
}

#[tokio::test]
async fn a_number_that_was_used_late_loses_its_ids_in_time_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let visits = Visits::open(folder.path()).unwrap();
    visit(&visits, 0, "yandex", None).await;
    let late = visit(&visits, 30, "google", None).await;
    visit(&visits, 0, "vk", None).await;
    let retention = Retention { compact: 40 * DAY, purge: 900 * DAY };
    let compacted = |compacted, packed| Retained { compacted, packed, ..Retained::default() };
    assert_eq!(visits.retain(retention, at(50)).await.unwrap(), compacted(1, 3), "those behind wait for the late one");
    assert_eq!(visits.retain(retention, at(80)).await.unwrap(), compacted(2, 0));
    let found = visits.find([Some(late.claim), None], at(80)).await.unwrap().unwrap();
    assert_eq!(found.visit, Some(Visit { details: Details::default(), ..late }));
}

#[tokio::test]
async fn many_old_visits_go_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let visits = Visits::open(folder.path()).unwrap();
    for _ in 0..2_500 {
        visit(&visits, 0, "yandex", None).await;
    }
    let retention = Retention { compact: DAY, purge: 10 * DAY };
    let compacted = Retained { compacted: 2_500, packed: 1, ..Retained::default() };
    assert_eq!(visits.retain(retention, at(5)).await.unwrap(), compacted);
    let purged = Retained { purged: 2_500, ..Retained::default() };
    assert_eq!(visits.retain(retention, at(20)).await.unwrap(), purged, "the last touchpoint keeps its number");
}

#[tokio::test]
async fn a_reader_sees_them_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Visits::open_read(folder.path()).is_err(), "there is nothing to read yet");
    let visits = Visits::open(folder.path()).unwrap();
    let made = visit(&visits, 1, "yandex", None).await;
    let reader = Visits::open_read(folder.path()).unwrap();
    assert_eq!(reader.latest_of([Some(made.claim), None]).await.unwrap(), Some(made));
    assert!(reader.next_id().await.is_err());
}
