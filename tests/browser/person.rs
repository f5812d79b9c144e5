//! Somebody at a browser, who sees labels and buttons, not selectors.

use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, TimeoutConfiguration};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::chrome::{self, View};
use crate::support::World;
use crate::support::eventually::HANG;
use crate::support::world::{ADMIN, PASSWORD};

pub struct Person {
    client: Client,
    base: String,
}

impl Person {
    /// Opens a browser of its own.
    pub async fn arrive() -> Self {
        let driver = std::env::var("TEST_WEBDRIVER_URL")
            .expect("TEST_WEBDRIVER_URL: run the tests with bin/test, which starts a driver");
        let browser = std::env::var("TEST_BROWSER")
            .expect("TEST_BROWSER: the path of Chromium's headless shell");
        let options = json!({
            "binary": browser,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--window-size=1280,1000",
            ],
        });
        let mut capabilities = Capabilities::new();
        capabilities.insert("browserName".into(), json!("chrome"));
        capabilities.insert("goog:chromeOptions".into(), options);
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .expect("a browser");
        let limits = TimeoutConfiguration::new(Some(HANG), Some(HANG), None);
        client.update_timeouts(limits).await.expect("limits");
        Self {
            client,
            base: String::new(),
        }
    }

    /// Signs in at that world, whoever was signed in before, with or without JavaScript: a
    /// browser takes longer to start than a procedure to walk.
    pub async fn sign_in_at(&mut self, world: &World, javascript: bool) {
        self.arrive_at(world, javascript).await;
        self.open("/benutzerkonto").await;
        self.fill("E-Mail-Adresse", ADMIN).await;
        self.fill("Passwort", PASSWORD).await;
        self.press("Anmelden").await;
        self.sees("Name des Benutzerkontos").await;
    }

    /// Gives the right password at that world, where a code is asked for then.
    pub async fn begin_signing_in_at(&mut self, world: &World) {
        self.arrive_at(world, true).await;
        self.open("/anmelden").await;
        self.fill("E-Mail-Adresse", ADMIN).await;
        self.fill("Passwort", PASSWORD).await;
        self.press("Anmelden").await;
        self.sees_heading("Zweiter Schritt").await;
    }

    /// Comes to that world as a stranger, with or without JavaScript.
    pub async fn arrive_at(&mut self, world: &World, javascript: bool) {
        self.base.clone_from(&world.url);
        chrome::forget_cookies(&self.client).await;
        chrome::allow_script(&self.client, javascript).await;
    }

    /// Has that script on every page opened from now on.
    pub async fn brings_to_every_page(&self, script: &str) {
        chrome::run_on_every_page(&self.client, script).await;
    }

    pub async fn leave(self) {
        self.client.close().await.expect("the browser closes");
    }

    pub async fn open(&self, path: &str) {
        self.client
            .goto(&format!("{}{path}", self.base))
            .await
            .expect("the page loads");
    }

    /// Follows the link with that text.
    pub async fn follow(&self, text: &str) {
        self.click(&format!("//a[normalize-space(.)={}]", quoted(text)))
            .await;
    }

    /// Presses the button with that text. What it leads to has to be seen before the next step:
    /// the page it is on stays until the server has answered.
    pub async fn press(&self, text: &str) {
        self.click(&format!("//button[normalize-space(.)={}]", quoted(text)))
            .await;
    }

    /// Unfolds the part with that title.
    pub async fn unfold(&self, title: &str) {
        self.click(&format!("//summary[normalize-space(.)={}]", quoted(title)))
            .await;
    }

    /// Clicks what is found there; again where the page changed between finding and clicking.
    async fn click(&self, path: &str) {
        let mut tries = 0;
        while let Err(error) = self.wait_for(path).await.click().await {
            tries += 1;
            assert!(tries < 5, "{path} can't be clicked: {error}");
        }
    }

    /// Whether there is such a button that can be seen.
    pub async fn has_button(&self, text: &str) -> bool {
        let path = format!("//button[normalize-space(.)={}]", quoted(text));
        match self.client.find(Locator::XPath(&path)).await {
            Ok(button) => button.is_displayed().await.unwrap_or(false),
            Err(_) => false,
        }
    }

    /// Types into the field with that label.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.expect("the field can be emptied");
        field.send_keys(text).await.expect("the field takes text");
    }

    /// Chooses a file in the field with that label.
    pub async fn attach(&self, label: &str, file: &std::path::Path) {
        let path = file.display().to_string();
        let field = self.field(label).await;
        field
            .send_keys(&path)
            .await
            .expect("the field takes a file");
    }

    /// Chooses what has that text in the list with that label.
    pub async fn choose(&self, label: &str, text: &str) {
        self.field(label)
            .await
            .select_by_label(text)
            .await
            .expect("the list has it");
    }

    /// Clicks the checkbox with that label.
    pub async fn tick(&self, label: &str) {
        self.field(label)
            .await
            .click()
            .await
            .expect("the box can be ticked");
    }

    /// Whether the checkbox with that label is ticked.
    pub async fn is_ticked(&self, label: &str) -> bool {
        self.field(label)
            .await
            .is_selected()
            .await
            .expect("a checkbox")
    }

    /// Presses one key.
    pub async fn key(&self, key: Key) {
        self.keys(&[key.into()]).await;
    }

    /// Types that text into whatever has the focus.
    pub async fn type_text(&self, text: &str) {
        self.keys(&text.chars().collect::<Vec<_>>()).await;
    }

    async fn keys(&self, keys: &[char]) {
        let mut actions = KeyActions::new("keyboard".into());
        for value in keys.iter().copied() {
            actions = actions
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.client
            .perform_actions(actions)
            .await
            .expect("the keys are pressed");
    }

    /// The words of what has the focus: of its label, or its own.
    pub async fn focused(&self) -> String {
        let words = self
            .run(
                "const at = document.activeElement; \
                 const words = at.labels?.[0]?.textContent ?? at.textContent; \
                 return at === document.body ? '' : words.trim().replace(/\\s+/g, ' ');",
            )
            .await;
        words.as_str().unwrap_or_default().to_owned()
    }

    /// Presses Tab until the focus is on what has those words, and expects to see that it is.
    pub async fn tab_to(&self, words: &str) {
        let mut passed = Vec::new();
        for _ in 0..80 {
            let at = self.focused().await;
            if at == words {
                let outline = self
                    .run("return getComputedStyle(document.activeElement).outlineStyle;")
                    .await;
                assert_ne!(outline, "none", "the focus on \"{words}\" can't be seen");
                return;
            }
            passed.push(at);
            self.key(Key::Tab).await;
        }
        panic!("Tab does not lead to \"{words}\", only to: {passed:?}");
    }

    /// Runs a piece of script in the page, beside its own.
    pub async fn run(&self, script: &str) -> Value {
        self.client
            .execute(script, Vec::new())
            .await
            .expect("the script runs")
    }

    /// The same for script that gives its result to its last argument later.
    pub async fn run_and_wait(&self, script: &str) -> Value {
        self.client
            .execute_async(script, Vec::new())
            .await
            .expect("the script runs")
    }

    /// Looks at pages that wide, by day or by night.
    pub async fn look(&self, view: View) {
        chrome::look(&self.client, view).await;
    }

    /// Waits until the page shows those words.
    pub async fn sees(&self, words: &str) {
        self.wait_for(&format!(
            "//body//*[contains(normalize-space(.), {})]",
            quoted(words)
        ))
        .await;
    }

    /// Waits until the page's heading has those words.
    pub async fn sees_heading(&self, words: &str) {
        self.wait_for(&format!("//h1[contains(., {})]", quoted(words)))
            .await;
    }

    /// The visible text of the page.
    pub async fn text(&self) -> String {
        let body = self
            .client
            .find(Locator::Css("body"))
            .await
            .expect("a page");
        body.text().await.expect("its text")
    }

    async fn field(&self, label: &str) -> Element {
        let label = self
            .wait_for(&format!(
                "//label[starts-with(normalize-space(.), {})]",
                quoted(label)
            ))
            .await;
        let id = label
            .attr("for")
            .await
            .expect("a label")
            .expect("a label with its field");
        self.wait_for(&format!("//*[@id={}]", quoted(&id))).await
    }

    async fn wait_for(&self, path: &str) -> Element {
        match self
            .client
            .wait()
            .at_most(HANG)
            .every(Duration::from_millis(20))
            .for_element(Locator::XPath(path))
            .await
        {
            Ok(element) => element,
            Err(error) => panic!("{path} is not there ({error}) in: {}", self.text().await),
        }
    }
}

/// A text as XPath writes it.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
