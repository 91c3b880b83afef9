//! A second reader of bodies, by Go's rules and written another way, to judge the rewriting by.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// A value with every member of its objects, in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    /// A number or a boolean, as text.
    Scalar(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// What Go decodes a value into.
pub enum Shape {
    Text,
    Slice(&'static Shape),
    Map(&'static Shape),
    /// A structure; the fields that are of interest. What `null` does to it differs from a pointer's.
    Structure(&'static [(&'static str, Shape)]),
    Pointer(&'static [(&'static str, Shape)]),
}

const BINDING: Shape = Shape::Structure(&[("HostIp", Shape::Text), ("HostPort", Shape::Text)]);
const BINDINGS: Shape = Shape::Slice(&BINDING);
const MOUNT: Shape = Shape::Structure(&[("Type", Shape::Text), ("Source", Shape::Text)]);

/// The body of `POST /containers/create`.
pub const CONTAINER: Shape = Shape::Structure(&[(
    "HostConfig",
    Shape::Pointer(&[
        ("Binds", Shape::Slice(&Shape::Text)),
        ("NetworkMode", Shape::Text),
        ("PortBindings", Shape::Map(&BINDINGS)),
        ("ExtraHosts", Shape::Slice(&Shape::Text)),
        ("Mounts", Shape::Slice(&MOUNT)),
    ]),
)]);

/// What Go makes of a body. `None` when it refuses it.
pub fn read(body: &[u8], shape: &Shape) -> Option<Json> {
    let json: Json = serde_json::from_slice(body).ok()?;
    decoded(shape, &[&json])
}

/// What is there after the values were decoded one over the other.
fn decoded(shape: &Shape, values: &[&Json]) -> Option<Json> {
    let is_kept = matches!(shape, Shape::Text | Shape::Structure(_));
    let mut effective: Vec<&Json> = Vec::new();
    if !values.iter().all(|value| shape.takes(value)) {
        return None;
    }
    for value in values {
        match value {
            Json::Null if is_kept => {}
            Json::Null => effective.clear(),
            value => effective.push(value),
        }
    }
    let Some(last) = effective.last() else {
        return Some(Json::Null);
    };
    match shape {
        Shape::Text => Some((*last).clone()),
        Shape::Slice(element) => {
            let elements = last.values().into_iter();
            let elements = elements.map(|value| decoded(element, &[value]));
            elements.collect::<Option<_>>().map(Json::Array)
        }
        Shape::Map(element) => {
            let members = all_members(&effective)?;
            let mut entries: Vec<(String, Json)> = Vec::new();
            for (key, value) in members {
                let value = decoded(element, &[value])?;
                entries.retain(|(known, _)| *known != key);
                entries.push((key, value));
            }
            Some(Json::Object(entries))
        }
        Shape::Structure(fields) | Shape::Pointer(fields) => {
            let mut members = all_members(&effective)?;
            let mut read = Vec::new();
            for (name, shape) in *fields {
                let is_it = |(key, _): &(String, &Json)| is_same(key, name);
                let values: Vec<&Json> = members
                    .iter()
                    .filter(|member| is_it(member))
                    .map(|(_, value)| *value)
                    .collect();
                members.retain(|member| !is_it(member));
                read.push(((*name).to_owned(), decoded(shape, &values)?));
            }
            read.extend(members.into_iter().map(|(key, value)| (key, value.clone())));
            Some(Json::Object(read))
        }
    }
}

fn all_members<'a>(objects: &[&'a Json]) -> Option<Vec<(String, &'a Json)>> {
    let mut all = Vec::new();
    for object in objects {
        let Json::Object(members) = object else {
            return None;
        };
        all.extend(members.iter().map(|(key, value)| (key.clone(), value)));
    }
    Some(all)
}

fn is_same(key: &str, name: &str) -> bool {
    key.replace('\u{17f}', "s")
        .replace('\u{212a}', "k")
        .eq_ignore_ascii_case(name)
}

impl Shape {
    fn takes(&self, value: &Json) -> bool {
        match (self, value) {
            (_, Json::Null) => true,
            (Self::Text, value) => matches!(value, Json::Text(_)),
            (Self::Slice(_), value) => matches!(value, Json::Array(_)),
            (Self::Map(_) | Self::Structure(_) | Self::Pointer(_), value) => matches!(value, Json::Object(_)),
        }
    }
}

impl Json {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        members
            .iter_mut()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// What a text says; nothing where there is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    /// The elements of an array, or the values of an object.
    pub fn values(&self) -> Vec<&Self> {
        match self {
            Self::Array(elements) => elements.iter().collect(),
            Self::Object(members) => members.iter().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}
