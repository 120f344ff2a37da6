//! Reading packed bytes without ever running past their end.

/// A packed snapshot that this version cannot read; the database holds something we did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packed chain snapshot is damaged: {0}")]
pub struct Corrupt(pub(super) &'static str);

/// A position in packed bytes; little endian throughout.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (head, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(Corrupt("it ends early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take gives exactly N bytes"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Corrupt> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Corrupt> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Corrupt> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Corrupt> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, Corrupt> {
        self.array().map(f64::from_le_bytes)
    }

    /// A short text; `None` when absent.
    pub(super) fn text(&mut self) -> Result<Option<&'a str>, Corrupt> {
        let length = self.u16()?;
        if length == u16::MAX {
            return Ok(None);
        }
        let bytes = self.take(usize::from(length))?;
        let text = std::str::from_utf8(bytes).map_err(|_| Corrupt("a text is not UTF-8"))?;
        Ok(Some(text))
    }
}

/// Appends a text of at most 65,534 bytes; longer ones are cut by the caller's validation.
pub(super) fn write_text(text: Option<&str>, out: &mut Vec<u8>) {
    let Some(text) = text else {
        return out.extend_from_slice(&u16::MAX.to_le_bytes());
    };
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
