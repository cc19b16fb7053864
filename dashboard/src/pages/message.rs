//! Pages that say one thing: nothing published, not found, read only, fault. None tells of the inside.

use super::Page;
use crate::text::Text;
use askama::Template;

#[derive(Template)]
#[template(path = "message.html")]
struct View<'a> {
    page: &'a Page,
    text: &'static Text,
    heading: &'a str,
    message: &'a str,
    command: &'a str,
    home: bool,
}

/// No release yet.
pub fn nothing_yet(page: &Page) -> askama::Result<String> {
    let text = page.text();
    let (heading, message) = (text.common.nothing_yet, text.common.nothing_yet_how);
    View { page, text, heading, message, command: "skjerm release publish --year 2025", home: false }.render()
}

/// 404; `message` says what is missing.
pub fn missing(page: &Page, message: &str) -> askama::Result<String> {
    let text = page.text();
    View { page, text, heading: text.errors.missing, message, command: "", home: true }.render()
}

/// 403, the same for whatever reason.
pub fn shut(page: &Page) -> askama::Result<String> {
    let text = page.text();
    View { page, text, heading: text.errors.shut, message: text.errors.shut_text, command: "", home: true }
        .render()
}

/// 500 for a login that could not be entered in the book.
pub fn no_entry(page: &Page) -> askama::Result<String> {
    let text = page.text();
    View { page, text, heading: text.errors.fault, message: text.errors.no_entry, command: "", home: true }
        .render()
}

/// 405.
pub fn read_only(page: &Page) -> askama::Result<String> {
    let text = page.text();
    View { page, text, heading: text.errors.method, message: "", command: "", home: true }.render()
}

/// 500.
pub fn fault(page: &Page) -> askama::Result<String> {
    let text = page.text();
    View { page, text, heading: text.errors.fault, message: text.errors.fault_text, command: "", home: true }
        .render()
}
