//! Zigzag varints, as protobuf and Kafka's record format write them: seven bits per byte, lowest first, the top bit says
//! that more follow; zigzag (0, -1, 1, -2, ...) keeps small negative numbers short.
//!
//! Not here: the unsigned varints of flexible protocol versions; they belong to requests, not to records.

use alloc::vec::Vec;

/// Longest `varint` (an `int32`) in bytes.
pub const VARINT_MAX: usize = 5;
/// Longest `varlong` (an `int64`) in bytes.
pub const VARLONG_MAX: usize = 10;

/// Reads an `int32` at `*position` and moves the position behind it. `None`: cut off, or longer than five bytes.
pub fn read_varint(bytes: &[u8], position: &mut usize) -> Option<i32> {
    let raw = read_unsigned(bytes, position, VARINT_MAX)?;
    // Like Kafka, drop what the fifth byte holds beyond 32 bits.
    let raw = raw as u32;
    Some(((raw >> 1) as i32) ^ -((raw & 1) as i32))
}

/// Reads an `int64` at `*position` and moves the position behind it. `None`: cut off, or longer than ten bytes.
pub fn read_varlong(bytes: &[u8], position: &mut usize) -> Option<i64> {
    let raw = read_unsigned(bytes, position, VARLONG_MAX)?;
    Some(((raw >> 1) as i64) ^ -((raw & 1) as i64))
}

/// Writes an `int32` or an `int64`: the bytes are the same.
pub fn write_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = zigzag(value);
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// How many bytes [`write_varlong`] writes.
pub fn varlong_size(value: i64) -> usize {
    let bits = 64 - zigzag(value).leading_zeros() as usize;
    bits.div_ceil(7).max(1)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn read_unsigned(bytes: &[u8], position: &mut usize, length_max: usize) -> Option<u64> {
    let rest = bytes.get(*position..)?;
    let mut value = 0_u64;
    for (index, byte) in rest.iter().take(length_max).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index as u32);
        if byte & 0x80 == 0 {
            *position += index + 1;
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ByteUtilsTest.testVarintSerde and testVarlongSerde have these pairs.
    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i64::from(i32::MIN), &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ] {
            let mut out = Vec::new();
            write_varlong(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn endless_and_cut_off_varints_are_refused() {
        assert_eq!(read_varint(&[0x80; 6], &mut 0), None);
        assert_eq!(read_varlong(&[0x80; 11], &mut 0), None);
        assert_eq!(read_varint(&[0x80], &mut 0), None);
        assert_eq!(read_varint(&[], &mut 0), None);
        assert_eq!(read_varint(&[0], &mut 9), None);
    }

    proptest! {
        #[test]
        fn round_trip(value: i64) {
            let mut out = Vec::new();
            write_varlong(&mut out, value);
            prop_assert_eq!(out.len(), varlong_size(value));
            let mut position = 0;
            prop_assert_eq!(read_varlong(&out, &mut position), Some(value));
            prop_assert_eq!(position, out.len());
            if let Ok(value) = i32::try_from(value) {
                prop_assert_eq!(read_varint(&out, &mut 0), Some(value));
            }
        }
    }
}
