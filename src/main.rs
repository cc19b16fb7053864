//! The command `skjerm`.

fn main() {}
