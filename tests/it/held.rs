//! A letter that Postfix holds after our answer: accepted is not delivered, and nothing we tell says otherwise.

use crate::{
    scene::{Scene, Setup},
    told::letter,
};

#[test]
fn a_letter_on_hold_is_told_as_received_and_delivered_once_it_is_released() {
    let hold = ["--option", "smtpd_end_of_data_restrictions=check_client_access static:HOLD"];
    let mut scene = Scene::set(Setup { options: &hold, ..Setup::default() });
    let answers = scene.postfix.send_in(
        &mut scene.postfix.session(),
        "<c1@client.example>",
        &["<info+m11@company.ru>"],
        &letter(1),
    );
    let queue_id = answers.queue_id().unwrap_or_else(|| panic!("{answers:?}"));
    let told = scene.told();
    assert_eq!(told.raw["type"], "lead.received");
    assert_eq!(told.queue_id.as_deref(), Some(queue_id.as_str()));
    let held = scene.postfix.run("postqueue", &["-p"]);
    assert!(held.contains(&format!("{queue_id}!")), "{held}");
    scene.postfix.run("postsuper", &["-H", &queue_id]);
    scene.postfix.run("postqueue", &["-i", &queue_id]);
    let mails = scene.postfix.mails("info@company.ru", 1);
    let delivered = String::from_utf8(mails[0].clone()).unwrap();
    let id = told.raw["data"]["lead_id"].as_str().unwrap();
    assert!(delivered.contains(&format!("\nX-Lead-Id: {id}\n")), "{delivered}");
    assert_eq!(scene.leads().len(), 1);
}
