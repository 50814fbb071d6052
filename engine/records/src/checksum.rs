//! The two checksums of the formats: CRC-32C of batches, indexes' neighbours and snapshots, and CRC-32 of gzip.
//!
//! Natively they are other people's fast code. In the browser these bring tables of 24 KiB, which do not compress and are a
//! fortieth of the whole download; there a small table is made when it is needed, which is quick enough for a lab.

/// CRC-32C (Castagnoli, RFC 3720): what Kafka writes into batches.
pub fn crc32c(bytes: &[u8]) -> u32 {
    #[cfg(not(target_family = "wasm"))]
    return ::crc32c::crc32c(bytes);
    #[cfg(target_family = "wasm")]
    return small::crc(small::CASTAGNOLI, bytes);
}

/// CRC-32 (RFC 1952): what ends a gzip member.
pub fn crc32(bytes: &[u8]) -> u32 {
    #[cfg(not(target_family = "wasm"))]
    return crc32fast::hash(bytes);
    #[cfg(target_family = "wasm")]
    return small::crc(small::GZIP, bytes);
}

#[cfg(any(test, target_family = "wasm"))]
mod small {
    /// The polynomial of CRC-32C, its bits reversed.
    pub const CASTAGNOLI: u32 = 0x82f6_3b78;
    /// The polynomial of CRC-32, its bits reversed.
    pub const GZIP: u32 = 0xedb8_8320;

    /// Either checksum, byte by byte with a table of 256 entries.
    pub fn crc(polynomial: u32, bytes: &[u8]) -> u32 {
        let table: [u32; 256] = core::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |crc, _| if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 })
        });
        !bytes.iter().fold(!0, |crc, byte| crc >> 8 ^ table[usize::from(crc as u8 ^ byte)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_sums() {
        assert_eq!((crc32c(b"123456789"), crc32(b"123456789")), (0xe306_9283, 0xcbf4_3926));
    }

    proptest! {
        #[test]
        fn small_and_fast_agree(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(small::crc(small::CASTAGNOLI, &bytes), crc32c(&bytes));
            prop_assert_eq!(small::crc(small::GZIP, &bytes), crc32(&bytes));
        }
    }
}
