//! The stylesheet and the mark, part of the program: the pages load nothing from elsewhere.

use std::sync::LazyLock;

/// The stylesheet.
pub(crate) const STYLESHEET: &str = include_str!("../assets/skjerm.css");
/// The mark, as an icon.
pub(crate) const ICON: &str = include_str!("../assets/skjerm.svg");

static PATH: LazyLock<String> = LazyLock::new(|| format!("/assets/skjerm.css?v={}", version(STYLESHEET)));

/// Where the stylesheet is; its address changes with its content, so that it can be cached for long.
pub(crate) fn stylesheet_path() -> &'static str {
    &PATH
}

/// FNV-1a: a name for a version, not a protection.
fn version(content: &str) -> String {
    let hash = content.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
