//! How much one person-year may contribute.
use crate::Rho;

/// Upper bounds of the buckets for norms from 0 to `max_norm`: 0, 1, 2, 4, … `max_norm`.
pub fn buckets(max_norm: u64) -> Vec<u64> {
    let _ = max_norm;
    unimplemented!()
}
/// The bucket a norm falls into: exactly one, the last for all above.
pub fn bucket_of(norm: u64, buckets: &[u64]) -> usize {
    let _ = (norm, buckets);
    unimplemented!()
}
/// ‖vector‖₂ rounded up, in exact integer arithmetic.
pub fn norm(vector: &[i64]) -> u64 {
    let _ = vector;
    unimplemented!()
}
/// The C with the least predicted error: `noisy_hist` holds a count a bucket with noise of
/// standard deviation `hist_sd`; the answer has `cells` cells and its noise may cost `rho`.
pub fn choose_norm(noisy_hist: &[f64], hist_sd: f64, buckets: &[u64], cells: usize, rho: Rho) -> u64 {
    let _ = (noisy_hist, hist_sd, buckets, cells, rho);
    unimplemented!()
}
/// Scales a vector to an L2 norm of at most `c`, in integers rounded towards zero.
pub fn scale_to_norm(vector: &mut [i64], c: u64) {
    let _ = (vector, c);
    unimplemented!()
}
