//! `[outcomes]`: whose signed requests are believed.

use std::path::Path;

use super::{
    super::{
        Outcomes,
        fault::{Wrong, quoted},
        file,
        findings::{Findings, Key},
        secrets,
    },
    private,
};

/// Checks `[outcomes]`.
pub(super) fn outcomes(given: &file::Outcomes, base: &Path, findings: &mut Findings) -> Outcomes {
    let section = Key::Root.name("outcomes");
    let key = section.name("secret_file");
    let file = given.secret_file.as_ref();
    if let Some(text) = file.filter(|text| secrets::is_for_the_service(text.get_ref())) {
        let what = "systemd passes this credential to the service only, so this command cannot read it";
        findings.warn(&key, Some(&text.span()), Wrong::new(what, "run it with systemd-run, if it has to"));
        return Outcomes::default();
    }
    let read = |name: &str| {
        let held = secrets::webhook(name, base)?;
        if held.value.keys.is_empty() {
            return Ok(held);
        }
        let what = format!("{} holds a key whsk_, and requests are verified by secrets whsec_", quoted(name));
        Err(Wrong::new(what, "remove it"))
    };
    let held = findings.read(&key, file, read);
    Outcomes { secrets: held.map(|held| private(held, &key, file, findings).secrets).unwrap_or_default() }
}
