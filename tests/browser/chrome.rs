//! What only Chromium's own protocol can do: switch script off, look at a page as a phone or in
//! the dark.

use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use ureq::http::Method;
use url::{ParseError, Url};

/// How a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// In CSS pixels.
    pub width: u32,
    pub dark: bool,
}

/// A command of Chromium's protocol, sent through the driver.
#[derive(Debug)]
struct Command {
    name: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base_url: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.name, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

async fn send(client: &Client, name: &'static str, parameters: Value) {
    client
        .issue_cmd(Command { name, parameters })
        .await
        .expect("Chromium takes the command");
}

/// Switches the pages' own script on or off, as a person does in the settings.
pub async fn allow_script(client: &Client, allowed: bool) {
    send(
        client,
        "Emulation.setScriptExecutionDisabled",
        json!({ "value": !allowed }),
    )
    .await;
}

/// Forgets whoever was signed in.
pub async fn forget_cookies(client: &Client) {
    send(client, "Network.clearBrowserCookies", json!({})).await;
}

/// Runs a script on every page that is opened from now on, before the page's own.
pub async fn run_on_every_page(client: &Client, source: &str) {
    send(
        client,
        "Page.addScriptToEvaluateOnNewDocument",
        json!({ "source": source }),
    )
    .await;
}

/// Shows pages that wide, by day or by night, and without movements that would have to be
/// waited for.
pub async fn look(client: &Client, view: View) {
    send(
        client,
        "Emulation.setDeviceMetricsOverride",
        json!({ "width": view.width, "height": 900, "deviceScaleFactor": 1, "mobile": view.width < 600 }),
    )
    .await;
    let scheme = if view.dark { "dark" } else { "light" };
    send(
        client,
        "Emulation.setEmulatedMedia",
        json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] }),
    )
    .await;
}
