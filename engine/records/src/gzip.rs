//! gzip (RFC 1952): members of a header, deflated data, its CRC-32 and its length.
//!
//! The deflating is `flate2`'s. Its own gzip is not used because of what its checksum would cost the browser
//! ([`crate::checksum`]).

use crate::{checksum::crc32, codec::DecompressLimit};
use alloc::vec::Vec;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Magic, method "deflate", no flags, no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Bits of the header's flags: what follows the ten bytes.
const HAS_HEADER_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
/// Room that is made for more output, at least.
const ROOM_BYTES: usize = 4 << 10;

/// Why a stream cannot be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GzipError {
    /// It yields more than allowed.
    TooLarge,
    /// What is wrong with it, in words.
    Damaged(&'static str),
}

/// Adds one member with all of `data` to `out`.
pub fn compress(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&HEADER);
    let mut deflate = Compress::new(Compression::default(), false);
    loop {
        out.reserve(ROOM_BYTES);
        let read = deflate.total_in() as usize;
        let status = deflate.compress_vec(&data[read..], out, FlushCompress::Finish);
        if status.expect("deflating to memory cannot fail") == Status::StreamEnd {
            break;
        }
    }
    out.extend_from_slice(&crc32(data).to_le_bytes());
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
}

/// Decompresses all members, as Java's GZIPInputStream does.
pub fn decompress(mut data: &[u8], limit: DecompressLimit) -> Result<Vec<u8>, GzipError> {
    let mut out = Vec::new();
    loop {
        let start = out.len();
        let body = after_header(data)?;
        let rest = inflate(body, limit, &mut out)?;
        let (trailer, rest) = rest.split_first_chunk::<8>().ok_or(GzipError::Damaged("its end is cut off"))?;
        let (crc, length) = trailer.split_at(4);
        if crc != crc32(&out[start..]).to_le_bytes() || length != ((out.len() - start) as u32).to_le_bytes() {
            return Err(GzipError::Damaged("its checksum does not fit the data"));
        }
        if rest.is_empty() {
            return Ok(out);
        }
        data = rest;
    }
}

fn after_header(data: &[u8]) -> Result<&[u8], GzipError> {
    const CUT_OFF: GzipError = GzipError::Damaged("its header is cut off");
    let (header, mut rest) = data.split_first_chunk::<10>().ok_or(CUT_OFF)?;
    if header[..3] != HEADER[..3] {
        return Err(GzipError::Damaged("invalid gzip header"));
    }
    let flags = header[3];
    if flags & HAS_EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(CUT_OFF)?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..).ok_or(CUT_OFF)?;
    }
    for flag in [HAS_NAME, HAS_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(CUT_OFF)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HAS_HEADER_CRC != 0 {
        rest = rest.get(2..).ok_or(CUT_OFF)?;
    }
    Ok(rest)
}

/// Adds what `data` yields to `out`; returns what follows the deflated data.
fn inflate<'d>(data: &'d [u8], limit: DecompressLimit, out: &mut Vec<u8>) -> Result<&'d [u8], GzipError> {
    let mut inflate = Decompress::new(false);
    loop {
        // One byte more than the limit is asked for, to tell "just full" from "too much".
        let room = (limit.0 - out.len()).saturating_add(1);
        out.reserve(room.min(out.len().max(ROOM_BYTES)));
        let (read, had) = (inflate.total_in() as usize, out.len());
        let status = inflate.decompress_vec(&data[read..], out, FlushDecompress::None);
        let status = status.map_err(|_| GzipError::Damaged("its data is malformed"))?;
        if out.len() > limit.0 {
            return Err(GzipError::TooLarge);
        }
        let consumed = inflate.total_in() as usize;
        if status == Status::StreamEnd {
            return Ok(&data[consumed..]);
        }
        if consumed == read && out.len() == had {
            return Err(GzipError::Damaged("its data is cut off"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: DecompressLimit = DecompressLimit(1 << 20);

    fn compressed(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        compress(data, &mut out);
        out
    }

    /// A member with every optional part of the header: extra, name, comment and its checksum.
    fn with_a_long_header(data: &[u8]) -> Vec<u8> {
        let plain = compressed(data);
        let mut out = plain[..10].to_vec();
        out[3] = HAS_EXTRA | HAS_NAME | HAS_COMMENT | HAS_HEADER_CRC;
        out.extend_from_slice(b"\x03\x00abcname\0comment\0\x12\x34");
        out.extend_from_slice(&plain[10..]);
        out
    }

    proptest! {
        #[test]
        fn it_comes_back(data in prop::collection::vec(any::<u8>(), 0..20_000)) {
            prop_assert_eq!(decompress(&compressed(&data), LIMIT), Ok(data.clone()));
            prop_assert_eq!(decompress(&with_a_long_header(&data), LIMIT), Ok(data));
        }

        #[test]
        fn nothing_makes_it_panic(data in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200, flip in any::<u8>()) {
            let mut whole = with_a_long_header(&data);
            let place = cut % whole.len();
            whole[place] ^= flip;
            let _ = decompress(&whole, LIMIT);
            prop_assert!(decompress(&compressed(&data)[..place.min(compressed(&data).len() - 1)], LIMIT).is_err());
        }
    }

    #[test]
    fn members_are_read_one_after_the_other() {
        let both = [compressed(b"one"), with_a_long_header(b"two")].concat();
        assert_eq!(decompress(&both, LIMIT).unwrap(), b"onetwo");
        assert_eq!(decompress(&[&both[..], b"x"].concat(), LIMIT), Err(GzipError::Damaged("its header is cut off")));
    }

    #[test]
    fn the_limit_is_for_all_members() {
        let bomb = compressed(&[0; 100_000]);
        assert_eq!(decompress(&bomb, DecompressLimit(100_000)).map(|out| out.len()), Ok(100_000));
        assert_eq!(decompress(&bomb, DecompressLimit(99_999)), Err(GzipError::TooLarge));
        assert_eq!(decompress(&[&bomb[..], &bomb].concat(), DecompressLimit(150_000)), Err(GzipError::TooLarge));
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_said() {
        let mut damaged = compressed(b"some data");
        let place = damaged.len() - 8;
        damaged[place] ^= 1;
        assert_eq!(decompress(&damaged, LIMIT), Err(GzipError::Damaged("its checksum does not fit the data")));
    }
}
