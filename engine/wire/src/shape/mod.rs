//! The walk that checks a message's lengths before the message is decoded.
//!
//! A message from the network announces lengths: this string has 5 bytes, this array has 3 elements. The decoder that
//! `kafka-protocol` generates believes them: for an array it reserves memory for as many elements as announced, and a frame
//! of 20 bytes that announces two billion partitions ends the process. So every message is walked first. The walk follows
//! the message's [`Field`]s, skips what they describe, reserves nothing, and refuses a length that is larger than what is
//! left. It also counts: a message with more than [`ELEMENTS_MAX`] elements is refused, because a decoded element takes far
//! more memory than an encoded one.
//!
//! What it deliberately does not check: UTF-8, nulls where a value is needed, the meaning of anything. The decoder and the
//! handlers do. The shapes themselves stand in [`tables`].

pub mod tables;

use core::fmt;

/// How many structs, strings and tagged fields one message may hold.
pub const ELEMENTS_MAX: u32 = 1 << 18;

/// A field of a message: where it stands, and what it looks like.
#[derive(Debug)]
pub struct Field {
    /// Kafka's name for it, in the spelling of Rust.
    pub name: &'static str,
    /// The first version that has it.
    pub since: i16,
    /// The last version that has it.
    pub until: i16,
    /// Its number among the tagged fields, if it is one (KIP-482).
    pub tag: Option<u32>,
    /// What it looks like.
    pub kind: Kind,
}

/// What a field looks like on the wire.
#[derive(Debug)]
pub enum Kind {
    /// So many bytes: integers, booleans, uuids.
    Fixed(usize),
    /// A length of two bytes (since the flexible versions: a varint) and so many bytes.
    String,
    /// A length of four bytes (since the flexible versions: a varint) and so many bytes.
    Bytes,
    /// A length of four bytes (since the flexible versions: a varint) and so many elements.
    Array(&'static Kind),
    /// Fields one after the other, then (since the flexible versions) the tagged fields.
    Struct(&'static [Field]),
    /// A byte that says whether there is a struct, and the struct.
    Nullable(&'static [Field]),
}

/// Why a message cannot be what it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It announces more than there is.
    TooLong {
        /// The length or number of elements announced.
        announced: u64,
        /// The bytes that are left.
        left: usize,
    },
    /// Its length is negative, and not the -1 that stands for null.
    Negative {
        /// The length announced.
        length: i32,
    },
    /// A varint that does not end within five bytes.
    Varint,
    /// A tagged field that does not end where it says.
    TagLength,
    /// More than [`ELEMENTS_MAX`] elements in the message.
    TooManyElements,
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.fault {
            Fault::TooLong { announced, left } => {
                write!(f, "{field} announces a length of {announced}, but only {left} bytes are left")
            }
            Fault::Negative { length } => write!(f, "{field} has the negative length {length}"),
            Fault::Varint => write!(f, "{field} has a length that never ends"),
            Fault::TagLength => write!(f, "{field} is a tagged field that does not end where it says"),
            Fault::TooManyElements => write!(f, "more than {ELEMENTS_MAX} elements at {field}"),
        }
    }
}

/// Walks a message of these fields at the start of `bytes` and returns its length.
///
/// `flexible`: whether `version` has compact lengths and tagged fields.
pub fn walk(fields: &[Field], version: i16, flexible: bool, bytes: &[u8]) -> Result<usize, WalkError> {
    let mut walker = Walker { bytes, position: 0, version, flexible, elements_left: ELEMENTS_MAX };
    walker.structure(fields)?;
    Ok(walker.position)
}

struct Walker<'a> {
    bytes: &'a [u8],
    position: usize,
    version: i16,
    flexible: bool,
    elements_left: u32,
}

impl Walker<'_> {
    fn structure(&mut self, fields: &[Field]) -> Result<(), WalkError> {
        let version = self.version;
        for field in fields.iter().filter(|field| field.tag.is_none() && field.is_in(version)) {
            self.value(field.name, &field.kind)?;
        }
        if self.flexible { self.tagged_fields(fields) } else { Ok(()) }
    }

    fn tagged_fields(&mut self, fields: &[Field]) -> Result<(), WalkError> {
        let name = "tagged fields";
        for _ in 0..self.varint(name)? {
            self.count(name)?;
            let tag = self.varint(name)?;
            let length = self.varint(name)? as usize;
            let end = self.end_of(name, length)?;
            if let Some(field) = fields.iter().find(|field| field.tag == Some(tag) && field.is_in(self.version)) {
                self.value(field.name, &field.kind)?;
                if self.position != end {
                    return Err(WalkError { field: field.name, fault: Fault::TagLength });
                }
            }
            self.position = end;
        }
        Ok(())
    }

    fn value(&mut self, name: &'static str, kind: &Kind) -> Result<(), WalkError> {
        match kind {
            Kind::Fixed(length) => self.skip(name, *length),
            Kind::String => {
                self.count(name)?;
                let length = if self.flexible { self.compact_length(name) } else { self.string_length(name) }?;
                self.skip(name, length.unwrap_or(0))
            }
            Kind::Bytes => {
                self.count(name)?;
                let length = self.length(name)?;
                self.skip(name, length.unwrap_or(0))
            }
            Kind::Array(element) => match self.length(name)? {
                Some(length) => self.elements(name, element, length),
                None => Ok(()),
            },
            Kind::Struct(fields) => {
                self.count(name)?;
                self.structure(fields)
            }
            Kind::Nullable(fields) => {
                let present = self.take::<1>(name)? == [1];
                if present { self.structure(fields) } else { Ok(()) }
            }
        }
    }

    fn elements(&mut self, name: &'static str, element: &Kind, length: usize) -> Result<(), WalkError> {
        if let Kind::Fixed(bytes) = element {
            return self.skip(name, length.saturating_mul(*bytes));
        }
        // Every element has at least one byte: this refuses most lies at once, without walking up to where they end.
        self.end_of(name, length)?;
        (0..length).try_for_each(|_| self.value(name, element))
    }

    /// The length of bytes or of an array; `None` for null.
    fn length(&mut self, name: &'static str) -> Result<Option<usize>, WalkError> {
        if self.flexible {
            return self.compact_length(name);
        }
        let length = i32::from_be_bytes(self.take(name)?);
        non_negative(name, length)
    }

    fn string_length(&mut self, name: &'static str) -> Result<Option<usize>, WalkError> {
        let length = i16::from_be_bytes(self.take(name)?);
        non_negative(name, length.into())
    }

    /// A compact length is a varint of the length plus one; zero is null.
    fn compact_length(&mut self, name: &'static str) -> Result<Option<usize>, WalkError> {
        let length = self.varint(name)?;
        Ok(length.checked_sub(1).map(|length| length as usize))
    }

    fn varint(&mut self, field: &'static str) -> Result<u32, WalkError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take(field)?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WalkError { field, fault: Fault::Varint })
    }

    fn take<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], WalkError> {
        let start = self.position;
        self.skip(name, N)?;
        Ok(core::array::from_fn(|index| self.bytes[start + index]))
    }

    fn skip(&mut self, name: &'static str, length: usize) -> Result<(), WalkError> {
        self.position = self.end_of(name, length)?;
        Ok(())
    }

    /// Where something of this length ends, if it ends within the message.
    fn end_of(&self, field: &'static str, length: usize) -> Result<usize, WalkError> {
        let left = self.bytes.len() - self.position;
        if length > left {
            return Err(WalkError { field, fault: Fault::TooLong { announced: length as u64, left } });
        }
        Ok(self.position + length)
    }

    fn count(&mut self, field: &'static str) -> Result<(), WalkError> {
        match self.elements_left.checked_sub(1) {
            Some(left) => {
                self.elements_left = left;
                Ok(())
            }
            None => Err(WalkError { field, fault: Fault::TooManyElements }),
        }
    }
}

impl Field {
    fn is_in(&self, version: i16) -> bool {
        self.since <= version && version <= self.until
    }
}

fn non_negative(field: &'static str, length: i32) -> Result<Option<usize>, WalkError> {
    match length {
        -1 => Ok(None),
        0.. => Ok(Some(length as usize)),
        _ => Err(WalkError { field, fault: Fault::Negative { length } }),
    }
}
