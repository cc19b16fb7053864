//! Buffers that are wiped, also when they grow.

use zeroize::Zeroizing;

/// Bytes that hold what identifies somebody.
pub(crate) type Wiped = Zeroizing<Vec<u8>>;

/// A buffer with room for so many bytes.
pub(crate) fn buffer(capacity: usize) -> Wiped {
    Zeroizing::new(Vec::with_capacity(capacity))
}

/// Makes room for more bytes. A vector that grows by itself leaves what it held behind; this wipes it.
pub(crate) fn make_room(bytes: &mut Wiped, more: usize) {
    let needed = bytes.len() + more;
    if bytes.capacity() < needed {
        let mut larger = buffer(needed.max(2 * bytes.capacity()));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
}
