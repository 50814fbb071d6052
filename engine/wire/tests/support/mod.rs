//! Messages made from their shapes: for every API and version, from a seed.
#![allow(dead_code, reason = "each test file uses its part")]

use naru_wire::{
    ApiKey,
    shape::{
        Field, Kind,
        tables::{request, response},
    },
};

/// A small generator of numbers (xorshift64*), so that a failure can be repeated from its seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Request or response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Request,
    Response,
}

/// Every API with every version, both ways.
pub fn every_message() -> impl Iterator<Item = (ApiKey, i16, Way)> {
    ApiKey::ALL.iter().flat_map(|api| {
        let versions = api.versions();
        (versions.min..=versions.max).flat_map(|version| [Way::Request, Way::Response].map(|way| (*api, version, way)))
    })
}

/// A frame without its length: a header, and a body of the message's shape. `nulls`: whether any length may be null, even
/// where the schema wants a value.
pub fn frame(api: ApiKey, version: i16, way: Way, random: &mut Random, nulls: bool) -> Vec<u8> {
    let flexible = api.is_flexible(version);
    let mut out = header(api, version, way);
    let fields = if way == Way::Request { request(api) } else { response(api) };
    let mut writer = Writer { version, flexible, nulls, random };
    writer.fields(fields, &mut out);
    out
}

/// The correlation id of every frame made here.
pub const CORRELATION_ID: i32 = 77;

fn header(api: ApiKey, version: i16, way: Way) -> Vec<u8> {
    let mut out = Vec::new();
    if way == Way::Request {
        out.extend(api.key().to_be_bytes());
        out.extend(version.to_be_bytes());
    }
    out.extend(CORRELATION_ID.to_be_bytes());
    if way == Way::Request {
        out.extend([0, 4, b'n', b'a', b'r', b'u']);
    }
    if api.is_flexible(version) && !(way == Way::Response && api == ApiKey::ApiVersions) {
        out.push(0);
    }
    out
}

struct Writer<'a> {
    version: i16,
    flexible: bool,
    nulls: bool,
    random: &'a mut Random,
}

impl Writer<'_> {
    fn fields(&mut self, fields: &[Field], out: &mut Vec<u8>) {
        let version = self.version;
        let present = |field: &&Field| field.since <= version && version <= field.until;
        for field in fields.iter().filter(present).filter(|field| field.tag.is_none()) {
            self.value(&field.kind, out);
        }
        if !self.flexible {
            return;
        }
        let mut tagged: Vec<(u32, Vec<u8>)> = Vec::new();
        for field in fields.iter().filter(present) {
            if let Some(tag) = field.tag {
                let mut value = Vec::new();
                self.value(&field.kind, &mut value);
                tagged.push((tag, value));
            }
        }
        tagged.sort();
        if self.random.below(4) == 0 {
            tagged.push((90, b"from the future".to_vec()));
        }
        varint(tagged.len(), out);
        for (tag, value) in tagged {
            varint(tag as usize, out);
            varint(value.len(), out);
            out.extend(value);
        }
    }

    /// A value that is not the field's default, so that encoding it again gives the same bytes.
    fn value(&mut self, kind: &Kind, out: &mut Vec<u8>) {
        match kind {
            Kind::Fixed(1) => out.push(1),
            Kind::Fixed(length) => out.extend((0..*length).map(|_| 1 + self.random.below(100) as u8)),
            Kind::String => self.bytes(2, out),
            Kind::Bytes => self.bytes(4, out),
            Kind::Array(element) => {
                let length = 1 + self.random.below(3);
                if self.length(length, 4, out) {
                    (0..length).for_each(|_| self.value(element, out));
                }
            }
            Kind::Struct(fields) => self.fields(fields, out),
            Kind::Nullable(_) if self.nulls && self.random.below(5) == 0 => out.push(0xff),
            Kind::Nullable(fields) => {
                out.push(1);
                self.fields(fields, out);
            }
        }
    }

    fn bytes(&mut self, width: usize, out: &mut Vec<u8>) {
        let length = 1 + self.random.below(20);
        if self.length(length, width, out) {
            out.extend((0..length).map(|_| b'a' + self.random.below(26) as u8));
        }
    }

    /// Writes a length, or null; says whether it wrote a length.
    fn length(&mut self, length: usize, width: usize, out: &mut Vec<u8>) -> bool {
        let null = self.nulls && self.random.below(5) == 0;
        match (self.flexible, null) {
            (true, true) => varint(0, out),
            (true, false) => varint(length + 1, out),
            (false, true) => out.extend(vec![0xff; width]),
            (false, false) => out.extend(&(length as u32).to_be_bytes()[4 - width..]),
        }
        !null
    }
}

fn varint(value: usize, out: &mut Vec<u8>) {
    let mut value = value;
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A frame with its length in front.
pub fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes(), frame].concat()
}
