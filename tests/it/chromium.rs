//! A real Chromium, driven by its DevTools protocol.
//!
//! Given the port that every host name leads to; gives back what pages hold, what they sent and what their console says.
//! The protocol runs over two pipes, and a Chromium whose pipes are closed ends: none outlives its test. Nothing is needed
//! for it beside Debian's package.
#![allow(dead_code, reason = "a house of tools: each test takes those it needs")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::postfix_house::{PATIENCE, wait_for};

/// Chromium takes the pipes as its descriptors 3 and 4. As root it runs without its sandbox.
const START: &str = r#"exec chromium "$@" 3<&0 4>&1 </dev/null >/dev/null 2>"$ERRORS""#;

/// What its window says it is: a browser that nobody automates.
const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

/// A running Chromium.
pub struct Chromium {
    child: Child,
    calls: Mutex<ChildStdin>,
    inbox: Arc<(Mutex<Inbox>, Condvar)>,
    number: AtomicU64,
    profile: tempfile::TempDir,
}

#[derive(Default)]
struct Inbox {
    answers: BTreeMap<u64, Value>,
    events: Vec<Value>,
    ended: bool,
}

impl Chromium {
    /// Starts one for which every host is on this port of 127.0.0.1, and every certificate is good.
    pub fn start(port: u16) -> Self {
        let profile = tempfile::Builder::new().prefix("chromium").tempdir().unwrap();
        let mut command = Command::new("sh");
        command.env("ERRORS", profile.path().join("errors.log"));
        command.args(["-c", START, "sh", "--headless=new", "--no-sandbox", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", profile.path().join("profile").display()));
        command.arg(format!("--host-resolver-rules=MAP * 127.0.0.1:{port}"));
        command.arg(format!("--user-agent={USER_AGENT}"));
        command.args(["--disable-blink-features=AutomationControlled", "--ignore-certificate-errors"]);
        command.args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]);
        command.args(["--disable-component-update", "--disable-sync", "--no-first-run", "about:blank"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let calls = Mutex::new(child.stdin.take().unwrap());
        let inbox = Arc::<(Mutex<Inbox>, Condvar)>::default();
        let messages = BufReader::new(child.stdout.take().unwrap()).split(0);
        let reader = Arc::clone(&inbox);
        thread::spawn(move || {
            for message in messages.map_while(Result::ok) {
                let message: Value = serde_json::from_slice(&message).unwrap();
                let mut inbox = reader.0.lock().unwrap();
                match message["id"].as_u64() {
                    Some(id) => drop(inbox.answers.insert(id, message)),
                    None => inbox.events.push(message),
                }
                reader.1.notify_all();
            }
            reader.0.lock().unwrap().ended = true;
            reader.1.notify_all();
        });
        Self { child, calls, inbox, number: AtomicU64::new(1), profile }
    }

    /// A person who has never been here: cookies and storage of their own.
    pub fn visitor(&self) -> Visitor<'_> {
        let context = self.call(None, "Target.createBrowserContext", json!({}))["browserContextId"].take();
        Visitor { chromium: self, context }
    }

    fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.tried(session, method, parameters).unwrap_or_else(|fault| panic!("{method}: {fault}"))
    }

    fn tried(&self, session: Option<&str>, method: &str, parameters: Value) -> Result<Value, String> {
        let id = self.number.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        let written = self.calls.lock().unwrap().write_all(&bytes);
        written.unwrap_or_else(|error| panic!("{method}: {error}\n{}", self.errors()));
        let mut answer = self.wait(method, |inbox| inbox.answers.remove(&id));
        match answer.get("error") {
            Some(error) => Err(error["message"].to_string()),
            None => Ok(answer["result"].take()),
        }
    }

    fn wait<T>(&self, what: &str, mut fact: impl FnMut(&mut Inbox) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut inbox = self.inbox.0.lock().unwrap();
        loop {
            if let Some(value) = fact(&mut inbox) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !inbox.ended, "Chromium never said {what}\n{}", self.errors());
            inbox = self.inbox.1.wait_timeout(inbox, left).unwrap().0;
        }
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.profile.path().join("errors.log")).unwrap_or_default()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Told to end, for those that it started would go on writing into the profile.
        let calls = self.calls.get_mut().unwrap_or_else(PoisonError::into_inner);
        let told = calls.write_all(b"{\"id\": 0, \"method\": \"Browser.close\"}\0");
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut ended = || self.child.try_wait().is_ok_and(|status| status.is_some());
        while told.is_ok() && !ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        if !ended() && (self.child.kill().is_err() || self.child.wait().is_err()) {
            eprintln!("Chromium {} was left behind", self.child.id());
        }
    }
}

/// A person.
pub struct Visitor<'a> {
    chromium: &'a Chromium,
    context: Value,
}

impl<'a> Visitor<'a> {
    /// A tab on its own, which nobody drives yet.
    pub fn alone(&self, url: &str) -> Value {
        let parameters = json!({"url": url, "browserContextId": self.context});
        self.chromium.call(None, "Target.createTarget", parameters)["targetId"].take()
    }

    /// Drives such a tab.
    pub fn attach(&self, alone: &Value) -> Tab<'a> {
        let attached = json!({"targetId": alone, "flatten": true});
        let session = self.chromium.call(None, "Target.attachToTarget", attached)["sessionId"].take();
        let tab = Tab { chromium: self.chromium, session: session.as_str().unwrap().to_owned() };
        for domain in ["Page", "Network", "Runtime", "Log", "Performance"] {
            tab.call(&format!("{domain}.enable"), json!({}));
        }
        tab
    }

    /// An empty tab.
    pub fn tab(&self) -> Tab<'a> {
        self.attach(&self.alone("about:blank"))
    }

    /// A tab that shows a page, loaded.
    pub fn open(&self, url: &str) -> Tab<'a> {
        let tab = self.tab();
        tab.go(url);
        tab
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<Value> {
        let cookies = self.chromium.call(None, "Storage.getCookies", json!({"browserContextId": self.context}));
        cookies["cookies"].as_array().unwrap().iter().find(|cookie| cookie["name"] == name).cloned()
    }
}

/// A tab.
pub struct Tab<'a> {
    chromium: &'a Chromium,
    session: String,
}

impl Tab<'_> {
    /// Calls a method of the protocol.
    pub fn call(&self, method: &str, parameters: Value) -> Value {
        self.chromium.call(Some(&self.session), method, parameters)
    }

    /// Goes to a page as by the address bar, and waits until it is loaded.
    pub fn go(&self, url: &str) {
        self.loads(|| drop(self.call("Page.navigate", json!({"url": url}))));
    }

    /// Does what makes the tab load a page, and waits until that is loaded.
    pub fn loads(&self, cause: impl FnOnce()) {
        let before = self.events("Page.loadEventFired").len();
        cause();
        self.chromium.wait("that a page is loaded", |inbox| {
            (events(inbox, &self.session, "Page.loadEventFired").count() > before).then_some(())
        });
    }

    /// What an expression, or a promise, has become.
    pub fn eval(&self, expression: &str) -> Value {
        self.tried(expression).unwrap_or_else(|fault| panic!("{expression}: {fault}"))
    }

    /// Waits until an expression holds, through whatever page that comes.
    pub fn until(&self, expression: &str) {
        let holds = || self.tried(expression).ok().filter(|value| value == true).map(drop);
        let page = || self.eval("document.body.outerHTML.slice(0, 2000)");
        wait_for(expression, holds, || format!("{}\n{:#?}", page(), self.complaints()));
    }

    fn tried(&self, expression: &str) -> Result<Value, String> {
        let parameters =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let mut answer = self.chromium.tried(Some(&self.session), "Runtime.evaluate", parameters)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details["exception"]["description"].to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Runs a script before those of every page from now on.
    pub fn before(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script}));
    }

    /// Clicks with the mouse on the middle of an element.
    pub fn click(&self, selector: &str) {
        let middle = format!(
            "(() => {{ const element = document.querySelector({}); element.scrollIntoViewIfNeeded(); \
             const box = element.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2] }})()",
            json!(selector)
        );
        let at = self.eval(&middle);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// What this tab has sent to the snippet's paths: method, path, and the body, or null.
    pub fn sent(&self) -> Vec<Value> {
        let sent = |event: &Value| {
            let request = &event["params"]["request"];
            let url = request["url"].as_str().unwrap();
            let path = &url[url.find("/_m/")?..];
            let body = request["postData"].as_str().map(|body| serde_json::from_str::<Value>(body).unwrap());
            Some(json!([request["method"], path, body]))
        };
        self.events("Network.requestWillBeSent").iter().filter_map(sent).collect()
    }

    /// The same without the snippet's own files.
    pub fn posted(&self) -> Vec<Value> {
        self.sent().into_iter().filter(|sent| sent[0] == "POST").collect()
    }

    /// What a web master would find in the console: errors and warnings of scripts, what the browser refused, exceptions.
    pub fn complaints(&self) -> Vec<String> {
        let inbox = self.chromium.inbox.0.lock().unwrap();
        let lines = inbox.events.iter().filter(|event| event["sessionId"] == self.session.as_str());
        let complaint = |event: &Value| {
            let parameters = &event["params"];
            match event["method"].as_str().unwrap() {
                "Runtime.consoleAPICalled" if ["error", "warning"].contains(&parameters["type"].as_str().unwrap()) => {
                    Some(parameters["args"].to_string())
                }
                "Runtime.exceptionThrown" => Some(parameters["exceptionDetails"].to_string()),
                "Log.entryAdded" => Some(parameters["entry"]["text"].to_string()),
                _ => None,
            }
        };
        lines.filter_map(complaint).collect()
    }

    /// The events of a method so far.
    pub fn events(&self, method: &str) -> Vec<Value> {
        events(&self.chromium.inbox.0.lock().unwrap(), &self.session, method).cloned().collect()
    }
}

fn events<'a>(inbox: &'a Inbox, session: &'a str, method: &'a str) -> impl Iterator<Item = &'a Value> {
    inbox.events.iter().filter(move |event| event["sessionId"] == session && event["method"] == method)
}
