//! Where a list of jobs goes on.

use super::JobRow;

/// Where a job stands in a list. Ids tell the desk's clock, which may stand still or run back; jobs are
/// listed by when they came, and by id within a millisecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub created_ms: i64,
    pub id: String,
}

impl Place {
    pub fn of(row: &JobRow) -> Self {
        Self {
            created_ms: row.created_ms,
            id: row.id.clone(),
        }
    }

    /// As it stands in an address; `None` for a text that is no place.
    pub fn parse(text: &str) -> Option<Self> {
        let (created_ms, id) = text.split_once('-')?;
        Some(Self {
            created_ms: created_ms.parse().ok()?,
            id: id.to_owned(),
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.created_ms, self.id)
    }
}
