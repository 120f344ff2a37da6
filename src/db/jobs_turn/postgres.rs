//! A turn on Postgres: one statement, which is its own transaction.

use super::{Ack, Claim, Claimed, EVENTS_PER_ATTEMPT, event_n};
use crate::db::engine::PostgresDb;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{PgConnection, Postgres};

pub(super) async fn turn(
    db: &PostgresDb,
    acks: &[Ack],
    claim: Option<&Claim>,
) -> sqlx::Result<Vec<Claimed>> {
    let columns = Columns::of(acks);
    match claim {
        Some(claim) if claim.serial => serial(db, &columns, claim).await,
        _ => run(&mut *db.pool.acquire().await?, &columns, claim).await,
    }
}

async fn run(
    connection: &mut PgConnection,
    columns: &Columns<'_>,
    claim: Option<&Claim>,
) -> sqlx::Result<Vec<Claimed>> {
    let query = bind_claim(sqlx::query_as(TURN), claim);
    columns.bind(query).fetch_all(connection).await
}

/// Claimers of a serial kind take turns, so that each sees what the others run.
async fn serial(
    db: &PostgresDb,
    columns: &Columns<'_>,
    claim: &Claim,
) -> sqlx::Result<Vec<Claimed>> {
    let mut transaction = db.pool.begin().await?;
    run(&mut transaction, columns, None).await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext($1))")
        .bind(format!("{} {}", claim.desk, claim.kind))
        .execute(&mut *transaction)
        .await?;
    let claimed = bind_claim(sqlx::query_as(CLAIM_SERIAL), Some(claim))
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(claimed)
}

type Query<'q> = QueryAs<'q, Postgres, Claimed, PgArguments>;

fn bind_claim<'q>(query: Query<'q>, claim: Option<&'q Claim>) -> Query<'q> {
    let (owner, desk, kind) = claim.map_or(("", "", ""), |claim| {
        (claim.owner.as_str(), claim.desk.as_str(), claim.kind)
    });
    query
        .bind(owner)
        .bind(claim.map_or(0, |claim| claim.lease_until_ms))
        .bind(claim.map_or(0, |claim| claim.now_ms))
        .bind(desk)
        .bind(kind)
        .bind(claim.map_or(0, |claim| claim.limit))
}

/// Acknowledgements as one array per column.
#[derive(Default)]
struct Columns<'a> {
    id: Vec<&'a str>,
    attempt: Vec<i64>,
    owner: Vec<&'a str>,
    state: Vec<&'a str>,
    granted: Vec<i64>,
    at_ms: Vec<i64>,
    started_ms: Vec<i64>,
    finished_ms: Vec<Option<i64>>,
    run_at_ms: Vec<Option<i64>>,
    progress: Vec<Option<f64>>,
    progress_note: Vec<Option<&'a str>>,
    result: Vec<Option<&'a str>>,
    error: Vec<Option<&'a str>>,
    event_n: Vec<i64>,
    line_of: Vec<i64>,
    line_n: Vec<i64>,
    line_at_ms: Vec<i64>,
    line: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(acks: &'a [Ack]) -> Self {
        let mut columns = Self::default();
        for (index, ack) in (1..).zip(acks) {
            columns.push(index, ack);
        }
        columns
    }

    fn push(&mut self, index: i64, ack: &'a Ack) {
        let attempt = ack.fence.attempt;
        self.id.push(&ack.fence.id);
        self.attempt.push(attempt);
        self.owner.push(&ack.fence.owner);
        self.state.push(ack.state);
        self.granted.push(ack.granted);
        self.at_ms.push(ack.at_ms);
        self.started_ms.push(ack.started_ms);
        self.finished_ms.push(ack.finished_ms);
        self.run_at_ms.push(ack.run_at_ms);
        self.progress.push(ack.progress);
        self.progress_note.push(ack.progress_note.as_deref());
        self.result.push(ack.result.as_deref());
        self.error.push(ack.error.as_deref());
        self.event_n.push(event_n(attempt));
        for line in &ack.lines {
            self.line_of.push(index);
            self.line_n.push(attempt * EVENTS_PER_ATTEMPT + line.n);
            self.line_at_ms.push(line.at_ms);
            self.line.push(&line.text);
        }
    }

    fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(&self.id)
            .bind(&self.attempt)
            .bind(&self.owner)
            .bind(&self.state)
            .bind(&self.granted)
            .bind(&self.at_ms)
            .bind(&self.started_ms)
            .bind(&self.finished_ms)
            .bind(&self.run_at_ms)
            .bind(&self.progress)
            .bind(&self.progress_note)
            .bind(&self.result)
            .bind(&self.error)
            .bind(&self.event_n)
            .bind(&self.line_of)
            .bind(&self.line_n)
            .bind(&self.line_at_ms)
            .bind(&self.line)
    }
}

/// Parameters 1 to 6 are the claim (a limit of 0 claims nothing), 7 to 24 the acknowledgements.
///
/// The fence names no state: `state = 'running'` would make Postgres walk a partial index.
const TURN: &str = "with ack as ( \
       select * from unnest($7::text[], $8::bigint[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], \
         $13::bigint[], $14::bigint[], $15::bigint[], $16::double precision[], $17::text[], $18::text[], \
         $19::text[], $20::bigint[]) with ordinality \
       as a (id, attempt, owner, state, granted, at_ms, started_ms, finished_ms, run_at_ms, progress, \
         progress_note, result, error, event_n, place) \
     ), acked as ( \
       update jobs set \
         state = case when ack.finished_ms is not null then ack.state when cancel_requested then 'cancelled' \
           when pause_requested then 'paused' else ack.state end, \
         max_attempts = max_attempts + ack.granted, \
         run_at_ms = coalesce(ack.run_at_ms, jobs.run_at_ms), started_ms = ack.started_ms, \
         finished_ms = case when cancel_requested then coalesce(ack.finished_ms, ack.at_ms) \
           else ack.finished_ms end, progress = coalesce(ack.progress, jobs.progress), \
         progress_note = coalesce(ack.progress_note, jobs.progress_note), result = ack.result::jsonb, \
         error = ack.error, lease_until_ms = null \
       from ack where jobs.id = ack.id and jobs.attempt = ack.attempt and jobs.worker = ack.owner \
         and jobs.finished_ms is null \
       returning ack.*, jobs.state as entered \
     ), ended as ( \
       insert into job_events (job, n, at_ms, started_ms, attempt, event, message, worker) \
       select id, event_n, at_ms, started_ms, attempt, entered, error, owner from acked \
       on conflict (job, n) do nothing \
     ), logged as ( \
       insert into job_events (job, n, at_ms, attempt, event, message, worker) \
       select acked.id, line.n, line.at_ms, acked.attempt, 'log', line.message, acked.owner \
       from unnest($21::bigint[], $22::bigint[], $23::bigint[], $24::text[]) as line (place, n, at_ms, message) \
       join acked on acked.place = line.place \
       on conflict (job, n) do nothing \
     ), picked as ( \
       select id from jobs where desk = $4 and kind = $5 and state = 'available' \
         and queue not in (select queue from queues where paused) \
       order by priority desc, run_at_ms, id limit $6 for update skip locked \
     ) \
     update jobs set state = 'running', attempt = jobs.attempt + 1, worker = $1, lease_until_ms = $2, \
       started_ms = $3, progress = 0 from picked where jobs.id = picked.id \
     returning jobs.id, kind, cast(args as text) as args, attempt, max_attempts, priority, run_at_ms, \
       expires_at_ms, slot_ms, parent";

const CLAIM_SERIAL: &str = "with placed as ( \
       select id, priority, run_at_ms, \
         row_number() over (partition by queue order by priority desc, run_at_ms, id) as place \
       from jobs where desk = $4 and kind = $5 and state = 'available' \
         and queue not in (select queue from queues where paused) \
         and queue not in (select queue from jobs where state = 'running' and desk = $4 and kind = $5) \
     ), picked as ( \
       select jobs.id from jobs join placed on placed.id = jobs.id where placed.place = 1 \
         and jobs.state = 'available' \
       order by jobs.priority desc, jobs.run_at_ms, jobs.id limit $6 for update of jobs skip locked \
     ) \
     update jobs set state = 'running', attempt = jobs.attempt + 1, worker = $1, lease_until_ms = $2, \
       started_ms = $3, progress = 0 from picked where jobs.id = picked.id \
     returning jobs.id, kind, cast(args as text) as args, attempt, max_attempts, priority, run_at_ms, \
       expires_at_ms, slot_ms, parent";
