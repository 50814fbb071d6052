//! The bytes of keys and values in `__consumer_offsets`: Kafka's own message format, in its old and its flexible form.
//!
//! ```text
//! old       string = i16 length, bytes        array = i32 count, items       null string: length -1
//! flexible  string = varint length+1, bytes   array = varint count+1, items  null string: 0
//! ```
//!
//! Nothing is believed of a length before the bytes are there.

use super::RecordError;
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use uuid::Uuid;

/// Writes fields one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    flexible: bool,
}

impl Writer {
    pub(super) fn new(version: i16, flexible: bool) -> Self {
        let mut writer = Writer { bytes: Vec::new(), flexible };
        writer.i16(version);
        writer
    }

    pub(super) fn finish(self) -> Bytes {
        Bytes::from(self.bytes)
    }

    pub(super) fn i8(&mut self, value: i8) {
        self.bytes.push(value as u8);
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn uuid(&mut self, value: Uuid) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn string(&mut self, value: &str) {
        match self.flexible {
            true => self.varint(value.len() as u32 + 1),
            false => self.i16(value.len() as i16),
        }
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None if self.flexible => self.varint(0),
            None => self.i16(-1),
        }
    }

    pub(super) fn blob(&mut self, value: &[u8]) {
        self.count(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// The number of items that follow.
    pub(super) fn count(&mut self, count: usize) {
        match self.flexible {
            true => self.varint(count as u32 + 1),
            false => self.i32(count as i32),
        }
    }

    /// The end of a flexible structure: its tagged fields. Each is written whole, with its tag.
    pub(super) fn tagged(&mut self, fields: &[(u32, Vec<u8>)]) {
        self.varint(fields.len() as u32);
        for (tag, bytes) in fields {
            self.varint(*tag);
            self.varint(bytes.len() as u32);
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// A flexible structure that is the content of a tagged field.
    pub(super) fn inner() -> Self {
        Writer { bytes: Vec::new(), flexible: true }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// Reads fields one after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// Begins with the version, which every key and value begins with.
    pub(super) fn new(bytes: &'a [u8]) -> Result<(i16, Self), RecordError> {
        let mut reader = Reader { bytes, flexible: false };
        let version = reader.i16()?;
        Ok((version, reader))
    }

    pub(super) fn flexible(mut self, flexible: bool) -> Self {
        self.flexible = flexible;
        self
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(RecordError::TooShort)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| RecordError::TooShort)
    }

    pub(super) fn i8(&mut self) -> Result<i8, RecordError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub(super) fn i16(&mut self) -> Result<i16, RecordError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, RecordError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, RecordError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, RecordError> {
        Ok(Uuid::from_bytes(self.array()?))
    }

    pub(super) fn string(&mut self) -> Result<String, RecordError> {
        self.nullable_string()?.ok_or(RecordError::Null)
    }

    pub(super) fn nullable_string(&mut self) -> Result<Option<String>, RecordError> {
        let length = match self.flexible {
            true => i64::from(self.varint()?) - 1,
            false => i64::from(self.i16()?),
        };
        let Ok(length) = usize::try_from(length) else { return Ok(None) };
        let text = core::str::from_utf8(self.take(length)?).map_err(|_| RecordError::NotText)?;
        Ok(Some(text.into()))
    }

    pub(super) fn blob(&mut self) -> Result<Bytes, RecordError> {
        let length = self.count()?;
        Ok(Bytes::copy_from_slice(self.take(length)?))
    }

    /// The number of items that follow; a null array has none.
    pub(super) fn count(&mut self) -> Result<usize, RecordError> {
        let count = match self.flexible {
            true => i64::from(self.varint()?) - 1,
            false => i64::from(self.i32()?),
        };
        let count = usize::try_from(count).unwrap_or(0);
        // Every item takes a byte at least.
        if count > self.bytes.len() { Err(RecordError::TooShort) } else { Ok(count) }
    }

    /// The end of a flexible structure: its tagged fields.
    pub(super) fn tagged(&mut self) -> Result<Vec<(u32, Reader<'a>)>, RecordError> {
        let mut fields = Vec::new();
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let length = self.varint()? as usize;
            fields.push((tag, Reader { bytes: self.take(length)?, flexible: true }));
        }
        Ok(fields)
    }

    /// A single byte that says whether a nullable structure follows: 1 does, -1 does not.
    pub(super) fn is_there(&mut self) -> Result<bool, RecordError> {
        Ok(self.i8()? >= 0)
    }

    fn varint(&mut self) -> Result<u32, RecordError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RecordError::TooShort)
    }
}
