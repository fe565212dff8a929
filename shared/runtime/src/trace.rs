//! The id by which one call is followed through all functions: the root of AWS's trace header.

use std::fmt;

/// A trace id, as in `Root=1-69a55fa0-0123456789abcdef01234567`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    seconds: u32,
    id: u128,
}

/// The version, seconds and the rest, in hexadecimal digits.
const LENGTHS: [usize; 3] = [1, 8, 24];

impl Trace {
    /// The header in which API Gateway says it.
    pub(crate) const HEADER: &str = "x-amzn-trace-id";

    /// The root in such a header. Whatever looks otherwise never reaches a log.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
        let parts: Vec<&str> = root.split('-').collect();
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = parts.iter().map(|part| part.len()).eq(LENGTHS) && parts.iter().all(|part| is_hex(part));
        match parts.as_slice() {
            ["1", seconds, id] if fits => Some(Self {
                seconds: u32::from_str_radix(seconds, 16).ok()?,
                id: u128::from_str_radix(id, 16).ok()?,
            }),
            _ => None,
        }
    }
}

/// The root alone.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1-{:08x}-{:024x}", self.seconds, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_root_is_read() {
        let root = "1-69a55fa0-0123456789abcdef01234567";
        let read = |header: &str| Trace::read(header).map(|trace| trace.to_string());

        assert_eq!(read(&format!("Root={root}")).as_deref(), Some(root));
        let whole = format!("Self=1-00000000-0; Root={root};Parent=53995c3f42cd8ad8;Sampled=1");
        assert_eq!(read(&whole).as_deref(), Some(root));
        for wrong in [
            "",
            root,
            "Root=",
            "Root=2-69a55fa0-0123456789abcdef01234567",
            "Root=1-69a55fa0-0123456789abcdef0123456",
            "Root=1-69a55fa0-0123456789abcdef01234567-0",
            "Root=1-+9a55fa0-0123456789abcdef01234567",
            "Root=1-alice@ex-ample.com0123456789abcde",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
