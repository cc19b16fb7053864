//! Numbers drawn for intervals. No noise that protects anybody is drawn so.

/// Standard normal numbers from a seed, by Box and Muller's method on BLAKE3's output.
#[derive(Clone)]
pub(super) struct Normal {
    output: blake3::OutputReader,
    spare: Option<f64>,
}

impl Normal {
    pub(super) fn new(seed: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("skjerm 2026 engine draws of intervals v1");
        hasher.update(seed.as_bytes());
        Self { output: hasher.finalize_xof(), spare: None }
    }

    pub(super) fn uniform(&mut self) -> f64 {
        let mut bytes = [0; 8];
        self.output.fill(&mut bytes);
        // 53 bits, never 0.
        ((u64::from_le_bytes(bytes) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(super) fn next(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        self.spare = Some(radius * angle.sin());
        radius * angle.cos()
    }
}
