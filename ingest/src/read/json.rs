//! JSON lines: an object a line, whose keys are what the headers of a table are.
//!
//! Keys that no field has are skipped unread, also objects and lists in them. A field that is not there is empty; one
//! that never is there is a missing column. A line that is no object, or holds a field twice, is given up.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroize as _;

use super::Sink;
use crate::error::FileProblem;
use crate::mapping::Compiled;
use crate::reason::Reason;
use crate::spelling::fold;
use crate::values::Cell;

/// Spellings of keys that are remembered.
const REMEMBERED: usize = 1024;

/// A reader of lines.
pub(crate) struct Lines<'a> {
    mapping: &'a Compiled,
    /// Key → field, or nothing for a key that is never read.
    keys: RefCell<std::collections::HashMap<Box<str>, Option<usize>>>,
    /// Fields that a line had.
    pub(crate) seen: Vec<bool>,
}

/// A value of a line.
enum Value<'l> {
    Empty,
    Text(Cow<'l, str>),
    Number(f64),
    /// An object or a list, which no field can be.
    Broken,
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        if let Self::Text(Cow::Owned(text)) = self {
            text.zeroize();
        }
    }
}

impl<'a> Lines<'a> {
    pub(crate) fn new(mapping: &'a Compiled) -> Self {
        Self { mapping, keys: RefCell::default(), seen: vec![false; mapping.fields.len()] }
    }

    /// Reads whole lines into a sink, from this line on.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        from_line: u64,
        sink: &mut dyn Sink,
    ) -> Result<(), FileProblem> {
        for (line, text) in (from_line..).zip(bytes.split(|b| *b == b'\n')) {
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let Ok(text) = str::from_utf8(text) else {
                sink.broken(line, Reason::BadEncoding);
                continue;
            };
            let mut values: Vec<Value<'_>> = self.mapping.fields.iter().map(|_| Value::Empty).collect();
            let mut parser = serde_json::Deserializer::from_str(text);
            let object = Object { lines: self, values: &mut values };
            let whole = parser.deserialize_map(object).and_then(|()| parser.end());
            match whole {
                Err(_) if text.contains(['\u{0}', '\u{fffd}']) => sink.broken(line, Reason::BadEncoding),
                Err(_) => sink.broken(line, Reason::NotAnObject),
                Ok(()) => {
                    for (seen, value) in self.seen.iter_mut().zip(&values) {
                        *seen |= !matches!(value, Value::Empty);
                    }
                    let cells: Vec<Cell<'_>> = values.iter().map(cell).collect();
                    sink.row(line, &cells)?;
                }
            }
        }
        Ok(())
    }

    fn field(&self, key: &str) -> Option<usize> {
        if let Some(known) = self.keys.borrow().get(key) {
            return *known;
        }
        let field = self.mapping.headers.get(&fold(key)).copied().flatten();
        let mut keys = self.keys.borrow_mut();
        if keys.len() < REMEMBERED && key.len() <= 200 {
            keys.insert(key.into(), field);
        }
        field
    }
}

fn cell<'a>(value: &'a Value<'_>) -> Cell<'a> {
    match value {
        Value::Empty => Cell::Text(""),
        Value::Text(text) => Cell::Text(text),
        Value::Number(number) => Cell::Number(*number),
        Value::Broken => Cell::Broken,
    }
}

/// Takes in the object of a line.
struct Object<'o, 'a, 'l> {
    lines: &'o Lines<'a>,
    values: &'o mut Vec<Value<'l>>,
}

impl<'l> Visitor<'l> for Object<'_, '_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key<'l>>()? {
            match self.lines.field(&key.0) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(field) => {
                    let value = map.next_value_seed(OneValue)?;
                    if !matches!(self.values[field], Value::Empty) {
                        return Err(serde::de::Error::custom("a field twice"));
                    }
                    self.values[field] = value;
                }
            }
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Key<'l>(#[serde(borrow)] Cow<'l, str>);

struct OneValue;

impl<'l> DeserializeSeed<'l> for OneValue {
    type Value = Value<'l>;

    fn deserialize<D: serde::Deserializer<'l>>(self, deserializer: D) -> Result<Value<'l>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'l> Visitor<'l> for OneValue {
    type Value = Value<'l>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'l str) -> Result<Value<'l>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'l>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value<'l>, E> {
        Ok(Value::Text(Cow::Borrowed(if yes { "ja" } else { "nei" })))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'l>, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'l>, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'l>, E> {
        Ok(Value::Number(number))
    }

    fn visit_unit<E>(self) -> Result<Value<'l>, E> {
        Ok(Value::Empty)
    }

    fn visit_seq<A: SeqAccess<'l>>(self, mut list: A) -> Result<Value<'l>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Broken)
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<Value<'l>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Broken)
    }
}
