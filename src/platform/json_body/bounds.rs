//! How much JSON is built out of one body: counted on the text, before a value takes memory.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Values that one body may hold, those inside others included: 100,000 extensions of five values each and to spare.
pub(super) const VALUES: usize = 600_000;

/// What one body may still hold. Text that is counted several times, since JSON may begin at several places, counts each
/// time.
#[derive(Debug)]
pub(super) struct Bounds {
    left: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { left: VALUES }
    }
}

impl Bounds {
    /// Whether the JSON at the beginning of `text` may be built; also where it is broken, up to there.
    pub(super) fn allow(&mut self, text: &[u8]) -> bool {
        // serde_json itself ends at a depth of 128.
        let _ = Count(self).deserialize(&mut serde_json::Deserializer::from_slice(text));
        self.left > 0
    }
}

/// Counts values and keeps none.
struct Count<'a>(&'a mut Bounds);

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.left = self.0.left.saturating_sub(1);
        if self.0.left == 0 {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Count(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Count(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_counts_and_no_more_than_allowed_is_looked_at() {
        for (text, values) in [
            ("0", 1),
            ("[]", 1),
            (r#"{"a":[1,"x",null,true,1.5,-1]}"#, 8),
            (r#"{"a":1,"a":2}"#, 3),
            ("[1,2", 3),
            ("<p>", 1),
        ] {
            let mut bounds = Bounds::default();
            assert!(bounds.allow(text.as_bytes()), "{text}");
            assert_eq!(VALUES - bounds.left, values, "{text}");
        }
        let mut few = Bounds { left: 3 };
        assert!(few.allow(b"[1]"));
        assert!(!few.allow(b"[1]"));
        assert!(!few.allow(b"0"));
    }
}
