//! A small check that HTML is well formed: tags balance, ids are unique, attributes are quoted.

use std::collections::BTreeSet;

const VOID: [&str; 5] = ["meta", "link", "input", "br", "img"];

/// What is wrong, if anything.
pub(crate) fn check(html: &str) -> Result<(), String> {
    if !html.trim_start().starts_with("<!doctype html>") {
        return Err("no doctype".into());
    }
    let mut open: Vec<&str> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        if text.contains('>') {
            return Err(format!("a lone > in {text:?}"));
        }
        rest = &rest[start + 1..];
        let end = end_of_tag(rest).ok_or("a tag that does not end")?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop().ok_or_else(|| format!("</{name}> closes nothing"))?;
            if last != name {
                return Err(format!("</{name}> closes <{last}>"));
            }
            continue;
        }
        let name = tag.split([' ', '/', '\n']).next().unwrap_or_default();
        if let Some(id) = tag.split(" id=\"").nth(1).and_then(|part| part.split('"').next())
            && !ids.insert(id.to_owned())
        {
            return Err(format!("the id {id} is there twice"));
        }
        if !tag.matches('"').count().is_multiple_of(2) {
            return Err(format!("a quote that does not end in <{tag}>"));
        }
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("never closed: {open:?}")) }
}

/// Where the tag ends: the first `>` outside quotes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        if c == '"' {
            quoted = !quoted;
        }
        (c == '>' && !quoted).then_some(at)
    })
}

#[test]
fn the_check_finds_faults() {
    assert!(check("<!doctype html><p>a</p>").is_ok());
    for bad in [
        "<p>a</p>",
        "<!doctype html><p>a</div>",
        "<!doctype html><p>",
        "<!doctype html><p id=\"a\"></p><p id=\"a\"></p>",
        "<!doctype html><p>a > b</p>",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
}
