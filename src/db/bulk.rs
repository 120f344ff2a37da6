//! Many rows in few statements: batches of fixed sizes, so that each text is prepared once.

/// Rows per statement; what is left over goes into the next smaller batch.
const BATCHES: [usize; 4] = [64, 16, 4, 1];

/// Cuts `rows` into batches of the fixed sizes, in order.
pub(in crate::db) fn batches<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = BATCHES.into_iter().find(|size| *size <= rows.len())?;
        let (batch, rest) = rows.split_at(size);
        rows = rest;
        Some(batch)
    })
}

/// Inserts rows of one table in batches:
/// `insert_rows!(tx, "insert into t (a, b) ", rows, (row, bind) => { bind.push_bind(row.a); .. })`,
/// with `, " on conflict .."` at the end where rows may be there already.
macro_rules! insert_rows {
    ($tx:expr, $sql:expr, $rows:expr, ($row:ident, $bind:ident) => $body:block) => {
        insert_rows!($tx, $sql, $rows, ($row, $bind) => $body, "")
    };
    ($tx:expr, $sql:expr, $rows:expr, ($row:ident, $bind:ident) => $body:block, $end:expr) => {{
        for batch in $crate::db::bulk::batches($rows) {
            on!($tx, conn => {
                let mut statement = sqlx::QueryBuilder::new($sql);
                statement.push_values(batch, |mut $bind, $row| $body);
                statement.push($end);
                statement.build().execute(&mut *conn).await.map(|_| ())
            })?;
        }
        sqlx::Result::Ok(())
    }};
}

/// A float as both engines keep it: not finite is null, and zero has no sign.
pub(in crate::db) fn float(value: Option<f64>) -> Option<f64> {
    value
        .filter(|value| value.is_finite())
        .map(|value| value + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_every_row_once() {
        let rows: Vec<usize> = (0..231).collect();
        let sizes: Vec<usize> = batches(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [64, 64, 64, 16, 16, 4, 1, 1, 1]);
        assert_eq!(batches(&rows).flatten().copied().collect::<Vec<_>>(), rows);
    }
}
