//! The part of an address that says what a page shows.

use axum::http::Uri;

/// Names and values in the order of the address.
#[derive(Clone, Debug, Default)]
pub(in crate::web) struct Query(Vec<(String, String)>);

impl From<Vec<(String, String)>> for Query {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl Query {
    pub(in crate::web) fn of(uri: &Uri) -> Self {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self(pairs.map(|pairs| pairs.0).unwrap_or_default())
    }

    /// The value, unless it is missing or empty.
    pub(in crate::web) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Every name, as often as it stands in the address.
    pub(in crate::web) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Every value of a name that may stand several times.
    pub(in crate::web) fn all(&self, name: &str) -> Vec<&str> {
        let found = self
            .0
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub(in crate::web) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// This address with other values put in; an empty value takes the name out.
    pub(in crate::web) fn with(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let kept = self
            .0
            .iter()
            .filter(|(key, _)| !changes.iter().any(|(name, _)| name == key))
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let pairs: Vec<String> = kept
            .chain(changes.iter().copied())
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        if pairs.is_empty() {
            return path.to_owned();
        }
        format!("{path}?{}", pairs.join("&"))
    }

    /// The column a table is sorted by, `-` before it for the largest first.
    pub(in crate::web) fn sort(&self) -> Option<&str> {
        self.get("sort")
    }

    /// What `sort=..` is appended to.
    pub(in crate::web) fn sort_base(&self, path: &str) -> String {
        joined(&self.with(path, &[("notice", ""), ("sort", "")]))
    }

    /// What `&table=..&format=..` is appended to: the address without notices and formats.
    pub(in crate::web) fn base(&self, path: &str) -> String {
        joined(&self.with(path, &[("notice", ""), ("format", ""), ("table", "")]))
    }
}

fn joined(address: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}")
}

/// Percent-encodes everything but unreserved characters.
pub(in crate::web) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
