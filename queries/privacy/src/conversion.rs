//! ρ in words people know: (ε, δ).
use crate::Rho;
/// The ε for which ρ-zCDP implies (ε, δ)-differential privacy.
pub fn epsilon(rho: Rho, delta: f64) -> f64 {
    let _ = (rho, delta);
    unimplemented!()
}
/// The largest ρ whose [`epsilon`] at `delta` is at most `epsilon`.
pub fn rho_for_epsilon(epsilon: f64, delta: f64) -> Rho {
    let _ = (epsilon, delta);
    unimplemented!()
}
