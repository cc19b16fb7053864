//! How wide an interval may be for its figure to be shown.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::read::Source;
use super::{PolicyError, PolicyProblem as Problem};

/// The widest interval of a figure that is shown: a half-width up to `floor`, or up to `part_of_value` of the figure.
///
/// A relative limit alone would hide every small figure, however exact, and an absolute one alone every large one.
///
/// # Privacy
///
/// A rule on quality, and no part of the promise: it looks at the noise's standard deviation, which is public, and at the
/// noised value. It hides figures that say little, never ones that say much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Width {
    /// Half-width of the 95 % interval, in parts of the noised value.
    pub part_of_value: f64,
    /// A half-width up to this hides nothing.
    pub floor: f64,
}

impl Width {
    /// Whether a noised value with that half-width may be shown.
    pub fn allows(&self, value: f64, half_width: f64) -> bool {
        half_width <= self.floor.max(self.part_of_value * value)
    }
}

impl Source<'_> {
    pub(super) fn width(&self, raw: Option<Spanned<Width>>) -> Result<Option<Width>, PolicyError> {
        let Some(raw) = raw else { return Ok(None) };
        let width = *raw.get_ref();
        self.positive(&raw.span(), "suppress_wider_than part_of_value", width.part_of_value, None)?;
        if !(width.floor.is_finite() && width.floor >= 0.0) {
            return Err(self.wrong(&raw.span(), Problem::WidthFloor { value: width.floor }));
        }
        Ok(Some(width))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Policy, SHIPPED_POLICY, read};
    use super::*;

    fn with(line: &str) -> Result<Policy, PolicyError> {
        let shipped = SHIPPED_POLICY.lines().find(|line| line.starts_with("suppress_wider_than"));
        let text = SHIPPED_POLICY.replacen(shipped.expect("the shipped limit"), line, 1);
        read::parse(&text, "policy.toml", &mut read::shipped)
    }

    #[test]
    fn small_exact_and_large_rough_figures_are_shown() {
        let width = Width { part_of_value: 0.5, floor: 10.0 };
        assert!(width.allows(3.0, 10.0) && !width.allows(3.0, 10.1), "below the floor, whatever the value");
        assert!(width.allows(1000.0, 500.0) && !width.allows(1000.0, 500.1));
        assert!(!width.allows(-1000.0, 10.1), "nor has a negative value room for more");
        assert!(!width.allows(f64::NAN, 11.0) && !width.allows(5.0, f64::NAN));
    }

    #[test]
    fn a_limit_is_checked_and_may_be_left_out() {
        let none = with("").expect("a policy");
        assert_eq!(none.suppress_wider_than, None);
        assert!(!serde_json::to_string(&none).expect("JSON").contains("wider"), "its fingerprint stays");
        let some = with("suppress_wider_than = { part_of_value = 0.5, floor = 0 }").expect("a policy");
        assert_eq!(some.suppress_wider_than, Some(Width { part_of_value: 0.5, floor: 0.0 }));
        for (line, said) in [
            (
                "{ part_of_value = 0.0, floor = 1 }",
                "suppress_wider_than part_of_value is 0; it must be greater than 0",
            ),
            ("{ part_of_value = nan, floor = 1 }", "it must be greater than 0"),
            (
                "{ part_of_value = 1, floor = -1 }",
                "suppress_wider_than has the floor -1; it must be 0 or more",
            ),
            ("{ part_of_value = 1, floor = inf }", "it must be 0 or more"),
            ("{ part_of_value = 1 }", "missing field `floor`"),
            ("{ part_of_value = 1, floor = 1, of = 2 }", "unknown field `of`"),
        ] {
            let message = with(&format!("suppress_wider_than = {line}")).expect_err("refused").to_string();
            assert!(message.starts_with("policy.toml, line") && message.contains(said), "{line}: {message}");
        }
    }

    /// Whether figures are shown that say little about anything is no matter of anybody's protection.
    #[test]
    fn another_limit_promises_no_less() {
        let before = Policy::oslo().promise();
        assert!(with("").expect("a policy").promise().loosened_from(&before).is_empty());
    }
}
