//! The page of a release: whole, closed in itself, readable, and in both languages.

use std::collections::BTreeSet;

use super::city::City;
use super::files::Numbers;
use crate::release::{Release, Store};

/// The numbers of every row of the part in that language, in the order of the page.
pub(super) fn rows(html: &str, code: &str) -> Vec<Numbers> {
    let part = html.split(&format!("<section id=\"{code}\"")).nth(1).unwrap();
    let part = part.split("</section>").next().unwrap();
    let number = |text: &str| -> f64 {
        let plain = match code {
            "nb" => text.replace('\u{a0}', "").replace(',', "."),
            _ => text.replace(',', ""),
        };
        plain.replace('\u{2212}', "-").parse().unwrap_or_else(|_| panic!("no number: {text}"))
    };
    let rows = part.split("<tr>").filter(|row| row.contains("class=\"num shown\""));
    rows.map(|row| {
        let cells: Vec<&str> = row
            .split("<td class=\"num")
            .skip(1)
            .map(|cell| cell.split_once('>').unwrap().1.split("</td>").next().unwrap())
            .collect();
        let [display, estimate, interval] = cells[..] else { panic!("{row}") };
        let value = number(estimate);
        let ends = interval.split_once(" til ").or_else(|| interval.split_once(" to "));
        assert!(ends.is_some() || ["eksakt", "exact"].contains(&interval), "{interval}");
        let (low, high) = ends.map_or((value, value), |(low, high)| (number(low), number(high)));
        Numbers { value, sd: f64::NAN, low, high, display: (display != ":").then(|| number(display)) }
    })
    .collect()
}

fn page(change: impl FnOnce(&mut Release)) -> (Release, String) {
    let folder = tempfile::tempdir().unwrap();
    let city = City::new();
    let store = Store::open(&skjerm_warehouse::Installation::init(folder.path()).unwrap());
    let mut release = city.release(2023, 4);
    change(&mut release);
    let release = store.save(release, &city.policy).unwrap();
    let path = folder.path().join("releases").join(&release.id).join("index.html");
    let html = std::fs::read_to_string(path).unwrap();
    (release, html)
}

/// The tags of a page in order, without their attributes; every one that opens must close.
fn tags(html: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for part in html.split('<').skip(1) {
        let tag = part.split('>').next().unwrap();
        let name: String = tag.chars().take_while(|letter| !letter.is_whitespace()).collect();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "</{name}> closes another");
        } else if !["!doctype", "meta"].contains(&name.as_str()) {
            open.push(name.clone());
            all.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

#[test]
fn it_is_whole_and_needs_nothing_from_elsewhere() {
    let (release, html) = page(|_| {});
    let tags = tags(&html);
    assert!(html.starts_with("<!doctype html>\n<html lang=\"nb\">"));
    for foreign in ["script", "link", "img", "iframe", "object", "form", "base", "svg"] {
        assert!(!tags.iter().any(|tag| tag == foreign), "<{foreign}>");
    }
    for foreign in ["http:", "https:", "url(", "@import", "src=", "javascript:", " on"] {
        assert!(
            !html.contains(&format!("{foreign}\"")) && (foreign == " on" || !html.contains(foreign)),
            "{foreign}"
        );
    }
    // The links lead to the release's own files and into the page.
    let targets: BTreeSet<&str> =
        html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let own = [
        "#en",
        "#nb",
        "figures.csv",
        "figures.parquet",
        "figures_and_tables.en.json",
        "figures_and_tables.no.json",
        "metadata.json",
        "release.json",
        "tables.csv",
        "tables.parquet",
    ];
    assert_eq!(targets, own.into());
    assert!(html.contains(&release.id) && html.contains(&release.answer));
}

/// WCAG 2.2, AA, as far as a program can say: languages, headings, names of tables and of their headings, contrast.
#[test]
fn it_is_accessible() {
    let (release, html) = page(|_| {});
    let tags = tags(&html);
    let count = |tag: &str| tags.iter().filter(|found| *found == tag).count();
    assert_eq!(count("table"), count("caption"));
    assert!(count("table") > 2 * release.tables.len());
    assert_eq!(html.matches("<th ").count(), html.matches("<th scope=").count());
    assert_eq!(count("th"), html.matches("<th scope=").count());
    assert!(
        html.contains("<section id=\"nb\" lang=\"nb\"") && html.contains("<section id=\"en\" lang=\"en\"")
    );
    // What scrolls can be reached and has a name.
    let scrolls = html.matches("class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"").count();
    assert_eq!(scrolls, html.matches("class=\"scroll\"").count());
    let mut level = 1;
    for heading in tags.iter().filter_map(|tag| tag.strip_prefix('h')?.parse::<u32>().ok()) {
        assert!(heading <= level + 1, "a heading of level {heading} below one of {level}");
        level = heading;
    }
    let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let colours: BTreeSet<&str> = style
        .split('#')
        .skip(1)
        .map(|rest| rest.split(|letter: char| !letter.is_ascii_hexdigit()).next().unwrap())
        .collect();
    // Text, and what it stands on; #d9d6e4 is a line that carries no meaning.
    let pairs = [
        ("2c2c2c", "ffffff"),
        ("2c2c2c", "f8f0dd"),
        ("2a2859", "ffffff"),
        ("2a2859", "f9c66b"),
        ("1f42aa", "ffffff"),
    ];
    assert_eq!(colours, ["1f42aa", "2a2859", "2c2c2c", "d9d6e4", "f8f0dd", "f9c66b", "fff"].into());
    for (text, ground) in pairs {
        let (text, ground) = (luminance(text), luminance(ground));
        assert!((ground + 0.05) / (text + 0.05) >= 4.5);
    }
}

/// Relative luminance, as WCAG defines it.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let part = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[test]
fn it_says_what_the_figures_are_and_are_not() {
    let (release, html) = page(|_| {});
    let escaped = |text: &str| text.replace('"', "&#34;").replace('\'', "&#39;");
    for figure in &release.workload.figures {
        for text in [&figure.definition.no, &figure.definition.en] {
            assert!(html.contains(&escaped(text)), "{text}");
        }
    }
    for text in &release.known_limits {
        assert!(html.contains(&escaped(&text.no)) && html.contains(&escaped(&text.en)), "{}", text.en);
    }
    for said in ["SYNTETISKE DATA", "SYNTHETIC DATA", "Slik viser du til tallene", "How to cite"] {
        assert!(html.contains(said), "{said}");
    }
    let (_, real) = page(|release| {
        release.synthetic = false;
        release.supersedes = Some("2023-00000000000000aa".to_owned());
    });
    assert!(!real.contains("SYNT") && real.contains("<code>2023-00000000000000aa</code>"));
}

#[test]
fn what_looks_like_html_is_text() {
    let (_, html) = page(|release| {
        release.tables[0].label =
            crate::Text::new("<script>alert(1)</script>", "a \"quoted\" & <b>bold</b> label");
    });
    assert!(!html.contains("<script>") && !html.contains("<b>") && html.contains("&#60;script&#62;"));
    tags(&html);
}
