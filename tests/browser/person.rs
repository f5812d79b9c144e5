//! Somebody at a browser, who sees labels and buttons, not selectors.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;

use crate::support::World;
use crate::support::world::{ADMIN, PASSWORD};

pub struct Person {
    client: Client,
    base: String,
}

impl Person {
    /// Opens a browser of its own.
    pub async fn arrive(world: &World, javascript: bool) -> Self {
        let driver = std::env::var("TEST_WEBDRIVER_URL")
            .expect("TEST_WEBDRIVER_URL: run the tests with bin/test, which starts a driver");
        let mut options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--window-size=1280,1000",
            ],
        });
        if !javascript {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let mut capabilities = Capabilities::new();
        capabilities.insert("browserName".into(), json!("chrome"));
        capabilities.insert("goog:chromeOptions".into(), options);
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver)
            .await
            .expect("a browser");
        Self {
            client,
            base: world.url.clone(),
        }
    }

    /// Opens a browser and signs in.
    pub async fn sign_in(world: &World, javascript: bool) -> Self {
        let person = Self::arrive(world, javascript).await;
        person.open("/benutzerkonto").await;
        person.fill("E-Mail-Adresse", ADMIN).await;
        person.fill("Passwort", PASSWORD).await;
        person.press("Anmelden").await;
        person.sees("Benutzerkonto").await;
        person
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
        let link = self
            .wait_for(&format!("//a[normalize-space(.)={}]", quoted(text)))
            .await;
        link.click().await.expect("the link can be followed");
    }

    /// Presses the button with that text.
    pub async fn press(&self, text: &str) {
        let path = format!("//button[normalize-space(.)={}]", quoted(text));
        let button = self.wait_for(&path).await;
        button.click().await.expect("the button can be pressed");
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

    /// Waits until the page shows those words.
    pub async fn sees(&self, words: &str) {
        self.wait_for(&format!(
            "//body//*[contains(normalize-space(.), {})]",
            quoted(words)
        ))
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
            .at_most(Duration::from_secs(15))
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
