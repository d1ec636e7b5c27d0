//! MTAs that offer little, much, or what nobody knows: raw frames of their own make, and the whole of what they hear.

use crate::{
    frames::{Frame, RawMta},
    milter_house::Door,
};

/// Options by which an MTA sends no such event, and by which it awaits no answer to it; 0 where there is none.
const fn options(command: char) -> (u32, u32) {
    match command {
        'C' => (0x1, 0x1000),
        'H' => (0x2, 0x2000),
        'M' => (0x4, 0x4000),
        'R' => (0x8, 0x8000),
        'B' => (0x10, 0x8_0000),
        'L' => (0x20, 0x80),
        'N' => (0x40, 0x4_0000),
        'U' => (0x100, 0x2_0000),
        'T' => (0x200, 0x1_0000),
        _ => (0, 0),
    }
}

/// The version of the protocol that brought an event.
const fn since(command: char) -> u32 {
    match command {
        'U' => 3,
        'T' => 4,
        _ => 2,
    }
}

/// One letter in a session after this offer. Gives back our answer to the offer, then each event with its answer. An
/// MTA that does not obey sends every event of its version, and awaits every answer but the waived ones.
fn session(door: &Door, offer: [u32; 3], obeys: bool, connect: &[u8]) -> Vec<String> {
    let mut mta = RawMta::connect(&door.socket);
    mta.send('O', &offer.map(u32::to_be_bytes).concat());
    let agreed = mta.hear();
    let [version, _, chosen] = agreed.numbers();
    let mut heard = vec![agreed.line()];
    let events: [(char, &[u8]); 11] = [
        ('C', connect),
        ('H', b"client.example\0"),
        ('U', b"XCLIENT\0"),
        ('M', b"<ivan@client.example>\0"),
        ('R', b"<sales+news@company.ru>\0"),
        ('T', b""),
        ('L', b"From\0ivan@client.example\0"),
        ('L', b"Message-ID\0<1@client.example>\0"),
        ('N', b""),
        ('B', b"What do they cost?\r\n"),
        ('E', b""),
    ];
    for (command, data) in events {
        let (unsent, unanswered) = options(command);
        if obeys && chosen & unsent != 0 || version < since(command) {
            continue;
        }
        mta.send('D', &[&[u8::try_from(command).unwrap()], b"{client_addr}\x00192.0.2.1\0".as_slice()].concat());
        mta.send(command, data);
        if chosen & unanswered != 0 {
            heard.push(format!("{command} unanswered"));
            continue;
        }
        loop {
            let Frame(answer, data) = mta.hear();
            heard.push(format!("{command} {}", Frame(answer, data).line()));
            // An edit is followed by more.
            if !"ihm+-2".contains(answer) {
                break;
            }
        }
    }
    mta.send('Q', b"");
    heard.iter().map(|line| without_id(line)).collect()
}

fn without_id(line: &str) -> String {
    match line.split_once("X-Lead-Id|") {
        Some((before, _)) => format!("{before}X-Lead-Id|LEAD"),
        None => line.to_owned(),
    }
}

/// The answer to an offer, to the events before the end of the message, and the edits with their command to add a
/// recipient.
fn expected(numbers: &str, events: &[&str], add: &str) -> Vec<String> {
    let macros = "0:[{client_addr} {daemon_name}] 1:[] 2:[{mail_addr} {auth_authen}] 3:[] 4:[i] 5:[i] 6:[]";
    let edits = [
        "i 0 X-Lead-Id|LEAD",
        "i 1 X-Lead-Channel|newsletter",
        "i 2 X-Lead-Substitute|sales+news@company.ru",
        "i 3 X-Lead-Status|channel",
        "i 4 X-Lead-Unique|new",
        "i 5 X-Lead-UTM-Source|newsletter",
        "i 6 X-Lead-UTM-Medium|email",
        "i 7 X-Lead-UTM-Campaign|autumn",
        "i 8 X-Lead-Tags|email",
        "- <sales+news@company.ru>",
        add,
        "c",
    ];
    let mut expected = vec![format!("O {numbers} {macros}")];
    expected.extend(events.iter().map(|&event| event.to_owned()));
    expected.extend(edits.iter().map(|edit| format!("E {edit}")));
    expected
}

const ADD: &str = "+ <sales@company.ru>";
const ADD_WITH_ORCPT: &str = "2 <sales@company.ru>|ORCPT=rfc822;sales+2Bnews@company.ru";

const IPV4: &[u8] = b"client.example\x004\x00\x19192.0.2.1\0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_mta_is_served_whatever_it_offers() {
    let all = &["C c", "H c", "U c", "M c", "R c", "T c", "L c", "L c", "N c", "B c"];
    let without_helo = &["C c", "U c", "M c", "R c", "T c", "L c", "L c", "N c", "B c"];
    let version_2 = &["M c", "R c", "L c", "L c", "N c"];
    let all_of_version_2 = &["C c", "H c", "M c", "R c", "L c", "L c", "N c", "B c"];
    let waived = &["M unanswered", "R unanswered", "T c", "L unanswered", "L unanswered", "N unanswered"];
    let rows: [(&str, [u32; 3], bool, Vec<String>); 9] = [
        ("Stalwart", [6, 0x1ff, 0x42], true, expected("6 0x9d 0x2", without_helo, ADD_WITH_ORCPT)),
        ("one option that is of no use", [6, 0x1ff, 0x40], true, expected("6 0x9d 0x0", all, ADD_WITH_ORCPT)),
        ("everything", [6, 0x1ff, 0x1f_ffff], true, expected("6 0x9d 0x4c593", waived, ADD_WITH_ORCPT)),
        ("a newer version", [11, 0x1ff, 0x1f_ffff], true, expected("6 0x9d 0x4c593", waived, ADD_WITH_ORCPT)),
        ("unknown bits", [6, u32::MAX, u32::MAX], true, expected("6 0x9d 0x4c593", waived, ADD_WITH_ORCPT)),
        ("as large as can be", [u32::MAX; 3], true, expected("6 0x9d 0x4c593", waived, ADD_WITH_ORCPT)),
        ("protocol 2", [2, 0xf, 0x3f], true, expected("2 0xd 0x13", version_2, ADD)),
        // Zeros have always meant what the first protocol knew.
        ("protocol 2, zeros", [2, 0, 0], true, expected("2 0xd 0x13", version_2, ADD)),
        ("protocol 2, zeros, and it means them", [2, 0, 0], false, expected("2 0xd 0x13", all_of_version_2, ADD)),
    ];
    for (name, offer, obeys, expected) in rows {
        let door = Door::open("");
        assert_eq!(session(&door, offer, obeys, IPV4), expected, "{name}");
        let leads = door.leads();
        assert_eq!(leads.len(), 1, "{name}");
        assert_eq!(leads[0].mta.as_ref().unwrap().queue_id, None, "{name}: nobody told one");
    }
}

/// What follows the host name in a connect event. The first is how Sendmail writes the address of an IPv6 client: a
/// `connect` callback would never see it, for the library ends the session over it.
const CLIENTS: [&[u8]; 6] = [
    b"client.example\x006\x00\x19IPv6:2001:db8:0:0:0:0:0:1\0",
    b"client.example\x006\x00\x19nonsense\0",
    b"client.example\x004\x00\x19\0",
    b"localhost\0L\x00\x00/run/socket\0",
    b"unknown\0U",
    b"client.example\0Z",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_of_a_client_ends_a_session() {
    let events = &["C c", "U c", "M c", "R c", "T c", "L c", "L c", "N c", "B c"];
    let expected = expected("6 0x9d 0x2", events, ADD_WITH_ORCPT);
    for client in CLIENTS {
        let door = Door::open("");
        assert_eq!(session(&door, [6, 0x1ff, 0x42], true, client), expected, "{}", client.escape_ascii());
        assert_eq!(door.leads().len(), 1, "{}", client.escape_ascii());
    }
}
