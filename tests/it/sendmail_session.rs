//! What Sendmail and leadmilter say to one another, word by word: offer, macros, waived answers, edits.

use crate::{
    frames::Tap,
    office::Office,
    sendmail_house::{SHIPPED_MILTER, Sendmail},
    smtp_client::{Answers, Smtp},
    told::letter,
};

/// A session of Sendmail and leadmilter, word by word. What was waived is not answered: MAIL, RCPT, header fields, end
/// of header. `{auth_authen}` is absent since nobody logged in, and the queue id is asked for at DATA.
const SESSION: &str = "\
mta O 6 0x1ff 0x1fffff
milter O 6 0x9d 0x4c593 0:[{client_addr} {daemon_name}] 1:[] 2:[{mail_addr} {auth_authen}] 3:[] 4:[i] 5:[i] 6:[]
mta D C {client_addr}=CLIENT {daemon_name}=DAEMON
mta D M {mail_addr}=c1@client.example
mta M <c1@client.example>|SIZE=300
mta R <ivan@company.ru>
mta D T i=QUEUE
mta T
milter a
mta D M {mail_addr}=c2@client.example
mta M <c2@client.example>
mta R <Sales+News@company.ru>|NOTIFY=NEVER
mta D T i=QUEUE
mta T
milter c
mta L From|Client 2 <c2@client.example>
mta L To|info@company.ru
mta L Subject|pumps 2
mta L Date|Mon, 2 Nov 2026 10:00:00 +0300
mta L Message-ID|<2@client.example>
mta N
mta D E i=QUEUE
mta E
milter i 0 X-Lead-Id|LEAD
milter i 1 X-Lead-Channel|newsletter
milter i 2 X-Lead-Substitute|sales+news@company.ru
milter i 3 X-Lead-Status|channel
milter i 4 X-Lead-Unique|new
milter i 5 X-Lead-UTM-Source|newsletter
milter i 6 X-Lead-UTM-Medium|email
milter i 7 X-Lead-UTM-Campaign|autumn
milter i 8 X-Lead-Tags|email
milter - <Sales+News@company.ru>
milter 2 <sales@company.ru>|NOTIFY=NEVER ORCPT=rfc822;Sales+2BNews@company.ru
milter c
mta D M {mail_addr}=c3@client.example
mta M <c3@client.example>
mta R <info+m11@company.ru>
mta Q
";

#[test]
fn session_is_as_agreed_over_ipv4_and_ipv6() {
    let sendmail = Sendmail::start(SHIPPED_MILTER, &[]);
    let inner = sendmail.socket().with_file_name("inner.sock");
    let office = Office::open(&format!("unix:{}", inner.display()), "", "");
    let tap = Tap::between(&sendmail.socket(), &inner);
    let talk = |mut session: Smtp| {
        accepted(session.transaction("<c1@client.example> SIZE=300", &["<ivan@company.ru>"], &letter(1)));
        let rcpt = "<Sales+News@company.ru> NOTIFY=NEVER";
        accepted(session.transaction("<c2@client.example>", &[rcpt], &letter(2)));
        session.command("MAIL FROM:<c3@client.example>");
        session.command("RCPT TO:<info+m11@company.ru>");
        assert_eq!(session.command("QUIT").code, 221);
        let lines = tap.whole_session();
        let lead_id = office.leads()[0]["lead_id"].as_str().unwrap().to_owned();
        lines.iter().map(|line| format!("{}\n", settled_line(line, &lead_id))).collect::<String>()
    };
    assert_eq!(talk(sendmail.session()), SESSION.replace("CLIENT", "127.0.0.1").replace("DAEMON", "MTA"));
    if let Some(session) = sendmail.session_v6() {
        assert_eq!(talk(session), SESSION.replace("CLIENT", "IPv6:0:0:0:0:0:0:0:1").replace("DAEMON", "MTA6"));
    }
}

fn accepted(answers: Answers) {
    assert!(answers.queue_id().is_some(), "{answers:?}");
}

/// A line of a session with words in the places of queue id and lead id.
fn settled_line(line: &str, lead_id: &str) -> String {
    let word = |word: &str| match word.split_once('=') {
        Some(("i", id)) if id.len() == 14 && id.chars().all(|c| c.is_ascii_alphanumeric()) => "i=QUEUE".to_owned(),
        _ => word.replace(lead_id, "LEAD"),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
