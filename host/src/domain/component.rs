//! A component's bytes, as they are or packed.
//!
//! The binary carries its components packed, since they would be a seventh of it. Whoever has a
//! component's compiled form never needs them: so they are unpacked where they are read, not before.

use miniz_oxide::inflate::decompress_to_vec_with_limit;
use std::borrow::Cow;
use std::sync::Arc;

/// The bytes of one component. A copy shares them: each run is begun with one, and they may be megabytes.
#[derive(Debug, Clone)]
pub struct ComponentBytes(Form);

#[derive(Debug, Clone)]
enum Form {
    Plain(Arc<[u8]>),
    Packed { deflated: &'static [u8], size: usize },
}

/// Bytes that cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a component that this program carries is damaged; install the program again")]
pub struct Damaged;

impl ComponentBytes {
    /// Bytes that the binary carries: a raw DEFLATE stream (RFC 1951), and how many bytes it stands for.
    pub const fn packed(deflated: &'static [u8], size: usize) -> Self {
        Self(Form::Packed { deflated, size })
    }

    /// How many there are, unpacked.
    pub fn size(&self) -> usize {
        match &self.0 {
            Form::Plain(bytes) => bytes.len(),
            Form::Packed { size, .. } => *size,
        }
    }

    /// The bytes, unpacked anew each time: some milliseconds for a megabyte.
    ///
    /// # Errors
    /// [`Damaged`] where a packed form is not what it was when the program was built.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, Damaged> {
        match &self.0 {
            Form::Plain(bytes) => Ok(Cow::Borrowed(bytes)),
            Form::Packed { deflated, size } => {
                let bytes = decompress_to_vec_with_limit(deflated, *size).map_err(|_| Damaged)?;
                if bytes.len() == *size { Ok(Cow::Owned(bytes)) } else { Err(Damaged) }
            }
        }
    }
}

impl From<Vec<u8>> for ComponentBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Form::Plain(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_read_whole_or_not_at_all() {
        // "aaaaaaaa" as zlib deflates it, without its header.
        const DEFLATED: &[u8] = &[0x4b, 0x4c, 0x84, 0x00, 0x00];
        let check = |deflated: &'static [u8], size: usize, expected: Result<&[u8], Damaged>| {
            let bytes = ComponentBytes::packed(deflated, size);
            assert_eq!(bytes.read().as_deref().map_err(|it| *it), expected, "{deflated:?} {size}");
            assert_eq!(bytes.size(), size);
        };
        check(DEFLATED, 8, Ok(b"aaaaaaaa"));
        check(DEFLATED, 7, Err(Damaged));
        check(DEFLATED, 9, Err(Damaged));
        check(&DEFLATED[..2], 8, Err(Damaged));
        check(&[0xff; 4], 8, Err(Damaged));
        let plain = ComponentBytes::from(b"\0asm".to_vec());
        assert_eq!((plain.size(), plain.read().as_deref()), (4, Ok(&b"\0asm"[..])));
    }
}
