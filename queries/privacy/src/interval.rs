//! Quantiles for intervals.
/// The two-sided standard normal quantile: 1.96 for 0.95.
pub fn z(confidence: f64) -> f64 {
    let _ = confidence;
    unimplemented!()
}
/// The two-sided Student quantile.
pub fn t(confidence: f64, degrees: f64) -> f64 {
    let _ = (confidence, degrees);
    unimplemented!()
}
/// The least whole w for which a discrete Gaussian is within ±w with at least this probability.
pub fn discrete_gaussian_half_width(sigma: f64, confidence: f64) -> f64 {
    let _ = (sigma, confidence);
    unimplemented!()
}
