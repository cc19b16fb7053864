//! Small numbers as Parquet packs them: runs of one number, and groups of eight packed into the bits that they need.
//!
//! The library's own coder is not public. This one takes the same decisions, which the format leaves open: where a run
//! ends, and how long one of packed groups may be. The tests of [`super::edit`] hold it to the library's.

/// How many numbers are packed together: sixteen bytes at most.
const GROUP: usize = 8;
/// The most groups that the library packs in a run.
const MOST_GROUPS: u8 = 63;

/// The `count` numbers that these bytes are; nothing if they hold fewer, one that is too wide, or something behind them.
pub(super) fn decode(mut bytes: &[u8], width: u32, count: usize) -> Option<Vec<u16>> {
    if width > u16::BITS {
        return None;
    }
    let mut numbers = Vec::with_capacity(count + GROUP);
    while numbers.len() < count {
        let missing = count - numbers.len();
        let header = varint(&mut bytes)?;
        let length = usize::try_from(header >> 1).ok().filter(|length| *length > 0)?;
        if header & 1 == 0 {
            let number = low(whole(bytes.split_off(..bytes_of(width))?));
            if number > greatest(width) {
                return None;
            }
            numbers.resize(numbers.len() + length.min(missing), number);
            continue;
        }
        let packed = bytes.split_off(..length.checked_mul(width as usize)?)?;
        if width == 0 {
            numbers.resize(count.min(numbers.len() + length * GROUP), 0);
        }
        for group in packed.chunks(width.max(1) as usize).take(missing.div_ceil(GROUP)) {
            let group = whole(group);
            numbers.extend((0..8).map(|at| low(group >> (at * width)) & greatest(width)));
        }
        numbers.truncate(count);
    }
    bytes.is_empty().then_some(numbers)
}

/// Packs numbers of so many bits: the same number eight times or more, from where the groups before it are full, is a run.
pub(super) fn encode(numbers: &[u16], width: u32, into: &mut Vec<u8>) {
    let mut packed = Packed::default();
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|number| *number == first).count();
        // What is left at the end is a run too, unless it goes on packed groups.
        if same >= GROUP || same == rest.len() && packed.groups == 0 {
            packed = Packed::default();
            put_varint(same * 2, into);
            into.extend_from_slice(&first.to_le_bytes()[..bytes_of(width)]);
            rest = &rest[same..];
        } else {
            let (group, after) = rest.split_at(rest.len().min(GROUP));
            packed.put(group, width, into);
            rest = after;
        }
    }
}

/// A run of packed groups that may go on.
#[derive(Default)]
struct Packed {
    /// Where it says how many they are.
    header: usize,
    groups: u8,
}

impl Packed {
    fn put(&mut self, group: &[u16], width: u32, into: &mut Vec<u8>) {
        if self.groups == 0 {
            self.header = into.len();
            into.push(0);
        }
        let bits = group.iter().rev().fold(0, |bits, number| bits << width | u128::from(*number));
        into.extend_from_slice(&bits.to_le_bytes()[..width as usize]);
        self.groups += 1;
        into[self.header] = self.groups << 1 | 1;
        if self.groups == MOST_GROUPS {
            self.groups = 0;
        }
    }
}

/// Bits that a number needs.
pub(super) fn width_of(number: u16) -> u32 {
    u16::BITS - number.leading_zeros()
}

/// The greatest number of so many bits.
fn greatest(width: u32) -> u16 {
    u16::MAX.checked_shr(u16::BITS - width).unwrap_or(0)
}

fn bytes_of(width: u32) -> usize {
    width.div_ceil(8) as usize
}

/// The number that these bytes, at most sixteen, are.
fn whole(bytes: &[u8]) -> u128 {
    let mut all = [0; 16];
    all[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(all)
}

fn low(bits: u128) -> u16 {
    let [first, second, ..] = bits.to_le_bytes();
    u16::from_le_bytes([first, second])
}

/// A number in groups of seven bits, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn put_varint(mut number: usize, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    into.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_and_groups_are_where_the_format_has_them() {
        let packed = |numbers: &[u16], width| {
            let mut bytes = Vec::<u8>::new();
            encode(numbers, width, &mut bytes);
            bytes
        };
        assert!(packed(&[], 0).is_empty());
        assert_eq!(packed(&[0; 3], 0), [6]);
        assert_eq!(packed(&[5; 200], 9), [0x90, 3, 5, 0]);
        // The example of the format's description.
        assert_eq!(packed(&[0, 1, 2, 3, 4, 5, 6, 7], 3), [3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        // Eight of the same, but not in one group: both are packed, the rest filled with zeros.
        assert_eq!(packed(&[0, 1, 1, 1, 1, 1, 1, 1, 1, 1], 1), [5, 0b1111_1110, 0b11]);
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_packed(
            width in 0..=u16::BITS,
            runs in prop::collection::vec((any::<u16>(), prop_oneof![1..4_usize, 1..30_usize, 500..600_usize]), 0..60),
        ) {
            let runs = runs.into_iter().map(|(number, length)| (number & greatest(width), length));
            let numbers: Vec<u16> = runs.flat_map(|(number, length)| vec![number; length]).collect();
            let mut bytes = Vec::new();
            encode(&numbers, width, &mut bytes);
            prop_assert_eq!(decode(&bytes, width, numbers.len()), Some(numbers.clone()));
            let short = &bytes[..bytes.len().saturating_sub(1)];
            prop_assert!(numbers.is_empty() || decode(short, width, numbers.len()).is_none());
            bytes.push(0);
            prop_assert!(decode(&bytes, width, numbers.len()).is_none());
        }

        #[test]
        fn any_bytes_are_numbers_or_none(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            width in prop_oneof![0..20_u32, any::<u32>()],
            count in 0..3000_usize,
        ) {
            if let Some(numbers) = decode(&bytes, width, count) {
                prop_assert_eq!(numbers.len(), count);
                prop_assert!(numbers.iter().all(|number| *number <= greatest(width)));
            }
        }
    }
}
