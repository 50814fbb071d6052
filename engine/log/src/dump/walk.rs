//! Walking through a file's bytes, naming one piece after the other.
//!
//! [`Walk`] never reads beyond its limit, which is the end of the file or of the part it is in. A piece that does not fit gets
//! an error and what is there of it.

use super::Field;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use naru_records::varint::read_varlong;

/// Said of a piece that ends before it should.
pub const CUT_OFF: &str = "it is cut off";

/// A position in a file, and the fields found so far.
pub struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    limit: usize,
    /// After the last byte that is not 0.
    zeros_from: usize,
    fields: Vec<Field>,
    groups: u32,
    group: u32,
    depth: u8,
}

/// A part that others lie in, still open.
pub struct Part {
    number: usize,
    group: u32,
    limit: usize,
}

impl<'a> Walk<'a> {
    /// From the first byte to the last.
    pub fn new(bytes: &'a [u8]) -> Self {
        let zeros_from = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Walk { bytes, at: 0, limit: bytes.len(), zeros_from, fields: Vec::new(), groups: 0, group: 0, depth: 0 }
    }

    /// All fields.
    pub fn finish(self) -> Vec<Field> {
        debug_assert_eq!(self.at, self.bytes.len(), "every byte has a name");
        self.fields
    }

    /// What lies between here and the limit.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..self.limit]
    }

    /// Where in the file this is.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether all bytes from here to the end of the file are 0.
    pub fn only_zeros_follow(&self) -> bool {
        self.at >= self.zeros_from
    }

    /// The bytes from `start` up to `length` bytes from here.
    pub fn from(&self, start: usize, length: usize) -> &'a [u8] {
        &self.bytes[start..self.at + length]
    }

    /// Goes on by `length` bytes, which belong to the part that is open.
    pub fn skip(&mut self, length: usize) {
        assert!(length <= self.limit - self.at, "nothing is skipped beyond the limit");
        self.at += length;
    }

    /// Names the next `length` bytes, or as many as there are. Names nothing if there are none.
    pub fn name(&mut self, name: &'static str, length: usize, value: String, error: Option<&'static str>) {
        let length = length.min(self.limit - self.at);
        if length > 0 {
            self.note(name, value, error);
            let last = self.fields.len() - 1;
            self.fields[last].length = length as u32;
            self.at += length;
        }
    }

    /// Names something that has no bytes of its own, here.
    pub fn note(&mut self, name: &'static str, value: String, error: Option<&'static str>) {
        let (start, group, depth) = (self.at as u32, self.group, self.depth);
        self.fields.push(Field { start, length: 0, name, value, group, depth, error });
    }

    /// Names a big-endian number of `width` bytes. `None` if it is cut off.
    pub fn number(&mut self, name: &'static str, width: usize) -> Option<i64> {
        let Some(bytes) = self.rest().get(..width) else { return self.cut_off(name) };
        let first = i64::from(bytes[0] as i8);
        let number = bytes[1..].iter().fold(first, |number, byte| number << 8 | i64::from(*byte));
        self.name(name, width, number.to_string(), None);
        Some(number)
    }

    /// Names a zigzag varint. `None` if it is cut off, or longer than a varint can be.
    pub fn varint(&mut self, name: &'static str) -> Option<i64> {
        let (rest, mut length) = (self.rest(), 0);
        match read_varlong(rest, &mut length) {
            None if rest.is_empty() => self.cut_off(name),
            Some(number) => {
                self.name(name, length, number.to_string(), None);
                Some(number)
            }
            None => {
                self.name(name, rest.len(), String::new(), Some("a number that does not end"));
                None
            }
        }
    }

    /// Names what is left of something that does not fit.
    fn cut_off(&mut self, name: &'static str) -> Option<i64> {
        match self.rest().len() {
            0 => self.note(name, String::new(), Some(CUT_OFF)),
            length => self.name(name, length, String::new(), Some(CUT_OFF)),
        }
        None
    }

    /// Says more of the last field.
    pub fn explain(&mut self, value: String) {
        if let Some(last) = self.fields.last_mut() {
            last.value = value;
        }
    }

    /// Says what is wrong with the last field.
    pub fn blame(&mut self, error: &'static str) {
        if let Some(last) = self.fields.last_mut() {
            last.error = Some(error);
        }
    }

    /// Says what is wrong with a part.
    pub fn blame_part(&mut self, part: &Part, error: &'static str) {
        self.fields[part.number].error = Some(error);
    }

    /// Names all up to the limit.
    pub fn name_rest(&mut self, name: &'static str, error: &'static str) {
        self.name(name, self.rest().len(), String::new(), Some(error));
    }

    /// Begins a part of at most `length` bytes, with a number of its own.
    pub fn open(&mut self, name: &'static str, length: usize) -> Part {
        let part = Part { number: self.fields.len(), group: self.group, limit: self.limit };
        self.groups += 1;
        self.group = self.groups;
        self.note(name, String::new(), None);
        self.depth += 1;
        self.limit = self.limit.min(self.at + length);
        part
    }

    /// Changes how far the innermost part reaches: `length` bytes from here, or less if what is around it ends earlier.
    pub fn limit_to(&mut self, part: &Part, length: usize) {
        self.limit = part.limit.min(self.at.saturating_add(length));
    }

    /// Ends a part here.
    pub fn close(&mut self, part: Part, value: String) {
        let field = &mut self.fields[part.number];
        field.length = self.at as u32 - field.start;
        field.value = value;
        self.depth -= 1;
        self.group = part.group;
        self.limit = part.limit;
    }
}
