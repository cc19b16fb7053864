//! A privacy filter: whether the next release still fits, when its price depends on earlier answers.
//!
//! # Privacy
//!
//! *Unit*: that of the losses given to it. *Mechanism*: it adds up losses and refuses the one that
//! would carry either component past the limit. *Claim*: whatever is released through it is together
//! δ-approximate ρ-zCDP for the (ρ, δ) of the limit, also when an analyst chooses every question *and
//! its price* after seeing all answers before it. Plain composition says this only for prices that were
//! fixed beforehand. *Argument*: Whitehouse, Ramdas, Rogers, Wu, "Fully-Adaptive Composition in
//! Differential Privacy" (2023), their filter for approximate zCDP: a sequence of mechanisms, each
//! δᵢ-approximate ρᵢ-zCDP given what came before, that stops before Σρᵢ > ρ or Σδᵢ > δ is δ-approximate
//! ρ-zCDP; for Rényi divergence alone already Feldman, Zrnic, "Individual Privacy Accounting via a Rényi
//! Filter" (2021). The word is of Rogers, Roth, Ullman, Vadhan, "Privacy Odometers and Filters" (2016).
//! To go on with a cheaper question after a refusal is covered: a refusal reads no data, so it is a step
//! of loss (0, 0), and whether it came depends on prices alone.
//!
//! *Rounding.* Losses are whole numbers and were rounded up when they were charged, so the sum is
//! exact: no accumulated float error can flatter it.

use crate::Loss;

/// A limit, and what has been spent of it. The limit is fixed when it is made: a filter whose limit
/// could follow the answers would promise nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    limit: Loss,
    spent: Loss,
}

impl Filter {
    /// A filter of which `spent` is gone already. It may be more than `limit` (a policy that was
    /// lowered); then nothing is left in that component.
    pub const fn new(limit: Loss, spent: Loss) -> Self {
        Self { limit, spent }
    }

    /// What still fits.
    pub fn left(&self) -> Loss {
        self.limit.saturating_sub(self.spent)
    }

    /// Spends `loss` if it fits in what is left; else spends nothing, and the error is what is left.
    ///
    /// ```
    /// use skjerm_privacy::{Filter, Loss, Rho};
    /// let rho = |nano| Loss::pure(Rho::from_nano(nano));
    /// let mut filter = Filter::new(rho(10), rho(6));
    /// assert_eq!(filter.admit(rho(5)), Err(rho(4)));
    /// assert_eq!(filter.admit(rho(4)), Ok(()));
    /// ```
    pub fn admit(&mut self, loss: Loss) -> Result<(), Loss> {
        let left = self.left();
        match self.spent.checked_add(loss) {
            Some(total) if loss.fits_in(left) => {
                self.spent = total;
                Ok(())
            }
            _ => Err(left),
        }
    }

    /// What has been spent, with what was gone already.
    pub const fn spent(&self) -> Loss {
        self.spent
    }

    /// The limit.
    pub const fn limit(&self) -> Loss {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Delta, Rho};

    fn loss(most: u64) -> impl Strategy<Value = Loss> {
        (0..=most, 0..=most)
            .prop_map(|(nano, atto)| Loss { rho: Rho::from_nano(nano), delta: Delta::from_atto(atto) })
    }

    proptest! {
        #[test]
        fn never_past_the_limit_and_never_refuses_what_fits(
            limit in loss(1_000),
            losses in prop::collection::vec(loss(200), 0..60),
        ) {
            let mut filter = Filter::new(limit, Loss::ZERO);
            let (mut rho, mut delta) = (0, 0);
            for one in losses {
                let fits = rho + one.rho.nano() <= limit.rho.nano()
                    && delta + one.delta.atto() <= limit.delta.atto();
                let (before, left) = (filter.spent(), filter.left());
                match filter.admit(one) {
                    Ok(()) => {
                        prop_assert!(fits);
                        rho += one.rho.nano();
                        delta += one.delta.atto();
                    }
                    Err(said) => {
                        prop_assert!(!fits);
                        prop_assert_eq!((said, filter.spent()), (left, before));
                    }
                }
                prop_assert!(filter.spent().fits_in(limit));
                prop_assert_eq!((filter.spent().rho.nano(), filter.spent().delta.atto()), (rho, delta));
            }
        }

        #[test]
        fn a_limit_below_what_is_spent_admits_only_what_is_free(limit in loss(10), one in loss(10)) {
            let spent = Loss { rho: Rho::from_nano(11), delta: Delta::from_atto(11) };
            prop_assert_eq!(Filter::new(limit, spent).admit(one).is_ok(), one.is_zero());
        }
    }

    #[test]
    fn amounts_at_the_top_do_not_wrap() {
        let most = Loss { rho: Rho::MAX, delta: Delta::ONE };
        let mut filter = Filter::new(most, Loss::ZERO);
        assert_eq!(filter.admit(most), Ok(()));
        assert_eq!(filter.admit(most), Err(Loss::ZERO));
        assert_eq!(filter.admit(Loss::ZERO), Ok(()));
    }
}
