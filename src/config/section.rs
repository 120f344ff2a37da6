//! One declaration of a section: struct, defaults, and its keys with their documentation.

/// Declares one section: struct, defaults and the list of keys with their documentation.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[doc = $doc])+ pub $key: $type),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default),* }
            }
        }

        impl $name {
            /// (key, documentation) in the order of the file.
            pub const KEYS: &'static [(&'static str, &'static str)] = &[$((stringify!($key), concat!($($doc),+))),*];
        }
    };
}
