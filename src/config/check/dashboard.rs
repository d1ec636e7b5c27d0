//! `[dashboard]`: who may see the pages of the admin door.

use super::super::{
    Dashboard, Http, HttpListen, LogIn,
    fault::Wrong,
    file,
    findings::{Findings, Key},
    names, units,
};
/// The field that proxies name a person in, if the file names none.
const USER_HEADER: &str = "x-remote-user";

/// Checks `[dashboard]`.
pub(super) fn dashboard(given: &file::Dashboard, http: &Http, findings: &mut Findings) -> Dashboard {
    let section = Key::Root.name("dashboard");
    let choices = [("password", false), ("header", true)];
    let by_header = findings.read(&section.name("login"), given.login.as_ref(), |text| units::choice(text, &choices));
    let user = findings.read(&section.name("user_header"), given.user_header.as_ref(), names::field);
    let role = findings.read(&section.name("role_header"), given.role_header.as_ref(), names::field);
    let is_by_header = by_header.unwrap_or(false);
    for (name, text) in [("user_header", &given.user_header), ("role_header", &given.role_header)] {
        if let Some(text) = text.as_ref().filter(|_| by_header == Some(false) || given.login.is_none()) {
            let what = "is not read: people log in with a password";
            let wrong = Wrong::value(text.get_ref(), what, "remove it, or write login = \"header\"");
            findings.fault(&section.name(name), Some(&text.span()), wrong);
        }
    }
    let is_open_to_the_host = matches!(http.admin, Some(HttpListen::Tcp(address)) if
        http.trusted_proxies.iter().any(|network| network.contains(&address.ip())));
    if let Some(text) = given.login.as_ref().filter(|_| is_by_header && is_open_to_the_host) {
        let what = "every process of this host can say who it is";
        let remedy = "let http.admin listen on a UNIX socket that only the proxy may write to";
        findings.warn(&section.name("login"), Some(&text.span()), Wrong::new(what, remedy));
    }
    let user = user.unwrap_or_else(|| USER_HEADER.to_owned());
    Dashboard { login: if is_by_header { LogIn::Header { user, role } } else { LogIn::Password } }
}
