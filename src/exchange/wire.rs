//! Their JSON: the shapes of Deribit's API v2, for the client that reads them and a server that speaks them.
//!
//! Lenient where the wire is: unknown fields are ignored, unknown words of a
//! closed set are kept, numbers may come in exponent form, and an absent quote is null, 0 or not there.
//! What is read prints back as the same facts; no rule of the desk lives here.

pub mod account;
pub mod envelope;
pub mod history;
pub mod log;
pub mod market;
pub mod number;
pub mod orders;
pub mod requests;

/// Declares a set of words that may grow: a word this version does not know is kept as `Other`.
macro_rules! words {
    ($(#[doc = $about:literal])* $name:ident { $($(#[doc = $doc:literal])* $word:ident),+ $(,)? }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[doc = $doc])* $word,)+
            /// A word that came after this version.
            #[serde(untagged)]
            Other(String),
        }
    };
}
pub(crate) use words;

words! {
    /// What an instrument is.
    Kind { Option, Future, Spot, OptionCombo, FutureCombo }
}

words! {
    /// Of an order or a trade; `Zero` only of a flat position.
    Direction { Buy, Sell, Zero }
}
