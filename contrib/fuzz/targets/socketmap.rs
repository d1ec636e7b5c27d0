//! The socket map: bytes of a peer that may be no MTA, in pieces as long as the first byte says, and their answers.

#![no_main]

use std::sync::OnceLock;

use leadmilter::{
    intake::Intake,
    socketmap::{Answer, Decoder, Garbage, answer},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static COMPANY: OnceLock<Intake> = OnceLock::new();
    let intake = COMPANY.get_or_init(|| Intake::new(leadmilter_fuzz::company(leadmilter_fuzz::folder().path())));
    let Some((&length, octets)) = data.split_first() else { return };
    let (requests, outcome) = read(octets.chunks(usize::from(length).max(1)));
    assert_eq!(read([octets]), (requests.clone(), outcome), "pieces do not matter");
    let mut rest = octets;
    for request in requests {
        // Whole and in their places, but for long ones, of which the beginning is kept.
        let digits = rest.iter().position(|&octet| octet == b':').unwrap();
        let length: usize = std::str::from_utf8(&rest[..digits]).unwrap().parse().unwrap();
        let (payload, behind) = rest[digits + 1..].split_at(length);
        assert!(request == payload || payload.starts_with(&request) && request.len() == 1024);
        rest = behind.strip_prefix(b",").unwrap();
        if let Answer::Mailbox(mailbox) = answer(&intake.table, &request) {
            let key = std::str::from_utf8(&request).unwrap().split_once(' ').unwrap().1;
            let explanation = intake.table.explain(key);
            assert!(["channel", "visit"].contains(&explanation.resolution), "{key}: {explanation:?}");
            assert_eq!(explanation.mailbox, Some(mailbox));
        }
    }
});

fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<Vec<u8>>, Result<(), Garbage>) {
    let (mut decoder, mut requests) = (Decoder::default(), Vec::new());
    let outcome = pieces.into_iter().try_for_each(|piece| decoder.read(piece, |request| requests.push(request.to_vec())));
    (requests, outcome)
}
