//! The milter door: bytes of a peer that may be no MTA, over a UNIX socket, through the library's own session loop.
//!
//! The input is a row of packets: a command, a length of one octet (of two above 0xf0) and the payload. What makes no
//! packet is sent as it is. A negotiation goes first in every second input, so that mutations reach what lies behind it.

#![no_main]

use std::{cell::RefCell, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use leadmilter::{
    intake::Intake,
    metrics::Metrics,
    milter::{self, Closing, Listener, Milter},
    store::{LeadFilter, Store},
};
use leadmilter_fuzz::{check_body, company, folder};
use libfuzzer_sys::fuzz_target;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use tokio_util::sync::CancellationToken;

/// After so many inputs the house is built anew, so that its store stays small.
const LIFE: u32 = 20_000;

/// Version 6, every action, every option that is not a size.
const NEGOTIATION: &[u8] = b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff";

/// Dropped from the top: first the tasks, then the store that they use.
struct House {
    runtime: tokio::runtime::Runtime,
    metrics: Arc<Metrics>,
    store: Store,
    socket: PathBuf,
    served: u32,
    _folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = folder();
        let config = company(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (metrics, never) = (Arc::new(Metrics::default()), CancellationToken::new());
        let store = Store::open(&config.store.folder).unwrap();
        let guard = runtime.enter();
        let socket = milter::bind(&config.milter).unwrap();
        let listener = Listener::new(socket, 100, Arc::clone(&metrics), never.clone());
        let intake = Arc::new(ArcSwap::from_pointee(Intake::new(config)));
        let milter = Arc::new(Milter::new(intake, store.clone(), Arc::clone(&metrics)));
        let closing = Closing { stop: never, drain: Duration::from_millis(1), cut: CancellationToken::new() };
        tokio::spawn(milter::run(listener, milter, closing));
        drop(guard);
        let socket = folder.path().join("milter.sock");
        Self { runtime, metrics, store, socket, served: 0, _folder: folder }
    }
}

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new());
}

fuzz_target!(|data: &[u8]| {
    HOUSE.with_borrow_mut(|house| {
        let answer = house.runtime.block_on(talk(house, &packets(data)));
        let edits = check_answers(&answer);
        assert_eq!(house.metrics.panics.get(), 0, "a callback panicked");
        if edits > 0 {
            let newest = house.store.leads(&LeadFilter { limit: 1, ..LeadFilter::default() }).unwrap();
            leadmilter_fuzz::check_lead(&serde_json::to_value(&newest[0]).unwrap());
        }
        house.served += 1;
        if house.served == LIFE {
            *house = House::new();
        }
    });
});

async fn talk(house: &House, sent: &[u8]) -> Vec<u8> {
    let talk = async {
        let mut peer = UnixStream::connect(&house.socket).await.unwrap();
        let (mut read, mut write) = peer.split();
        let mut answer = Vec::new();
        // The door may close before everything is written, which is its right.
        let (_, got) = tokio::join!(
            async {
                drop(write.write_all(sent).await);
                drop(write.shutdown().await);
            },
            read.read_to_end(&mut answer)
        );
        drop(got);
        answer
    };
    tokio::time::timeout(Duration::from_secs(20), talk).await.expect("the session hangs")
}

fn packets(data: &[u8]) -> Vec<u8> {
    let Some((&first, mut rest)) = data.split_first() else { return Vec::new() };
    let mut out = if first % 2 == 0 { NEGOTIATION.to_vec() } else { Vec::new() };
    while let [command, length, tail @ ..] = rest {
        let (length, tail) = match (length, tail) {
            (0xf0.., [low, tail @ ..]) => (usize::from(length & 0x0f) << 8 | usize::from(*low), tail),
            _ => (usize::from(*length), tail),
        };
        let (payload, tail) = tail.split_at(length.min(tail.len()));
        out.extend_from_slice(&(payload.len() as u32 + 1).to_be_bytes());
        out.push(*command);
        out.extend_from_slice(payload);
        rest = tail;
    }
    out.extend_from_slice(rest);
    out
}

/// What is answered is whole packets of known commands, and every inserted field is safe; gives back their number.
fn check_answers(mut answer: &[u8]) -> usize {
    let mut edits = 0;
    while let Some((head, rest)) = answer.split_first_chunk::<4>() {
        let (packet, rest) = rest.split_at(u32::from_be_bytes(*head) as usize);
        let (command, payload) = packet.split_first().unwrap();
        assert!(b"Ochimartd+-2yls".contains(command), "answered {:?}", char::from(*command));
        if *command == b'i' {
            edits += 1;
            let [name, body, b""] = payload[4..].split(|&byte| byte == 0).collect::<Vec<_>>()[..] else {
                panic!("{payload:?}");
            };
            assert!(name.starts_with(b"X-Lead-"));
            check_body(name.len(), std::str::from_utf8(body).unwrap());
        }
        answer = rest;
    }
    assert!(answer.is_empty(), "half a packet");
    edits
}
