//! A key as sixteen bytes: SipHash-2-4 with 128 bits of output (Aumasson, Bernstein: "SipHash: a fast short-input PRF").
//!
//! Kafka's offset map digests keys with MD5. This one is quicker and has a secret: whoever does not know it cannot make two
//! keys that look the same, of which compaction would remove one.

/// Sixteen bytes that stand for a key.
pub type Digest = [u64; 2];

/// The secret: any number that clients cannot guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestSecret(pub u64, pub u64);

/// The digest of `key`.
pub fn digest(secret: DigestSecret, key: &[u8]) -> Digest {
    let mut state = State([
        secret.0 ^ 0x736f_6d65_7073_6575,
        secret.1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        secret.0 ^ 0x6c79_6765_6e65_7261,
        secret.1 ^ 0x7465_6462_7974_6573,
    ]);
    let (words, rest) = key.as_chunks();
    for word in words {
        state.absorb(u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = key.len() as u8;
    state.absorb(u64::from_le_bytes(last));
    state.0[2] ^= 0xee;
    let first = state.squeeze();
    state.0[1] ^= 0xdd;
    [first, state.squeeze()]
}

/// Four words, as the paper calls them v0 to v3.
struct State([u64; 4]);

impl State {
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn squeeze(&mut self) -> u64 {
        (0..4).for_each(|_| self.round());
        self.0.iter().fold(0, |all, word| all ^ word)
    }

    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.0;
        *v0 = v0.wrapping_add(*v1);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v3);
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.wrapping_add(*v3);
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.wrapping_add(*v1);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v2 = v2.rotate_left(32);
    }
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
