//! Ids of leads: UUID version 7 (RFC 9562 section 5.7), which sort by time.
//!
//! Random octets are fetched from the system for many ids at once, since each fetch is a call into the kernel, and no
//! other is needed to judge a letter.

use std::cell::RefCell;

use uuid::{Builder, Uuid};

use crate::clock::Millis;

/// Ids that one fetch is enough for.
const IDS: usize = 64;

/// Random octets of one id.
type Random = [u8; 10];

thread_local! {
    static RANDOM: RefCell<Vec<Random>> = const { RefCell::new(Vec::new()) };
}

/// A new id.
pub fn new() -> String {
    let millis = u64::try_from(Millis::now().0).unwrap_or_default();
    let id = match RANDOM.with_borrow_mut(next) {
        Some(random) => Builder::from_unix_timestamp_millis(millis, &random).into_uuid(),
        None => Uuid::now_v7(),
    };
    id.to_string()
}

/// Octets that no other id has; `None` if the system has none to give.
fn next(left: &mut Vec<Random>) -> Option<Random> {
    if left.is_empty() {
        let mut octets = [0; IDS * size_of::<Random>()];
        getrandom::fill(&mut octets).ok()?;
        left.extend_from_slice(octets.as_chunks().0);
    }
    left.pop()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_of_every_thread_differ_and_are_of_version_7() {
        let before = Millis::now();
        let of_thread = || (0..5 * IDS).map(|_| new()).collect::<Vec<_>>();
        let threads = [(); 4].map(|()| std::thread::spawn(of_thread));
        let ids: BTreeSet<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 4 * 5 * IDS);
        for id in &ids {
            let id = Uuid::parse_str(id).unwrap();
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
            let millis = Millis(i64::try_from(seconds).unwrap() * 1000 + i64::from(nanos / 1_000_000));
            assert!(before <= millis && millis <= Millis::now(), "{id}");
        }
    }
}
