//! Puts what was typed into its form again: the page is asked for as ever, and what it shows in the
//! fields is replaced. So it works for every form, and no page has to know of it.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use actix_web::body::to_bytes_limited;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpMessage, HttpResponse, web};
use html_escape::{encode_quoted_attribute, encode_text};
use lol_html::errors::RewritingError;
use lol_html::html_content::{ContentType, Element};
use lol_html::{RewriteStrSettings, element, rewrite_str};

use super::{FIELD, LARGEST_CARRYING, TECHNICAL, Typed};
use crate::web::access::SignedIn;
use crate::web::body;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::origin;
use crate::web::state::State;

/// In the address of a page that is asked for with what was typed.
const WANTED: &str = "eingaben=ja";

const NO_FORM: &str =
    "Das Formular gibt es auf dieser Seite nicht mehr. Ihre Eingaben stehen unten.";

/// The largest page into which something is put back, in bytes.
const LARGEST_PAGE: usize = 16 * 1024 * 1024;

/// What was typed, as it came with the request for the page.
struct Sealed(String);

/// Makes a request that brings what was typed along into one for its page.
///
/// # Errors
/// Like every form: too large, too slow, or of another website.
pub async fn turn_into_page(request: &mut ServiceRequest) -> Result<(), WebError> {
    let is_wanted = request.query_string().split('&').any(|part| part == WANTED);
    if request.method() != Method::POST || !is_wanted || !body::is_form(request) {
        return Ok(());
    }
    if !origin::is_own(request) {
        return Err(WebError::OtherOrigin);
    }
    let bytes = body::take(request, LARGEST_CARRYING).await?;
    let fields = web::Query::<Fields>::from_query(&String::from_utf8_lossy(&bytes));
    let fields = fields.map_err(|_| WebError::Incomplete)?;
    let sealed = Sealed(fields.text(FIELD).to_owned());
    request.extensions_mut().insert(sealed);
    request.head_mut().method = Method::GET;
    request.head_mut().headers.remove(CONTENT_TYPE);
    request.take_payload();
    Ok(())
}

/// Puts what was typed into the page that answers such a request.
pub async fn put_back(response: ServiceResponse) -> ServiceResponse {
    let request = response.request().clone();
    let sealed = request.extensions_mut().remove::<Sealed>();
    let user = request
        .extensions()
        .get::<SignedIn>()
        .map(|who| who.user.id);
    let (Some(Sealed(sealed)), Some(user)) = (sealed, user) else {
        return response;
    };
    let is_page = response.status().is_success();
    let state = request.app_data::<web::Data<State>>();
    let typed = state.and_then(|state| Typed::open_for_user(state, user, &sealed));
    let Some(typed) = typed.filter(|_| is_page) else {
        return response;
    };
    let (_, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let text = match to_bytes_limited(body, LARGEST_PAGE).await {
        Ok(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    };
    let Some(filled) = fill(&text, &typed).ok().flatten() else {
        // The page has no such form (any more): what was typed is shown, to be copied.
        request.extensions_mut().insert(typed);
        return ServiceResponse::from_err(WebError::Conflict(NO_FORM), request);
    };
    let mut answer = HttpResponse::build(head.status());
    for (name, value) in head.headers() {
        answer.append_header((name.clone(), value.clone()));
    }
    ServiceResponse::new(request, answer.body(filled))
}

/// What is still to be put into the page.
struct Rest {
    is_inside: bool,
    is_found: bool,
    fields: Vec<(String, String)>,
    /// What is chosen in the list whose options follow.
    chosen: Option<String>,
}

impl Rest {
    /// The next value of that name.
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().position(|(of, _)| of == name)?;
        Some(self.fields.remove(at).1)
    }

    /// Whether a box with that value was ticked.
    fn take_choice(&mut self, name: &str, value: &str) -> bool {
        let at = self
            .fields
            .iter()
            .position(|(of, is)| of == name && is == value);
        at.map(|at| self.fields.remove(at)).is_some()
    }

    /// What the form has no place for any more, as hidden fields: it is sent all the same, and
    /// compared with what is stored.
    fn leftovers(&mut self) -> String {
        let fields = std::mem::take(&mut self.fields).into_iter();
        let fields =
            fields.filter(|(name, _)| !TECHNICAL.contains(&name.as_str()) || name == "feld");
        let mut hidden = String::new();
        for (name, value) in fields {
            let (name, value) = (
                encode_quoted_attribute(&name),
                encode_quoted_attribute(&value),
            );
            let _ = write!(
                hidden,
                "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"
            );
        }
        hidden
    }
}

/// The page with the form filled in; none where the page does not have it.
fn fill(page: &str, typed: &Typed) -> Result<Option<String>, RewritingError> {
    let rest = Rc::new(RefCell::new(Rest {
        is_inside: false,
        is_found: false,
        fields: typed.fields.clone(),
        chosen: None,
    }));
    let found = rest.clone();
    let (forms, inputs, areas, selects, options) =
        (rest.clone(), rest.clone(), rest.clone(), rest.clone(), rest);
    let action = typed.action.clone();
    let on_form = move |form: &mut Element| {
        let is_it = form.get_attribute("action").as_deref() == Some(action.as_str());
        if !is_it || form.get_attribute("method").as_deref() != Some("post") {
            return Ok(());
        }
        forms.borrow_mut().is_inside = true;
        forms.borrow_mut().is_found = true;
        let rest = forms.clone();
        if let Some(handlers) = form.end_tag_handlers() {
            handlers.push(Box::new(move |end| {
                let mut rest = rest.borrow_mut();
                rest.is_inside = false;
                end.before(&rest.leftovers(), ContentType::Html);
                Ok(())
            }));
        }
        // What was typed is not saved: leaving the page asks first.
        if form.has_attribute("data-guard") {
            form.set_attribute("data-guard", "ungespeichert")?;
        }
        Ok(())
    };
    let on_input = move |input: &mut Element| {
        let mut rest = inputs.borrow_mut();
        let Some(name) = input.get_attribute("name").filter(|_| rest.is_inside) else {
            return Ok(());
        };
        match input.get_attribute("type").as_deref() {
            Some("password" | "file" | "submit") => {}
            Some("checkbox" | "radio") => {
                let value = input.get_attribute("value").unwrap_or_default();
                if rest.take_choice(&name, &html_escape::decode_html_entities(&value)) {
                    input.set_attribute("checked", "")?;
                } else {
                    input.remove_attribute("checked");
                }
            }
            _ => {
                if let Some(value) = rest.take(&name) {
                    input.set_attribute("value", &encode_quoted_attribute(&value))?;
                }
            }
        }
        Ok(())
    };
    let on_area = move |area: &mut Element| {
        let mut rest = areas.borrow_mut();
        if let Some(name) = area.get_attribute("name").filter(|_| rest.is_inside)
            && let Some(value) = rest.take(&name)
        {
            // The first line end of a text field does not count.
            area.set_inner_content(&format!("\n{}", encode_text(&value)), ContentType::Html);
        }
        Ok(())
    };
    let on_select = move |select: &mut Element| {
        let mut rest = selects.borrow_mut();
        let name = select.get_attribute("name").filter(|_| rest.is_inside);
        rest.chosen = name.and_then(|name| rest.take(&name));
        Ok(())
    };
    let on_option = move |option: &mut Element| {
        let rest = options.borrow();
        if let Some(chosen) = &rest.chosen {
            let value = option.get_attribute("value").unwrap_or_default();
            if html_escape::decode_html_entities(&value) == chosen.as_str() {
                option.set_attribute("selected", "")?;
            } else {
                option.remove_attribute("selected");
            }
        }
        Ok(())
    };
    let filled = rewrite_str(
        page,
        RewriteStrSettings {
            element_content_handlers: vec![
                element!("form", on_form),
                element!("input", on_input),
                element!("textarea", on_area),
                element!("select", on_select),
                element!("select option", on_option),
            ],
            ..RewriteStrSettings::new()
        },
    )?;
    Ok(found.borrow().is_found.then_some(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_field_is_filled_and_nothing_else() {
        let page = r#"<input name="q" value="bleibt"><form method="post" action="/x"><input type="hidden" name="stand" value="neu">
<input name="a" value="alt"><input type="password" name="p" value=""><textarea name="t">
alt</textarea><select name="s"><option value="1" selected>1</option><option value="2">2</option></select>
<input type="checkbox" name="g" value="1" checked><input type="checkbox" name="g" value="2"></form>
<form method="post" action="/y"><input name="a" value="anders"></form>"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let typed = Typed {
            page: "/x".into(),
            action: "/x".into(),
            fields: vec![
                pair("stand", "von damals"),
                pair("a", "\"><script>"),
                pair("t", "</textarea>\nzwei"),
                pair("s", "2"),
                pair("g", "2"),
                pair("weg", "übrig"),
            ],
            had_secret: false,
            at: 0,
            length: 0,
        };
        let filled = fill(page, &typed).unwrap().unwrap();
        for part in [
            r#"name="q" value="bleibt""#,
            r#"name="stand" value="von damals""#,
            r#"name="a" value="&quot;&gt;&lt;script&gt;""#,
            "\n&lt;/textarea&gt;\nzwei</textarea>",
            r#"<option value="1">1</option><option value="2" selected="">"#,
            r#"name="g" value="1"><input type="checkbox" name="g" value="2" checked="">"#,
            r#"<input type="hidden" name="weg" value="übrig"></form>"#,
            r#"name="a" value="anders""#,
        ] {
            assert!(filled.contains(part), "{part} is missing in {filled}");
        }
    }
}
