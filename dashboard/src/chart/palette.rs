//! Oslo's colours, as far as they are used, and the contrast that they are held to.

/// Dark blue: text and headings.
pub const DARK_BLUE: &str = "#2a2859";
/// Warm blue: marks and links.
pub const WARM_BLUE: &str = "#1f42aa";
/// Dark green: exact figures.
pub const DARK_GREEN: &str = "#034b45";
/// Text on light ground.
pub const TEXT: &str = "#2c2c2c";
/// Beige: quiet surfaces.
pub const BEIGE: &str = "#f8f0dd";
/// Yellow: the banner, with dark text on it.
pub const YELLOW: &str = "#f9c66b";
/// A deep orange red for the chosen mark; Oslo's own red fails 3:1 on white.
pub const CHOSEN: &str = "#c2410c";
/// Red for what is wrong: text, and so darker than the chosen mark.
pub const ALARM: &str = "#a61b1b";
/// Grid lines: decoration, no information.
pub const GRID: &str = "#d9d6e4";
/// Interval band: its edges are drawn in [`WARM_BLUE`], so that it does not rest on this tint alone.
pub const BAND: &str = "#c9d3f0";

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn marks_stand_out_three_to_one_and_text_four_and_a_half() {
        for mark in [DARK_BLUE, WARM_BLUE, DARK_GREEN, CHOSEN] {
            for ground in ["#ffffff", BEIGE] {
                assert!(contrast(mark, ground) >= 3.0, "{mark} on {ground}");
            }
        }
        for ground in ["#ffffff", BEIGE, YELLOW] {
            assert!(contrast(TEXT, ground) >= 4.5, "text on {ground}");
            assert!(contrast(DARK_BLUE, ground) >= 4.5, "dark blue on {ground}");
        }
        for text in [ALARM, DARK_GREEN] {
            for ground in ["#ffffff", BEIGE] {
                assert!(contrast(text, ground) >= 4.5, "{text} on {ground}");
            }
        }
        assert!(crate::assets::STYLESHEET.contains(&format!("--alarm: {ALARM};")));
        assert!(contrast(WARM_BLUE, BAND) >= 3.0, "the line must be seen on its band");
    }
}
