//! The flexible encoding (KIP-482) that every metadata record uses: big-endian numbers, lengths as varints plus one, and
//! tagged fields at the end.

use super::RecordError;
use alloc::{string::String, vec::Vec};
use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

/// Writes fields one after the other.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: BytesMut,
}

impl Writer {
    pub fn varint(&mut self, value: u32) {
        let mut value = value;
        while value >= 0x80 {
            self.out.put_u8((value as u8) | 0x80);
            value >>= 7;
        }
        self.out.put_u8(value as u8);
    }

    pub fn bool(&mut self, value: bool) {
        self.out.put_u8(value.into());
    }

    pub fn i8(&mut self, value: i8) {
        self.out.put_i8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.out.put_i16(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.out.put_u16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.out.put_i32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.out.put_i64(value);
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.out.put_slice(value.as_bytes());
    }

    pub fn string(&mut self, value: &str) {
        self.length(value.len());
        self.out.put_slice(value.as_bytes());
    }

    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.varint(0),
        }
    }

    pub fn i32s(&mut self, values: &[i32]) {
        self.array(values, |out, value| out.i32(*value));
    }

    pub fn uuids(&mut self, values: &[Uuid]) {
        self.array(values, |out, value| out.uuid(*value));
    }

    pub fn array<T>(&mut self, values: &[T], mut write: impl FnMut(&mut Writer, &T)) {
        self.length(values.len());
        values.iter().for_each(|value| write(self, value));
    }

    /// The tagged fields of a record, in the order of their tags.
    pub fn tagged_fields(&mut self, tags: Tags) {
        self.varint(tags.fields.len() as u32);
        for (tag, field) in tags.fields {
            self.varint(tag);
            self.varint(field.len() as u32);
            self.out.put_slice(&field);
        }
    }

    pub fn finish(self) -> Bytes {
        self.out.freeze()
    }

    fn length(&mut self, length: usize) {
        self.varint(length as u32 + 1);
    }
}

/// The tagged fields that differ from their defaults; the others are not written.
#[derive(Debug, Default)]
pub(super) struct Tags {
    fields: Vec<(u32, Bytes)>,
}

impl Tags {
    /// Adds a field, if there is a value. Tags have to be added in their order.
    pub fn add<T>(mut self, tag: u32, value: Option<T>, write: impl FnOnce(&mut Writer, T)) -> Self {
        assert!(self.fields.last().is_none_or(|(last, _)| *last < tag), "tags ascend");
        if let Some(value) = value {
            let mut out = Writer::default();
            write(&mut out, value);
            self.fields.push((tag, out.finish()));
        }
        self
    }
}

/// Reads fields one after the other. Every length is checked against what is left before memory is reserved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    record: &'static str,
}

type Result<T> = core::result::Result<T, RecordError>;

impl<'a> Reader<'a> {
    /// A reader of a record of this name.
    pub fn new(bytes: &'a [u8], record: &'static str) -> Self {
        Reader { bytes, record }
    }

    /// The rest, as a record of this name.
    pub fn named(self, record: &'static str) -> Self {
        Reader { record, ..self }
    }

    pub fn varint(&mut self, field: &'static str) -> Result<u32> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take(field)?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed(field))
    }

    pub fn bool(&mut self, field: &'static str) -> Result<bool> {
        Ok(self.take(field)? != [0])
    }

    pub fn i8(&mut self, field: &'static str) -> Result<i8> {
        self.take(field).map(i8::from_be_bytes)
    }

    pub fn i16(&mut self, field: &'static str) -> Result<i16> {
        self.take(field).map(i16::from_be_bytes)
    }

    pub fn u16(&mut self, field: &'static str) -> Result<u16> {
        self.take(field).map(u16::from_be_bytes)
    }

    pub fn i32(&mut self, field: &'static str) -> Result<i32> {
        self.take(field).map(i32::from_be_bytes)
    }

    pub fn i64(&mut self, field: &'static str) -> Result<i64> {
        self.take(field).map(i64::from_be_bytes)
    }

    pub fn uuid(&mut self, field: &'static str) -> Result<Uuid> {
        self.take(field).map(Uuid::from_bytes)
    }

    pub fn string(&mut self, field: &'static str) -> Result<String> {
        self.nullable_string(field)?.ok_or(self.malformed(field))
    }

    pub fn nullable_string(&mut self, field: &'static str) -> Result<Option<String>> {
        let Some(length) = self.length(field)? else { return Ok(None) };
        let bytes = self.slice(field, length)?;
        core::str::from_utf8(bytes).map(|string| Some(string.into())).map_err(|_| self.malformed(field))
    }

    pub fn i32s(&mut self, field: &'static str) -> Result<Vec<i32>> {
        self.array(field, |reader| reader.i32(field))
    }

    pub fn uuids(&mut self, field: &'static str) -> Result<Vec<Uuid>> {
        self.array(field, |reader| reader.uuid(field))
    }

    /// An array that must not be null.
    pub fn array<T>(&mut self, field: &'static str, read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.nullable_array(field, read)?.ok_or(self.malformed(field))
    }

    /// An array. Elements are read one by one; nothing is reserved for those that were only announced.
    pub fn nullable_array<T>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Option<Vec<T>>> {
        let Some(length) = self.length(field)? else { return Ok(None) };
        let mut elements = Vec::new();
        for _ in 0..length {
            elements.push(read(self)?);
        }
        Ok(Some(elements))
    }

    /// The tagged fields at the end of a struct. `read` gets each with its tag, and ignores those it does not know.
    pub fn tagged_fields(&mut self, mut read: impl FnMut(u32, &mut Reader<'a>) -> Result<()>) -> Result<()> {
        let field = "tagged fields";
        for _ in 0..self.varint(field)? {
            let tag = self.varint(field)?;
            let length = self.varint(field)? as usize;
            let mut value = Reader { bytes: self.slice(field, length)?, record: self.record };
            read(tag, &mut value)?;
        }
        Ok(())
    }

    /// A compact length: the length plus one, or 0 for null.
    fn length(&mut self, field: &'static str) -> Result<Option<usize>> {
        Ok(self.varint(field)?.checked_sub(1).map(|length| length as usize))
    }

    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let Some((taken, rest)) = self.bytes.split_first_chunk() else { return Err(self.malformed(field)) };
        self.bytes = rest;
        Ok(*taken)
    }

    fn slice(&mut self, field: &'static str, length: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.bytes.split_at_checked(length) else { return Err(self.malformed(field)) };
        self.bytes = rest;
        Ok(taken)
    }

    fn malformed(&self, field: &'static str) -> RecordError {
        RecordError::Malformed { record: self.record, field }
    }
}
