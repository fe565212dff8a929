//! The password of a takeout, which nothing may print, copy or keep.

use zeroize::Zeroizing;

/// What the archive is locked with.
///
/// It cannot be formatted, cloned, compared or serialised, and its memory is wiped when it goes.
/// How good it must be is decided where it is accepted, not here.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text over; no copy of it is made.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Password;

    /// Fails to compile when `Password` implements the trait: then both blanket
    /// implementations apply, and the compiler cannot tell which `check` is meant.
    macro_rules! assert_never {
        ($name:ident: $bound:path) => {
            mod $name {
                trait Ambiguous<Marker> {
                    fn check() {}
                }
                impl<T> Ambiguous<()> for T {}
                struct Implemented;
                impl<T: $bound> Ambiguous<Implemented> for T {}

                #[test]
                fn is_not_implemented() {
                    <super::Password as Ambiguous<_>>::check();
                }
            }
        };
    }

    assert_never!(debug: std::fmt::Debug);
    assert_never!(display: std::fmt::Display);
    assert_never!(clone: Clone);
    assert_never!(serialize: serde::Serialize);
}
