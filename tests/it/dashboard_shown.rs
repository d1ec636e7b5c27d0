//! The dashboard of a company with a year behind it, as Chromium shows it, and what is wrong with a page: rules of
//! accessibility that axe-core finds broken, what the policy refuses, what goes elsewhere, what is wider than the window.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, Weak},
};

use jiff::civil::{Date, date};
use leadmilter::store::file_in;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    chromium::{Chromium, Tab},
    clients::installed,
    company::{Company, webhook},
    dashboard_house::{PASSWORD, add},
    house::shared,
    http_house::{Web, port},
    postfix_house::Daemon,
    year::{Plan, fill::fill},
};

/// The company of the tests with its doors where Chromium finds the dashboard at [`HOST`].
pub const DOORS: &str = "admin = \"127.0.0.1:0\"\npublic = \"127.0.0.2:0\"\n";

/// Every host is the dashboard.
pub const HOST: &str = "http://lead.company.ru";

/// The last day of the year that is shown, whatever today is.
const LAST: Date = date(2026, 10, 31);

/// Days whose reports are asked for.
pub const DAYS: &str = "period=2026-10-01..2026-10-31";

/// axe-core, which `contrib/test` installs.
static AXE: LazyLock<String> =
    LazyLock::new(|| fs::read_to_string(installed("browser/node_modules/axe-core/axe.min.js")).unwrap());

/// Every rule of WCAG 2.0 to 2.2 at levels A and AA, and of good practice. One rule is off unless asked for by name.
const JUDGE: &str = "axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    rules: {'target-size': {enabled: true}},
    resultTypes: ['violations'],
}).then((found) => found.violations.flatMap((rule) => rule.nodes.map(
    (node) => `${rule.id}: ${node.target}: ${node.html.slice(0, 200)}: ${node.failureSummary}`)))";

/// What can be opened is: all that is outside of tables, and the first of each column.
const OPEN: &str = "document.querySelectorAll('details').forEach((details) => {
    details.open = !details.closest('tbody') || details.closest('tr').matches(':first-child') })";

/// Rows of a table are alike: the first dozen is judged for all.
const SHORTEN: &str = "document.querySelectorAll('tbody tr:nth-child(n + 13)').forEach((row) => row.remove())";

/// What is wider than the window: the page must not be, whatever lies in regions that scroll on their own.
const WIDE: &str = "(() => {
    const page = document.documentElement;
    if (page.scrollWidth <= page.clientWidth && innerWidth == screen.width) return [];
    const sticks = (part) => part.getBoundingClientRect().right > screen.width && !part.closest('.scroll, .unseen');
    const parts = [...document.querySelectorAll('main *')].filter(sticks).slice(0, 5);
    return [`wider than the window: ${page.scrollWidth}, ${innerWidth}: ${parts.map((part) => part.outerHTML.slice(0, 200))}`];
})()";

/// Of the letters of a page that come from a domain that nobody has, the one with most touches.
pub const LONGEST_WAY: &str =
    "Promise.all([...document.querySelectorAll('tbody tr')].filter((row) => row.textContent.includes('.example'))
        .map(async (row) => {
            const path = row.querySelector('th a').getAttribute('href'), page = await (await fetch(path)).text();
            return [page.split('class=\"timeline\"').pop().split('<li>').length, path];
        })).then((pages) => pages.sort((one, other) => other[0] - one[0])[0][1])";

/// A company's dashboard in Chromium.
pub struct Shown {
    pub web: Web,
    pub chromium: Chromium,
}

/// How somebody looks at a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    pub width: u32,
    pub height: u32,
    pub lang: &'static str,
    pub scheme: &'static str,
}

/// By telephone and at a desk, in each language, by day and by night: each width in both schemes.
pub const MANNERS: [Manner; 4] = [
    Manner { width: 360, height: 780, lang: "en", scheme: "light" },
    Manner { width: 1440, height: 900, lang: "en", scheme: "dark" },
    Manner { width: 360, height: 780, lang: "ru", scheme: "dark" },
    Manner { width: 1440, height: 900, lang: "ru", scheme: "light" },
];

impl Shown {
    /// The company with a year behind it; one for all tests that look at it at a time.
    pub fn year() -> Arc<Self> {
        static OPENED: Mutex<Weak<Shown>> = Mutex::new(Weak::new());
        shared(&OPENED, Self::new)
    }

    fn new() -> Self {
        let company = Company::new("", "");
        fs::set_permissions(company.path("token.key"), fs::Permissions::from_mode(0o600)).unwrap();
        let top = format!(
            "timezone = \"Europe/Moscow\"\n[milter]\nlisten = \"unix:milter.sock\"\n[http]\n{DOORS}\
             [privacy]\nretention = \"forever\"\n"
        );
        let plan = Plan { seed: 7, letters: 2000, last: LAST, days: 365 };
        fill(&company.path(""), &top, plan, |_| {}).unwrap();
        // Nobody answers for either: the one gives up at once, the other waits.
        let sink = |id| webhook(id, "http://127.0.0.1:9/leads");
        let sinks = sink("crm") + &sink("erp").replace("\"50ms\", \"50ms\",", "\"50ms\", \"1h\",");
        let config = fs::read_to_string(company.config_file()).unwrap();
        let config = config.replace("[dynamic]\n", "[dynamic]\ncompact = \"36500d\"\nretention = \"36500d\"\n");
        fs::write(company.config_file(), config + &sinks).unwrap();
        fs::set_permissions(company.path("crm.secret"), fs::Permissions::from_mode(0o600)).unwrap();
        // The advertising of a company that gets two thousand letters, not a million.
        let store = Connection::open(file_in(&company.path("store"))).unwrap();
        store.execute("UPDATE cost SET amount = amount / 60000 * 10000", []).unwrap();
        drop(store);
        let daemon = Daemon::start(&company.config_file());
        let [public, admin] = ["public", "admin"].map(|door| port(&daemon, door));
        Self::of(Web { company, daemon, public, admin })
    }

    /// The dashboard of a daemon, with anna, its administrator, and boris, an editor.
    pub fn of(web: Web) -> Self {
        for (name, role) in [("anna", "admin"), ("boris", "editor")] {
            add(&web, name, role);
        }
        let chromium = Chromium::start(web.admin.rsplit(':').next().unwrap().parse().unwrap());
        Self { web, chromium }
    }

    /// A tab that anna has logged in with.
    pub fn tab(&self) -> Tab<'_> {
        self.tab_of("anna")
    }

    /// A tab that somebody has logged in with.
    pub fn tab_of(&self, name: &str) -> Tab<'_> {
        let tab = self.chromium.visitor().tab();
        log_in(&tab, name, "/settings");
        tab
    }

    /// What is wrong with pages in any of these manners.
    pub fn faults(&self, tab: &Tab<'_>, manners: &[Manner], paths: &[&str]) -> Vec<String> {
        manners.iter().flat_map(|manner| paths.iter().flat_map(|path| faults(tab, *manner, path))).collect()
    }

    /// A file for a form of Chromium's.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.web.company.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// Fills in the form, and waits for the page behind it.
pub fn log_in(tab: &Tab<'_>, name: &str, path: &str) {
    tab.go(&format!("{HOST}{path}"));
    tab.eval(&format!(
        "document.querySelector('#name').value = {}; document.querySelector('#password').value = {}",
        json!(name),
        json!(PASSWORD)
    ));
    tab.loads(|| tab.click("main button"));
}

/// The size of the window and the scheme of colours.
pub fn look(tab: &Tab<'_>, Manner { width, height, scheme, .. }: Manner) {
    let metrics = json!({"width": width, "height": height, "screenWidth": width, "screenHeight": height,
        "deviceScaleFactor": 1, "mobile": width < 700});
    tab.call("Emulation.setDeviceMetricsOverride", metrics);
    tab.call("Emulation.setScrollbarsHidden", json!({"hidden": true}));
    let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    tab.call("Emulation.setEmulatedMedia", features);
}

/// Goes to a page in a language, through pages that say that it is not ready yet.
pub fn visit(tab: &Tab<'_>, path: &str, lang: &str) {
    let with = if path.contains('?') { '&' } else { '?' };
    tab.go(&format!("{HOST}{path}{with}lang={lang}"));
    tab.until("document.readyState == 'complete' && !document.querySelector('[data-again]')");
}

/// Gives the form of costs a file, and sends it.
pub fn upload(tab: &Tab<'_>, file: &Path) {
    tab.go(&format!("{HOST}/costs"));
    let page = tab.call("DOM.getDocument", json!({}))["root"]["nodeId"].take();
    let field = tab.call("DOM.querySelector", json!({"nodeId": page, "selector": "#file"}))["nodeId"].take();
    tab.call("DOM.setFileInputFiles", json!({"nodeId": field, "files": [file]}));
    tab.loads(|| tab.click(".upload button"));
}

/// What is wrong with a page in this manner, each fault with the place where it is.
pub fn faults(tab: &Tab<'_>, manner: Manner, path: &str) -> Vec<String> {
    look(tab, manner);
    let (complaints, requests) = (tab.complaints().len(), tab.events("Network.requestWillBeSent").len());
    visit(tab, path, manner.lang);
    let mut faults = Vec::new();
    let asked: Vec<Value> = tab.events("Network.requestWillBeSent")[requests..].into();
    let urls = asked.iter().map(|event| event["params"]["request"]["url"].as_str().unwrap());
    // Where it has never been, Chromium tries TLS first.
    let away = urls.filter(|url| !url.replacen("https", "http", 1).starts_with(HOST) && !url.starts_with("data:"));
    faults.extend(away.map(|url| format!("asks elsewhere: {url}")));
    // Style sheet and script have come, and are followed.
    let is_styled = tab.eval("getComputedStyle(document.querySelector('.skip')).position") == "absolute";
    faults.extend((!is_styled).then(|| "has no style".to_owned()));
    let lang = tab.eval("document.documentElement.lang");
    faults.extend((lang != manner.lang).then(|| format!("is in {lang}")));
    faults.extend(lines(&tab.eval(WIDE)));
    tab.eval(OPEN);
    faults.extend(lines(&tab.eval(WIDE)).into_iter().map(|fault| format!("opened: {fault}")));
    // Not by the page: evaluated in it, which its policy says nothing of.
    tab.eval(SHORTEN);
    tab.eval(&AXE);
    faults.extend(lines(&tab.eval(JUDGE)));
    let is_refusal =
        |text: &&String| ["(Not Found)", "(Bad Request)", "(Forbidden)"].iter().any(|end| text.contains(end));
    faults.extend(tab.complaints().drain(complaints..).filter(|text| !is_refusal(&text)));
    faults.iter().map(|fault| format!("{path} ({} {} {}): {fault}", manner.lang, manner.width, manner.scheme)).collect()
}

fn lines(told: &Value) -> Vec<String> {
    told.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}
