//! A browser that reads pages as a person does: Chromium without a window, led by its own chromedriver, which speaks
//! WebDriver: JSON over HTTP on loopback.
//!
//! Not every machine has one. [`Browser::open`] says so on stderr and returns `None`; the test is over then. Where one was
//! installed for the tests, `FLOODMARK_BROWSER=required` makes them fail without it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::tool::PATIENCE;

/// Browsers are large: one at a time leaves room for what the other tests measure.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A driver, its browser, and one window. Dropped, all of it is gone.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    /// What the browser keeps; a directory of its own for each.
    _profile: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// Opens a window of `width` CSS px; `None` where there is no browser.
    pub(crate) fn open(width: u32) -> Option<Browser> {
        for program in ["chromium", "chromedriver"] {
            let found =
                Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !found.is_ok_and(|status| status.success()) {
                let required = std::env::var_os("FLOODMARK_BROWSER").is_some_and(|value| value == "required");
                assert!(
                    !required,
                    "'{program}' does not start, and FLOODMARK_BROWSER says that it is required"
                );
                let _ = writeln!(
                    std::io::stderr(),
                    "skipped: '{program}' is not installed (Debian: apt-get install chromium-driver)"
                );
                return None;
            }
        }
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().expect("a directory");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let port = port(&mut driver);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE * 2))
            .http_status_as_error(false)
            .build()
            .into();
        let mut browser = Browser {
            driver,
            agent,
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
            _alone: alone,
        };
        let profile = browser._profile.path().to_str().expect("a path");
        let made = browser.post("", &json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--no-first-run", "--disable-extensions", format!("--user-data-dir={profile}"),
            ] },
        } } }));
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().expect("a session"));
        browser.resize(width);
        Some(browser)
    }

    /// Makes the page `width` CSS px wide, whatever the window's frame takes.
    pub(crate) fn resize(&self, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What the reader's system prefers: `prefers-color-scheme`, and screen or print.
    pub(crate) fn prefer(&self, media: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
    }

    /// Opens a file from disk.
    pub(crate) fn show(&self, file: &Path) {
        self.post("/url", &json!({ "url": format!("file://{}", file.display()) }));
    }

    /// Runs the body of a function in the page; `arguments` are its arguments.
    pub(crate) fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// What a query finds first, as `textContent`.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.textContent ?? ''";
        self.run(script, &json!([selector])).as_str().expect("a text").to_owned()
    }

    /// Moves the mouse through places of the window, in CSS px.
    pub(crate) fn point(&self, places: &[(f64, f64)]) {
        self.act("mouse", places, false);
    }

    /// As [`Self::point`], pressed from the first place to the last.
    pub(crate) fn drag(&self, places: &[(f64, f64)]) {
        self.act("mouse", places, true);
    }

    /// As [`Self::drag`], with a finger.
    pub(crate) fn touch(&self, places: &[(f64, f64)]) {
        self.act("touch", places, true);
    }

    fn act(&self, pointer: &str, places: &[(f64, f64)], drag: bool) {
        let mut actions = Vec::new();
        for (index, (x, y)) in places.iter().enumerate() {
            actions.push(json!({ "type": "pointerMove", "duration": 20, "x": x.round(), "y": y.round() }));
            if drag && index == 0 {
                actions.push(json!({ "type": "pointerDown", "button": 0 }));
            }
        }
        if drag {
            actions.push(json!({ "type": "pointerUp", "button": 0 }));
        }
        let action = json!({
            "type": "pointer", "id": pointer, "parameters": { "pointerType": pointer }, "actions": actions,
        });
        self.post("/actions", &json!({ "actions": [action] }));
    }

    /// Presses keys, one after the other; `\u{e008}` and its like as WebDriver numbers them.
    pub(crate) fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|what| json!({ "type": what, "value": key.to_string() }))
            })
            .collect();
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// What the page and the browser have said on the console since it was asked last.
    pub(crate) fn console(&self) -> Vec<String> {
        let said = self.post("/se/log", &json!({ "type": "browser" }));
        said.as_array().expect("a list").iter().map(Value::to_string).collect()
    }

    /// What is seen, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        decoded(&self.get("/screenshot"))
    }

    /// The page on paper, as PDF.
    pub(crate) fn print(&self) -> Vec<u8> {
        decoded(&self.post("/print", &json!({ "background": true })))
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let answer = self.agent.post(&url).content_type("application/json").send(body.to_string());
        value(path, answer.unwrap_or_else(|error| panic!("POST {path}: {error}")))
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.agent.get(format!("{}{path}", self.session)).call();
        value(path, answer.unwrap_or_else(|error| panic!("GET {path}: {error}")))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes its browser along when it is told, and leaves it behind when it is killed.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port that the driver says it has taken. The rest of what it says is read and dropped.
fn port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("piped");
    let (found, port) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let said =
                line.rsplit_once("on port ").and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
            if let Some(port) = said.filter(|port: &u16| *port != 0) {
                let _ = found.send(port);
            }
        }
    });
    port.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = driver.kill();
        panic!("chromedriver does not say its port")
    })
}

fn value(path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Value {
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().expect("an answer");
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
    let value = answer["value"].clone();
    assert!(value.get("error").is_none(), "{path}: {}: {}", value["error"], value["message"]);
    value
}

fn decoded(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("a text")).expect("base64")
}
