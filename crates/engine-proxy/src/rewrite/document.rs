//! A body whose parts can be changed while everything else stays as it is written.
//!
//! A part is opened by the way that leads to it, and by the rules of Go's `encoding/json`: a field matches in any case, a
//! later one overrides, objects are merged, `null` empties a pointer, a map or a slice and leaves a value alone. What is
//! written more than once is put into one place when it is looked at, so that the engine has nothing left to merge: it
//! reads what was looked at here, and nothing else. (Go even merges the elements of an array that is written twice.)

use std::{borrow::Cow, mem};

use super::{json, object::Object};

/// The engine's decoder refuses the body, so it is the engine that should say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch;

/// A body.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// The value that it is.
    pub(super) root: Value<'a>,
    /// What follows it.
    rest: &'a [u8],
}

impl<'a> Document<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Mismatch> {
        let (root, rest) = json::first_value(body).ok_or(Mismatch)?;
        Ok(Self {
            root: Value::Text(Cow::Borrowed(root)),
            rest,
        })
    }

    /// The text that it is now. `None` when nothing was changed.
    pub(super) fn changed(&self) -> Option<Vec<u8>> {
        if !self.root.is_changed() {
            return None;
        }
        let mut text = Vec::new();
        self.root.write(&mut text);
        text.extend_from_slice(self.rest);
        Some(text)
    }
}

/// A value, opened as far as it was looked into.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// As it came, or new.
    Text(Cow<'a, [u8]>),
    Object(Object<'a>),
    Array(Array<'a>),
}

impl<'a> Value<'a> {
    /// A string.
    pub(super) fn new(text: &str) -> Self {
        Self::Text(Cow::Owned(serde_json::Value::from(text).to_string().into_bytes()))
    }

    /// An array of strings.
    pub(super) fn strings(texts: impl Iterator<Item = String>) -> Self {
        Self::Array(Array {
            elements: texts.map(|text| Self::new(&text)).collect(),
            changed: true,
        })
    }

    /// The same as text, which takes less memory.
    pub(super) fn closed(&self) -> Self {
        let mut text = Vec::new();
        self.write(&mut text);
        Self::Text(Cow::Owned(text))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Text(text) if **text == *b"null")
    }

    /// What a string says; `null` says nothing.
    pub(super) fn string(&self) -> Result<String, Mismatch> {
        match self {
            Self::Text(_) if self.is_null() => Ok(String::new()),
            Self::Text(text) => json::string(text).ok_or(Mismatch),
            Self::Object(_) | Self::Array(_) => Err(Mismatch),
        }
    }

    pub(super) fn object(&mut self) -> Result<&mut Object<'a>, Mismatch> {
        if let Self::Text(text) = self {
            *self = Self::Object(Object::read(text).ok_or(Mismatch)?);
        }
        match self {
            Self::Object(object) => Ok(object),
            Self::Text(_) | Self::Array(_) => Err(Mismatch),
        }
    }

    pub(super) fn array(&mut self) -> Result<&mut Array<'a>, Mismatch> {
        if let Self::Text(text) = self {
            *self = Self::Array(Array::read(text).ok_or(Mismatch)?);
        }
        match self {
            Self::Array(array) => Ok(array),
            Self::Text(_) | Self::Object(_) => Err(Mismatch),
        }
    }

    pub(super) fn null() -> Self {
        Self::Text(Cow::Borrowed(b"null"))
    }

    pub(super) fn is_changed(&self) -> bool {
        match self {
            Self::Text(text) => matches!(text, Cow::Owned(_)),
            Self::Object(object) => object.is_changed(),
            Self::Array(array) => array.changed || array.elements.iter().any(Self::is_changed),
        }
    }

    pub(super) fn write(&self, text: &mut Vec<u8>) {
        match self {
            Self::Text(own) => text.extend_from_slice(own),
            Self::Object(object) => object.write(text),
            Self::Array(array) => {
                let mut before = b'[';
                for element in &array.elements {
                    text.push(before);
                    element.write(text);
                    before = b',';
                }
                text.extend_from_slice(if array.elements.is_empty() {
                    &b"[]"[..]
                } else {
                    b"]"
                });
            }
        }
    }
}

/// An array.
#[derive(Clone, Debug)]
pub(super) struct Array<'a> {
    elements: Vec<Value<'a>>,
    changed: bool,
}

impl<'a> Array<'a> {
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Value<'a>> {
        self.elements.iter_mut()
    }

    pub(super) fn push(&mut self, element: Value<'a>) {
        self.elements.push(element);
        self.changed = true;
    }

    /// Puts one or more elements in the place of each; `None` leaves it.
    pub(super) fn replace(
        &mut self,
        mut replacement: impl FnMut(&mut Value<'a>) -> Result<Option<Vec<Value<'a>>>, Mismatch>,
    ) -> Result<(), Mismatch> {
        let mut elements = Vec::with_capacity(self.elements.len());
        for mut element in mem::take(&mut self.elements) {
            match replacement(&mut element)? {
                Some(instead) => {
                    elements.extend(instead);
                    self.changed = true;
                }
                None => elements.push(element),
            }
        }
        self.elements = elements;
        Ok(())
    }

    fn read(text: &Cow<'a, [u8]>) -> Option<Self> {
        let Cow::Borrowed(text) = text else { return None };
        let elements = json::elements(text)?.into_iter();
        Some(Self {
            elements: elements.map(|text| Value::Text(Cow::Borrowed(text))).collect(),
            changed: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_any_case_and_merged() {
        for (body, path, seen) in [
            (r#"{"A":{"B":"x"}}"#, "x", None),
            (r#"{"a":{"\u0042":"x"}}"#, "x", None),
            (
                r#"{"A":{"B":"x"},"a":{"c":1}}"#,
                "x",
                Some(r#"{"a":{"B":"x","c":1}}"#),
            ),
            (r#"{"A":{"B":"x","b":null}}"#, "x", Some(r#"{"A":{"b":"x"}}"#)),
            (
                r#"{"A":{"B":"x","b":"y"} , "n":1.0}"#,
                "y",
                Some(r#"{"A":{"b":"y"},"n":1.0}"#),
            ),
            (r#"{"A":{"B":"x"},"A":null}"#, "", Some(r#"{"A":null}"#)),
            (r#"{"A":null,"A":{"B":"x"}}"#, "x", Some(r#"{"A":{"B":"x"}}"#)),
            (r#"{"A":{"B":"x"},"A":null,"A":{}}"#, "", Some(r#"{"A":{}}"#)),
            (r#"{"n":18446744073709551616,"A":{}} ]"#, "", None),
        ] {
            let mut document = Document::read(body.as_bytes()).unwrap();
            let pointer = document.root.object().unwrap().pointer("A").unwrap();
            let read = pointer.map(|pointer| pointer.string("B").unwrap());
            assert_eq!(read.unwrap_or_default(), path, "{body}");
            let changed = document.changed().map(|text| String::from_utf8(text).unwrap());
            assert_eq!(changed.as_deref(), seen, "{body}");
        }
    }

    #[test]
    fn null_leaves_a_structure_and_replaces_a_slice() {
        let body = br#"{"S":{"x":1},"S":null,"L":["a","b"],"L":null,"M":{"k":[1],"K":2,"k":null}}"#;
        let mut document = Document::read(body).unwrap();
        let root = document.root.object().unwrap();
        assert!(root.structure("s").unwrap().is_some());
        assert!(root.slice("l").unwrap().is_none());
        assert!(root.map("m").unwrap().unwrap().entry("k").unwrap().is_null());
        let expected = br#"{"S":{"x":1},"L":null,"M":{"K":2,"k":null}}"#;
        assert_eq!(document.changed().unwrap(), expected);
    }

    #[test]
    fn other_types_are_a_mismatch() {
        for body in [
            r#"{"A":1}"#,
            r#"{"A":[]}"#,
            r#"{"A":"x"}"#,
            r#"{"A":{},"A":2}"#,
            r#"{"A":2,"A":{}}"#,
        ] {
            let mut document = Document::read(body.as_bytes()).unwrap();
            let read = document.root.object().unwrap().pointer("A");
            assert_eq!(read.err(), Some(Mismatch), "{body}");
        }
        for body in ["", "{", "{]", "nul"] {
            assert_eq!(Document::read(body.as_bytes()).err(), Some(Mismatch), "{body}");
        }
    }
}
