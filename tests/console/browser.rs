//! A browser window, driven over WebDriver: Debian's chromium by Debian's chromedriver.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::{Served, secret};

const TAB: char = '\u{e004}';

/// Stopped with the test.
struct Driver(Child, String);

impl Driver {
    /// It ends at once now and then where many are started beside each other, before it has told a port: then another
    /// is started.
    fn start() -> Driver {
        let mut started = (0..5).filter_map(|_| Driver::started());
        started.next().expect("chromedriver tells its port")
    }

    fn started() -> Option<Driver> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // Dropped, it is stopped.
        let driver = Driver(child, format!("http://127.0.0.1:{}", port.as_deref().unwrap_or_default()));
        port.map(|_| driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a window is.
#[derive(Clone, Copy)]
pub struct Window {
    pub lang: &'static str,
    pub dark: bool,
    pub width: u32,
    pub scripts: bool,
}

pub const WIDE: Window = Window { lang: "zh-CN", dark: false, width: 1200, scripts: true };
pub const ENGLISH: Window = Window { lang: "en", ..WIDE };

/// What a page says, in the two languages.
pub fn said(window: Window, zh: &'static str, en: &'static str) -> &'static str {
    if window.lang == "en" { en } else { zh }
}

/// A window on a served vault.
pub struct Browser {
    client: Client,
    base: String,
    downloads: TempDir,
    driver: Driver,
}

impl Browser {
    /// Opens a window, runs the test in it, closes it.
    pub fn with(served: &Served, window: Window, test: impl AsyncFnOnce(&Browser)) {
        Browser::at(served.address, window, test);
    }

    /// The same on whatever is served at an address.
    pub fn at(address: SocketAddr, window: Window, test: impl AsyncFnOnce(&Browser)) {
        let base = format!("http://{address}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let browser = Browser::open(base, window).await;
            test(&browser).await;
            browser.client.clone().close().await.unwrap();
        });
    }

    async fn open(base: String, window: Window) -> Browser {
        let (driver, downloads) = (Driver::start(), tempfile::tempdir().unwrap());
        let size = format!("--window-size={},1000", window.width);
        let mut args =
            vec!["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", &size];
        if window.dark {
            args.push("--force-dark-mode");
        }
        if !window.scripts {
            args.push("--blink-settings=scriptEnabled=false");
        }
        let options = json!({
            "args": args,
            "prefs": {
                "intl.accept_languages": window.lang, "download.default_directory": downloads.path(),
                "download.prompt_for_download": false,
            },
        });
        let capabilities = json!({ "goog:chromeOptions": options });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&driver.1).await.expect("chromium");
        Browser { client, base, downloads, driver }
    }

    pub async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// The page's text, as a reader sees it.
    pub async fn text(&self) -> String {
        let script = "return document.body ? document.body.innerText : ''";
        self.client.execute(script, vec![]).await.unwrap().as_str().unwrap().to_owned()
    }

    /// What is seen, as a PNG file.
    pub async fn picture(&self, file: &Path) {
        std::fs::write(file, self.client.screenshot().await.unwrap()).unwrap();
    }

    pub async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// Where it is, without the host.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.base).unwrap().to_owned()
    }

    /// A click does not wait for the page it leads to.
    pub async fn arrives(&self, wanted: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.path().await != wanted {
            let (path, text) = (self.path().await, self.text().await);
            assert!(Instant::now() < until, "at {path}, not at {wanted}:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a page must say, and how long it may take to.
    pub async fn says(&self, wanted: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let text = self.text().await;
            if text.contains(wanted) {
                return;
            }
            assert!(Instant::now() < until, "{wanted:?} is not on {}:\n{text}", self.path().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The status that the page came with.
    pub async fn status(&self) -> u64 {
        let asked = "return performance.getEntriesByType('navigation')[0].responseStatus";
        self.script(asked, vec![]).await.as_u64().unwrap()
    }

    pub async fn has(&self, css: &str) -> bool {
        self.client.find(Locator::Css(css)).await.is_ok()
    }

    /// What a page has, or will have once it has loaded.
    async fn found(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(Duration::from_secs(20));
        let Ok(found) = wait.for_element(Locator::Css(css)).await else {
            let all = self.script("return document.body.textContent", vec![]).await;
            panic!("no {css} on {}:\n{}", self.path().await, all.as_str().unwrap());
        };
        found
    }

    /// Until there is such an element.
    pub async fn sees(&self, css: &str) {
        self.found(css).await;
    }

    pub async fn write(&self, css: &str, text: &str) {
        let field = self.found(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// A date field takes what a script sets; typing into it depends on the language.
    pub async fn set(&self, css: &str, value: &str) {
        let script = "const f = document.querySelector(arguments[0]); f.value = arguments[1]; \
                      f.dispatchEvent(new Event('change', { bubbles: true }))";
        self.client.execute(script, vec![json!(css), json!(value)]).await.unwrap();
    }

    pub async fn choose(&self, css: &str, value: &str) {
        self.found(css).await.select_by_value(value).await.unwrap();
    }

    pub async fn click(&self, css: &str) {
        self.found(css).await.click().await.unwrap();
    }

    /// Keys, to whatever has the focus.
    pub async fn type_in(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// The Tab key, so many times; where a field would take keys for a file's name too.
    pub async fn tabs(&self, times: u32) {
        let mut keys = KeyActions::new("keyboard".to_owned());
        for _ in 0..times {
            keys = keys.then(KeyAction::Down { value: TAB }).then(KeyAction::Up { value: TAB });
        }
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Lays the page out as it is printed on a sheet of A4.
    pub async fn on_paper(&self) {
        self.command("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
        // 210 mm less margins, at 96 pixels an inch.
        let sheet = json!({ "width": 720, "height": 1040, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", sheet).await;
    }

    /// As it is seen again.
    pub async fn on_screen(&self) {
        self.command("Emulation.setEmulatedMedia", json!({ "media": "" })).await;
        self.command("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    /// A command of Chromium's own, which WebDriver has no word for.
    async fn command(&self, name: &str, params: Value) {
        let session = self.client.session_id().await.unwrap().unwrap();
        let address = format!("{}/session/{session}/goog/cdp/execute", self.driver.1);
        ureq::post(address).send(json!({ "cmd": name, "params": params }).to_string()).unwrap();
    }

    /// Opens what is folded in around something.
    pub async fn unfold(&self, inner: &str) {
        self.click(&format!("details:not([open]):has({inner}) > summary")).await;
    }

    /// From here on the browser sends this form as it is: what is missing or wrong is for the server to see.
    pub async fn unchecked(&self, form: &str) {
        self.found(form).await;
        let script = "document.querySelector(arguments[0]).noValidate = true";
        self.client.execute(script, vec![json!(form)]).await.unwrap();
    }

    /// What a field holds.
    pub async fn value(&self, css: &str) -> String {
        self.found(css).await.prop("value").await.unwrap().unwrap()
    }

    pub async fn count(&self, css: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.client.execute(script, vec![json!(css)]).await.unwrap().as_u64().unwrap()
    }

    /// Gives a file field a file of this name with these bytes.
    pub async fn give(&self, css: &str, name: &str, bytes: &[u8]) {
        let path = self.downloads.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        self.found(css).await.send_keys(path.to_str().unwrap()).await.unwrap();
    }

    /// From the next page on, what a page would do after ten seconds or more waits for [`Browser::later`].
    pub async fn holds_timers(&self) {
        let source = "window.held = []; const set = window.setTimeout; window.setTimeout = (act, after, ...rest) => \
                      after >= 10000 ? held.push([act, after]) : set(act, after, ...rest)";
        self.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// Lets the time of what waits come, and tells after how many milliseconds it would have.
    pub async fn later(&self) -> Vec<u64> {
        let script = "return held.splice(0).map(([act, after]) => { act(); return after })";
        let Value::Array(after) = self.script(script, vec![]).await else { panic!("no timers") };
        after.iter().map(|after| after.as_u64().unwrap()).collect()
    }

    pub async fn script(&self, script: &str, args: Vec<Value>) -> Value {
        self.client.execute(script, args).await.unwrap()
    }

    pub async fn script_later(&self, script: &str) -> Value {
        self.client.execute_async(script, vec![]).await.unwrap()
    }

    pub async fn sign_in(&self, who: &str) {
        self.go("/sign-in").await;
        self.write("input[name=login]", who).await;
        self.write("input[name=password]", &secret(who)).await;
        self.click("form[action='/sign-in'] button").await;
        self.arrives("/").await;
    }

    pub async fn sign_out(&self) {
        self.click("form[action='/sign-out'] button").await;
        self.arrives("/sign-in?done=signed_out").await;
    }

    /// The password where the form asks for it.
    pub async fn prove(&self, form: &str, who: &str) {
        let field = format!("{form} input[name=password]");
        if self.has(&field).await {
            self.write(&field, &secret(who)).await;
        }
    }

    /// The file that the browser fetched.
    pub async fn fetched(&self, ending: &str) -> PathBuf {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(file) =
                files(self.downloads.path()).into_iter().find(|f| f.to_string_lossy().ends_with(ending))
            {
                return file;
            }
            assert!(Instant::now() < until, "no file {ending}: {}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
