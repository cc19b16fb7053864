//! The pages: each takes published figures and gives HTML. No I/O here.

mod about;
mod districts;
mod figure;
mod figures;
mod message;
mod releases;
mod scene;
mod steward;
mod trend;

pub use about::about;
pub use districts::{Choice as DistrictChoice, districts};
pub use figures::figures;
pub use message::{fault, missing, no_entry, nothing_yet, read_only, shut};
pub use releases::releases;
pub use scene::scene;
pub use steward::steward;
pub use trend::trend;

use crate::{
    assets,
    text::{Lang, Text, number},
};

/// Which entry of the menu a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `/`
    Figures,
    /// `/districts`
    Districts,
    /// `/trend`
    Trend,
    /// `/scene`
    Scene,
    /// `/releases`
    Releases,
    /// `/about`
    About,
    /// `/steward`
    Steward,
    /// None of them: a page that is not there.
    Nowhere,
}

impl Place {
    /// The path; what is nowhere leads home.
    pub fn path(self) -> &'static str {
        match self {
            Self::Figures | Self::Nowhere => "/",
            Self::Districts => "/districts",
            Self::Trend => "/trend",
            Self::Scene => "/scene",
            Self::Releases => "/releases",
            Self::About => "/about",
            Self::Steward => "/steward",
        }
    }
}

/// A link in a row of links.
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) label: String,
    pub(crate) current: bool,
}

/// What every page knows: its language, its address, and whether the data are synthetic.
#[derive(Debug, Clone)]
pub struct Page {
    /// Language.
    pub lang: Lang,
    /// The data are synthetic: the banner is shown.
    pub synthetic: bool,
    /// Where in the menu.
    pub place: Place,
    /// The query of the address without the language, to keep when the language is changed.
    pub query: Vec<(&'static str, String)>,
    /// The same figures as JSON.
    pub api: Option<String>,
}

impl Page {
    fn text(&self) -> &'static Text {
        self.lang.text()
    }

    fn lang_param(&self) -> &'static str {
        self.lang.pick("no", "en")
    }

    fn other(&self) -> Lang {
        self.lang.pick(Lang::En, Lang::No)
    }

    #[allow(clippy::unused_self)] // called by the template, which knows the page only
    fn stylesheet(&self) -> &'static str {
        assets::stylesheet_path()
    }

    /// An address of ours in the page's language.
    fn link(&self, path: &str) -> String {
        self.link_with(path, &[])
    }

    fn link_with(&self, path: &str, query: &[(&str, &str)]) -> String {
        address(self.lang, path, query)
    }

    fn other_language(&self) -> String {
        let query: Vec<_> = self.query.iter().map(|(k, v)| (*k, v.as_str())).collect();
        address(self.other(), self.place.path(), &query)
    }

    fn menu(&self) -> Vec<Link> {
        let text = self.text();
        // Who is not in does not read of the steward's page.
        let steward = (self.place == Place::Steward).then_some((Place::Steward, text.steward.nav));
        [
            (Place::Figures, text.figures.nav),
            (Place::Districts, text.districts.nav),
            (Place::Trend, text.trend.nav),
            (Place::Scene, text.scene.nav),
            (Place::Releases, text.releases.nav),
            (Place::About, text.about.nav),
        ]
        .into_iter()
        .chain(steward)
        .map(|(place, label)| Link {
            href: self.link(place.path()),
            label: label.to_owned(),
            current: place == self.place,
        })
        .collect()
    }

    /// The switch of years on a page.
    fn years(&self, years: &[i32], current: i32, more: &[(&str, &str)]) -> Vec<Link> {
        years
            .iter()
            .map(|year| {
                let label = year.to_string();
                let mut query = vec![("year", label.as_str())];
                query.extend_from_slice(more);
                Link { href: self.link_with(self.place.path(), &query), current: *year == current, label }
            })
            .collect()
    }
}

/// Norwegian is what an address without `lang` means.
fn address(lang: Lang, path: &str, query: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in query {
        out.append_pair(key, value);
    }
    if lang == Lang::En {
        out.append_pair("lang", "en");
    }
    let query = out.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// With a capital first letter: names that begin a heading.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A release as a page names it.
pub(crate) struct Release {
    pub(crate) id: String,
    pub(crate) published: String,
}

impl Release {
    pub(crate) fn new(lang: Lang, release: &crate::model::ReleaseRef) -> Self {
        let published = release.published.as_deref().map(|d| number::date(lang, d)).unwrap_or_default();
        Self { id: release.id.clone(), published }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_the_language_and_escape_values() {
        assert_eq!(address(Lang::No, "/", &[]), "/");
        assert_eq!(address(Lang::En, "/", &[]), "/?lang=en");
        assert_eq!(address(Lang::En, "/trend", &[("figure", "a&b=c")]), "/trend?figure=a%26b%3Dc&lang=en");
    }

    #[test]
    fn the_other_language_is_the_same_page() {
        let page = Page {
            lang: Lang::En,
            synthetic: false,
            place: Place::Districts,
            query: vec![("year", "2023".into()), ("rate", "1".into())],
            api: None,
        };
        assert_eq!(page.other_language(), "/districts?year=2023&rate=1");
        assert!(page.menu().iter().all(|l| l.href.ends_with("lang=en")));
        assert_eq!(page.menu().iter().filter(|l| l.current).count(), 1);
    }
}
