//! What is asked of an MTA: only what it offers, and everything works without.
//!
//! The library closes a session that asks for more than was offered, so defaults are cut down too. Replies that we
//! never use (to MAIL, RCPT and header fields) are waived where the MTA allows it: a message then costs a fraction.

use std::{collections::HashMap, ffi::CString};

use indymilter::{Actions, MacroStage, ProtoOpts};

/// What was agreed with one MTA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Edits that the MTA accepts.
    pub actions: Actions,
    /// Protocol options in force.
    pub options: ProtoOpts,
}

/// Chooses from the offer; `masked` are the options that follow from the callbacks that are there.
pub fn agree(rewrite: bool, masked: ProtoOpts, actions: Actions, options: ProtoOpts) -> Agreed {
    let mut wanted = Actions::ADD_HEADER | Actions::CHANGE_HEADER;
    if rewrite {
        wanted |= Actions::ADD_RCPT | Actions::ADD_RCPT_EXT | Actions::DELETE_RCPT;
    }
    let waived = ProtoOpts::NOREPLY_MAIL | ProtoOpts::NOREPLY_RCPT | ProtoOpts::NOREPLY_HEADER | ProtoOpts::NOREPLY_EOH;
    Agreed { actions: wanted & actions, options: (masked | waived) & options }
}

/// What the MTA will not let us do, for the log; `None` if nothing is missing.
pub fn missing(rewrite: bool, agreed: Agreed) -> Option<&'static str> {
    let has = |actions| agreed.actions.contains(actions);
    if !has(Actions::ADD_HEADER) {
        Some("the MTA accepts no header edits: leads are recorded, messages get no headers")
    } else if !has(Actions::CHANGE_HEADER) {
        Some("the MTA lets no header be deleted: forged attribution headers stay below ours")
    } else if rewrite && !has(Actions::ADD_RCPT | Actions::DELETE_RCPT) {
        Some("the MTA accepts no change of recipients: rewrite has no effect")
    } else {
        None
    }
}

/// Macros by stage, as both Postfix and Sendmail send them on request: those that `client` reads, each where it is told
/// first. The sender is asked for since it is never missing: a packet without any macro would leave in force who logged
/// in before. A stage of which nothing is asked is named too, or the MTA would send what it is configured to send, Postfix
/// before every header field.
pub fn macros() -> HashMap<MacroStage, CString> {
    let asked = |stage| match stage {
        MacroStage::Connect => c"{client_addr} {daemon_name}",
        MacroStage::Mail => c"{mail_addr} {auth_authen}",
        MacroStage::Data | MacroStage::Eom => c"i",
        MacroStage::Helo | MacroStage::Rcpt | MacroStage::Eoh => c"",
    };
    MacroStage::all().map(|stage| (stage, asked(stage).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASKED: ProtoOpts = ProtoOpts::NO_CONNECT.union(ProtoOpts::NO_HELO).union(ProtoOpts::NO_BODY);

    #[test]
    fn nothing_is_asked_that_was_not_offered() {
        let stalwart = ProtoOpts::NO_HELO | ProtoOpts::NO_EOH;
        let agreed = agree(true, MASKED, Actions::ADD_HEADER, stalwart);
        assert_eq!(agreed, Agreed { actions: Actions::ADD_HEADER, options: ProtoOpts::NO_HELO });
        let nothing = agree(true, MASKED, Actions::empty(), ProtoOpts::empty());
        assert_eq!(nothing, Agreed { actions: Actions::empty(), options: ProtoOpts::empty() });
    }

    #[test]
    fn what_is_missing_is_said() {
        let agreed = |actions| Agreed { actions, options: ProtoOpts::empty() };
        assert_eq!(missing(true, agreed(Actions::all())), None);
        assert_eq!(missing(false, agreed(Actions::ADD_HEADER | Actions::CHANGE_HEADER)), None);
        for lacking in [Actions::ADD_HEADER, Actions::CHANGE_HEADER, Actions::DELETE_RCPT, Actions::ADD_RCPT] {
            assert!(missing(true, agreed(Actions::all().difference(lacking))).is_some(), "{lacking:?}");
        }
    }
}
