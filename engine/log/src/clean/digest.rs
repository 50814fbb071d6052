//! A key as sixteen bytes: SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast short-input PRF").
//!
//! Kafka's offset map digests keys with MD5. This one is quicker and has a secret: whoever does not know it cannot make two
//! keys that look the same, of which compaction would remove one.

use siphasher::sip128::SipHasher24;

/// Sixteen bytes that stand for a key.
pub type Digest = [u64; 2];

/// The secret: any number that clients cannot guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestSecret(pub u64, pub u64);

/// The digest of `key`.
pub fn digest(secret: DigestSecret, key: &[u8]) -> Digest {
    let hash = SipHasher24::new_with_keys(secret.0, secret.1).hash(key);
    [hash.h1, hash.h2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// The first and the last of the reference implementation's vectors (`vectors.h`): key 00 01 .. 0f, input 00 01 ...
    #[test]
    fn the_reference_vectors() {
        let secret = DigestSecret(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        let bytes =
            |key: &[u8]| -> Vec<u8> { digest(secret, key).iter().flat_map(|word| word.to_le_bytes()).collect() };
        assert_eq!(
            bytes(&[]),
            [0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93]
        );
        assert_eq!(
            bytes(&[0]),
            [0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45]
        );
    }

    #[test]
    fn the_secret_matters() {
        assert_ne!(digest(DigestSecret(1, 2), b"key"), digest(DigestSecret(2, 1), b"key"));
    }
}
