//! JSON from outside: objects only, where an object is expected.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A value that is read from a JSON object. serde's derived `Deserialize` also takes an array of the values of the members.
#[derive(Clone, Debug)]
pub(crate) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

/// The value of a JSON object.
pub(crate) fn from_object<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json).map(|Object(value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_no_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Pair {
            one: u8,
            two: u8,
        }
        assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "what serde does");
        let pair: Pair = from_object(br#"{"two":2,"one":1}"#).unwrap();
        assert_eq!((pair.one, pair.two), (1, 2));
        let error = from_object::<Pair>(b"[1,2]").unwrap_err().to_string();
        assert!(error.starts_with("invalid type: sequence, expected an object"), "{error}");
        let error = serde_json::from_str::<Vec<Object<Pair>>>("[[1,2]]").unwrap_err().to_string();
        assert!(error.contains("expected an object"), "{error}");
    }
}
