//! Reads JSON that Naru's own programs wrote: recordings, events, labs, what page and Worker say to each other.
//!
//! The browser reads dozens of types. With `serde_json` each of them brings reasons for every way in which it can be wrong,
//! and a second form (an array instead of an object) that nobody writes: a twentieth of the whole download. This reader
//! says only that something is unreadable. Deliberately no fractions either: nothing that we write has any.
//!
//! Natively, where files come from people, `serde_json` stays.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::{borrow::Cow, fmt};

/// The text is not JSON, or not of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable JSON")
    }
}

impl std::error::Error for Unreadable {}

impl Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Unreadable
    }
}

/// Reads one value; nothing may follow it.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    reader.space();
    if reader.at == reader.bytes.len() { Ok(value) } else { Err(Unreadable) }
}

/// How deep values may lie in each other: far more than ours do.
const DEPTH_MAX: u32 = 100;

struct Reader<'de> {
    bytes: &'de [u8],
    at: usize,
    depth: u32,
}

impl<'de> Reader<'de> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that says something, still unread.
    fn peek(&mut self) -> Result<u8, Unreadable> {
        self.space();
        self.bytes.get(self.at).copied().ok_or(Unreadable)
    }

    /// Reads `byte` if it comes next.
    fn take(&mut self, byte: u8) -> Result<bool, Unreadable> {
        let is_next = self.peek()? == byte;
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.take(byte)? { Ok(()) } else { Err(Unreadable) }
    }

    /// Reads `word` if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.space();
        let is_next = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    fn boolean(&mut self) -> Result<bool, Unreadable> {
        if self.word("true") {
            Ok(true)
        } else if self.word("false") {
            Ok(false)
        } else {
            Err(Unreadable)
        }
    }

    /// A whole number and whether it is negative; in quotes where it is a key.
    fn number(&mut self) -> Result<(bool, u64), Unreadable> {
        let quoted = self.take(b'"')?;
        let negative = self.take(b'-')?;
        let mut value = Some(0u64);
        let first = self.at;
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            value = value.and_then(|value| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
            self.at += 1;
        }
        let is_fraction = matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'));
        if self.at == first || is_fraction || (quoted && !self.take(b'"')?) {
            return Err(Unreadable);
        }
        Ok((negative, value.ok_or(Unreadable)?))
    }

    fn text(&mut self) -> Result<Cow<'de, str>, Unreadable> {
        self.expect(b'"')?;
        let bytes = self.bytes;
        let mut before: Option<Vec<u8>> = None;
        loop {
            let rest = &bytes[self.at..];
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(Unreadable)?;
            let stretch = &rest[..length];
            self.at += length + 1;
            if rest[length] == b'"' {
                let Some(mut whole) = before else {
                    return std::str::from_utf8(stretch).map(Cow::Borrowed).map_err(|_| Unreadable);
                };
                whole.extend_from_slice(stretch);
                return String::from_utf8(whole).map(Cow::Owned).map_err(|_| Unreadable);
            }
            let whole = before.get_or_insert_with(Vec::new);
            whole.extend_from_slice(stretch);
            let letter = self.escaped()?;
            whole.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Result<char, Unreadable> {
        let letter = *self.bytes.get(self.at).ok_or(Unreadable)?;
        self.at += 1;
        match letter {
            b'"' | b'\\' | b'/' => Ok(char::from(letter)),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'n' => Ok('\n'),
            b'r' => Ok('\r'),
            b't' => Ok('\t'),
            b'u' => self.letter_by_number(),
            _ => Err(Unreadable),
        }
    }

    /// Four hexadecimal digits; letters beyond the first 65,536 are two such numbers (RFC 8259, section 7).
    fn letter_by_number(&mut self) -> Result<char, Unreadable> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or(Unreadable);
        }
        if !self.bytes[self.at..].starts_with(b"\\u") {
            return Err(Unreadable);
        }
        self.at += 2;
        let low = self.four_digits()?.wrapping_sub(0xdc00);
        let letter = (low < 0x400).then(|| 0x1_0000 + ((high - 0xd800) << 10) + low);
        letter.and_then(char::from_u32).ok_or(Unreadable)
    }

    fn four_digits(&mut self) -> Result<u32, Unreadable> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Unreadable)?;
        self.at += 4;
        digits.iter().try_fold(0, |value, digit| Ok(value << 4 | char::from(*digit).to_digit(16).ok_or(Unreadable)?))
    }

    /// Reads over a value.
    fn skip(&mut self) -> Result<(), Unreadable> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'[' => self.skip_all(b'[', b']'),
            b'{' => self.skip_all(b'{', b'}'),
            b'n' if self.word("null") => Ok(()),
            b't' | b'f' => self.boolean().map(drop),
            _ => self.number().map(drop),
        }
    }

    fn skip_all(&mut self, open: u8, close: u8) -> Result<(), Unreadable> {
        self.enter(open)?;
        let mut is_first = true;
        while self.more(&mut is_first, close)? {
            if close == b'}' {
                self.text()?;
                self.expect(b':')?;
            }
            self.skip()?;
        }
        Ok(())
    }

    fn enter(&mut self, open: u8) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Unreadable);
        }
        self.expect(open)
    }

    fn leave(&mut self, close: u8) -> Result<(), Unreadable> {
        self.depth -= 1;
        self.expect(close)
    }

    /// Whether another item follows in an array or an object; reads the comma before it, or the end.
    fn more(&mut self, is_first: &mut bool, close: u8) -> Result<bool, Unreadable> {
        let was_first = std::mem::take(is_first);
        if was_first && self.peek()? != close {
            return Ok(true);
        }
        if !was_first && self.take(b',')? {
            return Ok(true);
        }
        self.leave(close).map(|()| false)
    }

    fn whole<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.number()? {
            (false, value) => visitor.visit_u64(value),
            (true, value) => visitor.visit_i64(0i64.checked_sub_unsigned(value).ok_or(Unreadable)?),
        }
    }
}

/// Methods that differ in nothing: the visitor knows its own limits.
macro_rules! alike {
    ($($method:ident => |$reader:ident, $visitor:ident| $body:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, $visitor: V) -> Result<V::Value, Unreadable> {
            let $reader = self;
            $body
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unreadable;

    alike! {
        deserialize_i8 => |reader, visitor| reader.whole(visitor);
        deserialize_i16 => |reader, visitor| reader.whole(visitor);
        deserialize_i32 => |reader, visitor| reader.whole(visitor);
        deserialize_i64 => |reader, visitor| reader.whole(visitor);
        deserialize_u8 => |reader, visitor| reader.whole(visitor);
        deserialize_u16 => |reader, visitor| reader.whole(visitor);
        deserialize_u32 => |reader, visitor| reader.whole(visitor);
        deserialize_u64 => |reader, visitor| reader.whole(visitor);
        deserialize_char => |reader, visitor| visitor.visit_str(&reader.text()?);
        deserialize_str => |reader, visitor| visitor.visit_str(&reader.text()?);
        deserialize_string => |reader, visitor| visitor.visit_str(&reader.text()?);
        deserialize_identifier => |reader, visitor| visitor.visit_str(&reader.text()?);
        deserialize_bool => |reader, visitor| visitor.visit_bool(reader.boolean()?);
        deserialize_bytes => |reader, visitor| reader.deserialize_seq(visitor);
        deserialize_byte_buf => |reader, visitor| reader.deserialize_seq(visitor);
        deserialize_f32 => |_reader, _visitor| Err(Unreadable);
        deserialize_f64 => |_reader, _visitor| Err(Unreadable);
        deserialize_any => |_reader, _visitor| Err(Unreadable);
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.word("null") { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.word("null") { visitor.visit_unit() } else { Err(Unreadable) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.enter(b'[')?;
        visitor.visit_seq(Items { reader: self, is_first: true })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unreadable> {
        self.enter(b'[')?;
        // Unlike the visitor of a list, a tuple's does not ask for one more, by which the end would be read.
        let value = visitor.visit_seq(Items { reader: &mut *self, is_first: true })?;
        self.leave(b']').map(|()| value)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        items: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_tuple(items, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.enter(b'{')?;
        visitor.visit_map(Items { reader: self, is_first: true })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        if self.peek()? == b'"' {
            return visitor.visit_enum(Variant { reader: self, has_value: false });
        }
        self.enter(b'{')?;
        let value = visitor.visit_enum(Variant { reader: &mut *self, has_value: true })?;
        self.leave(b'}').map(|()| value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// The items of an array or an object.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    is_first: bool,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.reader.more(&mut self.is_first, b']')? {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        if self.reader.more(&mut self.is_first, b'}')? {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unreadable> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// `"name"`, or `{"name": value}`.
struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
    has_value: bool,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unreadable> {
        let name = seed.deserialize(&mut *self.reader)?;
        if self.has_value {
            self.reader.expect(b':')?;
        }
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        if self.has_value { Err(Unreadable) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unreadable> {
        if self.has_value { seed.deserialize(self.reader) } else { Err(Unreadable) }
    }

    fn tuple_variant<V: Visitor<'de>>(self, items: usize, visitor: V) -> Result<V::Value, Unreadable> {
        if self.has_value { self.reader.deserialize_tuple(items, visitor) } else { Err(Unreadable) }
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        if self.has_value { self.reader.deserialize_map(visitor) } else { Err(Unreadable) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Everything {
        text: String,
        small: i8,
        large: u64,
        negative: i64,
        maybe: Option<Box<Everything>>,
        list: Vec<Choice>,
        numbered: BTreeMap<i32, (u64, String)>,
        #[serde(default)]
        left_out: Option<bool>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Nothing,
        One(bool),
        Two(i32, char),
        Named { a_field: [u8; 2] },
    }

    fn everything() -> impl Strategy<Value = Everything> {
        let choice = prop_oneof![
            Just(Choice::Nothing),
            any::<bool>().prop_map(Choice::One),
            any::<(i32, char)>().prop_map(|(number, letter)| Choice::Two(number, letter)),
            any::<[u8; 2]>().prop_map(|a_field| Choice::Named { a_field }),
        ];
        let numbered = prop::collection::btree_map(any::<i32>(), any::<(u64, String)>(), 0..4);
        let rest = (any::<Option<bool>>(), prop::collection::vec(choice, 0..4), numbered);
        let leaf = (any::<String>(), any::<i8>(), any::<u64>(), any::<i64>(), rest).prop_map(
            |(text, small, large, negative, (left_out, list, numbered))| Everything {
                text,
                small,
                large,
                negative,
                list,
                numbered,
                left_out,
                maybe: None,
            },
        );
        (leaf.clone(), prop::option::of(leaf))
            .prop_map(|(outer, inner)| Everything { maybe: inner.map(Box::new), ..outer })
    }

    proptest! {
        #[test]
        fn what_was_written_comes_back(value in everything()) {
            prop_assert_eq!(read::<Everything>(&serde_json::to_string(&value).unwrap()), Ok(value.clone()));
            prop_assert_eq!(read::<Everything>(&serde_json::to_string_pretty(&value).unwrap()), Ok(value));
        }

        #[test]
        fn nothing_makes_it_panic(text in r#"[\[\]{}",:0-9a-z\\u. -]{0,40}"#) {
            let _ = read::<Everything>(&text);
            let _ = read::<Vec<Choice>>(&text);
            let _ = read::<BTreeMap<i32, String>>(&text);
        }
    }

    #[test]
    fn fields_that_are_not_known_are_read_over() {
        let text = r#"{"a":[1,{"b":[]},null,"}\"",-2],"text":"x\ud83d\ude00\n","small":1,"large":2,"negative":-3,
            "maybe":null,"list":["nothing"],"numbered":{"-7":[1,"y"]},"z":{}}"#;
        let value = read::<Everything>(text).unwrap();
        assert_eq!((value.text.as_str(), &value.list[..]), ("x😀\n", &[Choice::Nothing][..]));
        assert_eq!(value.numbered[&-7], (1, "y".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in ["", "[1", "[1,]", "[,1]", "[1 2]", "[1]]", "[256]", "[-1]", "[1.5]", "[\"1\"", "{}"] {
            assert_eq!(read::<Vec<u8>>(text), Err(Unreadable), "{text}");
        }
        assert_eq!(read::<String>(r#""\ud83d""#), Err(Unreadable));
        assert_eq!(read::<Choice>(r#"{"nothing":1}"#), Err(Unreadable));
        assert_eq!(read::<Choice>(r#""one""#), Err(Unreadable));
        let deep = format!("{{\"unknown\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!(read::<Everything>(&deep), Err(Unreadable));
    }
}
