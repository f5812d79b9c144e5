//! A browser without a window: keeps cookies, follows no redirect by itself, reads pages as a
//! person does.

use scraper::{Html, Selector};

/// What it says of itself unless told otherwise: a person's browser.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

pub struct Agent {
    base: String,
    agent: ureq::Agent,
}

pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Agent {
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(BROWSER)
            .build();
        Self {
            base: base.to_owned(),
            agent: config.into(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(self.address(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::new(request.call().expect("an answer"))
    }

    /// Asks for what [`Self::get`] would bring, without the body.
    pub fn head(&self, path: &str) -> Answer {
        Answer::new(
            self.agent
                .head(self.address(path))
                .call()
                .expect("an answer"),
        )
    }

    /// Gets what a server may be too dead to give.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        Answer::read(self.agent.get(self.address(path)).call().ok()?)
    }

    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, &[])
    }

    pub fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(self.address(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::new(request.send_form(form.iter().copied()).expect("an answer"))
    }

    /// Sends a body of any kind, as an upload is.
    pub fn post_body(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let request = self
            .agent
            .post(self.address(path))
            .header("content-type", content_type);
        Answer::new(request.send(body).expect("an answer"))
    }

    /// Sends a form with fields and a file, called `datei`.
    pub fn upload(&self, path: &str, fields: &[(&str, &str)], name: &str, bytes: &[u8]) -> Answer {
        let boundary = "----an-unlikely-boundary";
        let mut body = Vec::new();
        for (field, value) in fields {
            let part = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"datei\"; filename=\"{name}\"\r\ncontent-type: text/csv\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.post_body(path, &kind, &body)
    }

    /// Sends a body with these headers.
    pub fn post_body_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.agent.post(self.address(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::new(request.send(body).expect("an answer"))
    }

    /// What it sends as its Cookie header.
    pub fn cookies(&self) -> String {
        let jar = self.agent.cookie_jar_lock();
        let all: Vec<String> = jar
            .iter()
            .map(|c| format!("{}={}", c.name(), c.value()))
            .collect();
        all.join("; ")
    }

    /// Gets a page, following redirects, and expects it to be there.
    pub fn visit(&self, path: &str) -> Answer {
        let answer = self.follow(self.get(path));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// Posts a form, follows the redirect, and expects a page.
    pub fn submit(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, form);
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        let answer = self.follow(answer);
        assert_eq!(answer.status, 200, "after {path}: {}", answer.text());
        answer
    }

    fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            let Some(location) = answer.location() else {
                break;
            };
            answer = self.get(&location);
        }
        answer
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        }
    }
}

impl Answer {
    fn new(response: ureq::http::Response<ureq::Body>) -> Self {
        Self::read(response).expect("a body")
    }

    fn read(mut response: ureq::http::Response<ureq::Body>) -> Option<Self> {
        let body = response
            .body_mut()
            .with_config()
            .limit(512 * 1024 * 1024)
            .read_to_vec()
            .ok()?;
        Some(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
        })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<String> {
        matches!(self.status, 301..=303 | 307 | 308)
            .then(|| self.header("location").map(str::to_owned))
            .flatten()
    }

    /// The page's source, without the places where a long word may break: an address with one
    /// is still found.
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.body).replace("<wbr>", "")
    }

    /// A CSV file as we write them: a line for each row, its cells between semicolons as they are
    /// meant. Every cell is in quotes, whatever program reads the file.
    #[track_caller]
    pub fn rows(&self) -> String {
        let text = self.html();
        let text = text.trim_start_matches('\u{feff}');
        let is_quoted = |line: &str| line.starts_with('"') && line.ends_with('"');
        assert!(text.lines().all(is_quoted), "{text}");
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b';')
            .has_headers(false)
            .from_reader(text.as_bytes());
        let rows = reader.records().map(|row| {
            let row = row.expect("a row");
            row.iter().collect::<Vec<_>>().join(";") + "\n"
        });
        rows.collect()
    }

    /// The visible text, with single spaces.
    pub fn text(&self) -> String {
        let page = Html::parse_document(&self.html());
        let text: String = page.root_element().text().collect::<Vec<_>>().join(" ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The texts of all elements of a CSS selector.
    pub fn all(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        Html::parse_document(&self.html())
            .select(&selector)
            .map(|element| {
                element
                    .text()
                    .collect::<String>()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    /// The first value of an attribute among the elements of a CSS selector.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let selector = Selector::parse(selector).expect("a selector");
        Html::parse_document(&self.html())
            .select(&selector)
            .find_map(|element| element.value().attr(name).map(str::to_owned))
    }

    /// What a browser sends of the form with that address, as it stands on the page.
    #[track_caller]
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let page = Html::parse_document(&self.html());
        let forms = Selector::parse("form[method=post]").expect("a selector");
        let controls = Selector::parse("input[name], textarea[name], select[name]");
        let options = Selector::parse("option").expect("a selector");
        let form = page
            .select(&forms)
            .find(|form| form.value().attr("action") == Some(action))
            .unwrap_or_else(|| panic!("no form for {action} in: {}", self.text()));
        let mut fields = Vec::new();
        for control in form.select(&controls.expect("a selector")) {
            let element = control.value();
            let name = element.attr("name").expect("selected by it").to_owned();
            let value = match (element.name(), element.attr("type")) {
                ("textarea", _) => {
                    let text = control.text().collect::<String>();
                    Some(text.strip_prefix('\n').unwrap_or(&text).to_owned())
                }
                ("select", _) => {
                    let options: Vec<_> = control.select(&options).collect();
                    let chosen = options
                        .iter()
                        .find(|o| o.value().attr("selected").is_some());
                    let chosen = chosen.or(options.first());
                    chosen.and_then(|option| option.value().attr("value").map(str::to_owned))
                }
                (_, Some("checkbox" | "radio")) if element.attr("checked").is_none() => None,
                (_, Some("file" | "submit")) => None,
                _ => Some(element.attr("value").unwrap_or_default().to_owned()),
            };
            fields.extend(value.map(|value| (name, value)));
        }
        fields
    }

    #[track_caller]
    pub fn assert_says(&self, words: &str) -> &Self {
        let text = self.text();
        assert!(text.contains(words), "\"{words}\" is missing in: {text}");
        self
    }

    #[track_caller]
    pub fn assert_silent_about(&self, words: &str) -> &Self {
        assert!(
            !self.html().contains(words),
            "\"{words}\" stands in: {}",
            self.html()
        );
        self
    }
}
