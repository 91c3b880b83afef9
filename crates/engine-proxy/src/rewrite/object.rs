//! An object whose members can be changed, and Go's rules for finding a field among them.

use std::{borrow::Cow, collections::HashSet, mem};

use super::{
    document::{Array, Mismatch, Value},
    json,
};
use crate::guard::folded;

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    members: Vec<Member<'a>>,
    changed: bool,
}

#[derive(Clone, Debug)]
struct Member<'a> {
    /// What its key says.
    name: String,
    /// Its key as it is written.
    key: Cow<'a, [u8]>,
    value: Value<'a>,
}

/// What Go decodes a member of an object into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A structure.
    Structure,
    /// A pointer to a structure.
    Pointer,
    Map,
    Slice,
    String,
}

impl<'a> Object<'a> {
    /// One without members.
    pub(super) fn new() -> Self {
        Self {
            members: Vec::new(),
            changed: true,
        }
    }

    /// Takes an object apart. `None` when the text is none.
    pub(super) fn read(text: &Cow<'a, [u8]>) -> Option<Self> {
        let Cow::Borrowed(text) = text else { return None };
        let members = json::members(text)?.into_iter();
        let members = members.map(|(key, value)| {
            Some(Member {
                name: json::string(key)?,
                key: Cow::Borrowed(key),
                value: Value::Text(Cow::Borrowed(value)),
            })
        });
        Some(Self {
            members: members.collect::<Option<_>>()?,
            changed: false,
        })
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed || self.members.iter().any(|member| member.value.is_changed())
    }

    pub(super) fn write(&self, text: &mut Vec<u8>) {
        let mut before = b'{';
        for member in &self.members {
            text.push(before);
            text.extend_from_slice(&member.key);
            text.push(b':');
            member.value.write(text);
            before = b',';
        }
        text.extend_from_slice(if self.members.is_empty() { &b"{}"[..] } else { b"}" });
    }

    /// A field that is a structure. `None` when it is not given.
    pub(super) fn structure(&mut self, name: &str) -> Result<Option<&mut Object<'a>>, Mismatch> {
        self.field(name, Kind::Structure)?.map(Value::object).transpose()
    }

    /// A field that is a pointer to a structure. `None` when it points to none.
    pub(super) fn pointer(&mut self, name: &str) -> Result<Option<&mut Object<'a>>, Mismatch> {
        self.field(name, Kind::Pointer)?.map(Value::object).transpose()
    }

    /// A field that is a map, each key once. `None` when there is none.
    pub(super) fn map(&mut self, name: &str) -> Result<Option<&mut Object<'a>>, Mismatch> {
        let Some(map) = self.field(name, Kind::Map)? else {
            return Ok(None);
        };
        let map = map.object()?;
        map.keep_last_entries();
        Ok(Some(map))
    }

    /// A field that is a slice. `None` when it is not given.
    pub(super) fn slice(&mut self, name: &str) -> Result<Option<&mut Array<'a>>, Mismatch> {
        self.field(name, Kind::Slice)?.map(Value::array).transpose()
    }

    /// A field that is a string; empty when it is not given.
    pub(super) fn string(&mut self, name: &str) -> Result<String, Mismatch> {
        self.field(name, Kind::String)?
            .map_or_else(|| Ok(String::new()), |value| value.string())
    }

    /// Gives a field, looked at before, another value.
    pub(super) fn set(&mut self, name: &str, value: Value<'a>) {
        match self.places(name).last() {
            Some(&place) => self.members[place].value = value,
            None => self.members.push(Member {
                name: name.to_owned(),
                key: Cow::Owned(serde_json::Value::from(name).to_string().into_bytes()),
                value,
            }),
        }
        self.changed = true;
    }

    /// The values of a map.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value<'a>> {
        self.members.iter_mut().map(|member| &mut member.value)
    }

    /// What a map has under a key.
    pub(super) fn entry(&mut self, key: &str) -> Option<&mut Value<'a>> {
        let found = self.members.iter_mut().find(|member| member.name == key);
        found.map(|member| &mut member.value)
    }

    /// The value of a field, in one place. `None` when it is not given or `null`.
    fn field(&mut self, name: &str, kind: Kind) -> Result<Option<&mut Value<'a>>, Mismatch> {
        let places = self.places(name);
        let Some((&last, earlier)) = places.split_last() else {
            return Ok(None);
        };
        if !earlier.is_empty() {
            let mut value = Value::null();
            for &place in &places {
                let later = mem::replace(&mut self.members[place].value, Value::null());
                value = kind.decode(value, later)?;
            }
            self.members[last].value = value;
            let mut replaced = earlier.iter().peekable();
            let mut place = 0..;
            self.members
                .retain(|_| replaced.next_if_eq(&&place.next().unwrap_or_default()).is_none());
            self.changed = true;
        }
        let value = &mut self.members[last - earlier.len()].value;
        Ok((!value.is_null()).then_some(value))
    }

    /// Where a field is given.
    fn places(&self, name: &str) -> Vec<usize> {
        let is_it =
            |key: &str| key.eq_ignore_ascii_case(name) || !key.is_ascii() && folded(key) == folded(name);
        let members = self.members.iter().enumerate();
        let found = members.filter(|(_, member)| is_it(&member.name));
        found.map(|(place, _)| place).collect()
    }

    /// Of the entries of a map with one key, Go keeps the last as it is.
    fn keep_last_entries(&mut self) {
        let before = self.members.len();
        let mut seen = HashSet::new();
        let mut last: Vec<Member<'a>> = mem::take(&mut self.members);
        last.reverse();
        last.retain(|member| seen.insert(member.name.clone()));
        last.reverse();
        self.changed |= last.len() < before;
        self.members = last;
    }
}

impl Kind {
    /// What is there when one value is decoded over another.
    fn decode<'a>(self, mut earlier: Value<'a>, mut later: Value<'a>) -> Result<Value<'a>, Mismatch> {
        if later.is_null() {
            let is_kept = matches!(self, Self::Structure | Self::String);
            return Ok(if is_kept { earlier } else { later });
        }
        match self {
            Self::Structure | Self::Pointer | Self::Map => {
                let fresh = later.object()?;
                if !earlier.is_null() {
                    let merged = earlier.object()?;
                    merged.members.append(&mut fresh.members);
                    return Ok(earlier);
                }
            }
            Self::Slice => drop(later.array()?),
            Self::String => drop(later.string()?),
        }
        Ok(later)
    }
}
