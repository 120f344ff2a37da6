//! Conversations, drafts and texts about results, written and read on both engines.

use super::{DESK, Pair, START_MS};
use serde_json::json;
use thetaq::db::Db;
use thetaq::db::chat_drafts::{self, DraftRow};
use thetaq::db::chats::{self, MessageRow, PartRow, ThreadRow};
use thetaq::db::insights::{self, InsightRow};
use thetaq::db::reader::{Limits, Reader};

fn thread() -> ThreadRow {
    ThreadRow {
        id: "thread".to_owned(),
        desk: DESK.to_owned(),
        title: "why?".to_owned(),
        created_by: "test".to_owned(),
        created_ms: START_MS,
        updated_ms: START_MS,
        messages: 0,
    }
}

fn message(id: &str, role: &str, state: &str, text: &str) -> MessageRow {
    MessageRow {
        id: id.to_owned(),
        thread: "thread".to_owned(),
        role: role.to_owned(),
        state: state.to_owned(),
        text: text.to_owned(),
        created_ms: START_MS,
        ..MessageRow::default()
    }
}

fn part(n: i64, kind: &str, text: &str) -> PartRow {
    PartRow {
        message: "answer".to_owned(),
        n,
        kind: kind.to_owned(),
        text: text.to_owned(),
        ..PartRow::default()
    }
}

/// A question with an empty answer.
async fn asked() -> Pair {
    let pair = Pair::empty().await;
    pair.change(async |tx| {
        chats::touch(tx, &thread()).await?;
        chats::add_message(tx, &message("question", "user", "done", "why?")).await?;
        Ok(chats::add_message(tx, &message("answer", "assistant", "waiting", "")).await?)
    })
    .await;
    pair
}

/// A question, what was looked up for its answer, and a text about a run.
pub(super) async fn store(db: &Db) {
    let about = InsightRow {
        id: "insight".to_owned(),
        job: "job".to_owned(),
        about: "backtest".to_owned(),
        subject: "run".to_owned(),
        state: "done".to_owned(),
        facts: json!({"tables": []}),
        created_ms: START_MS,
        ..InsightRow::default()
    };
    let mut tx = db.begin().await.unwrap();
    chats::touch(&mut tx, &thread()).await.unwrap();
    for one in [
        message("question", "user", "done", "why?"),
        message("answer", "assistant", "waiting", ""),
    ] {
        chats::add_message(&mut tx, &one).await.unwrap();
    }
    chats::put_part(&mut tx, &part(1, "tool", ""))
        .await
        .unwrap();
    insights::put(&mut tx, &about).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_grows_is_begun_again_and_ends() {
    let pair = asked().await;
    pair.change(async |tx| Ok(chats::put_part(tx, &part(1, "text", "of a lost attempt")).await?))
        .await;
    pair.change(async |tx| Ok(chats::begin_answer(tx, "answer").await?))
        .await;
    let looked = PartRow {
        tool: Some("market".to_owned()),
        arguments: Some(json!({"underlying": "BTC"})),
        result: Some(json!({"tables": []})),
        rows: Some(0),
        took_ms: Some(3),
        ..part(1, "tool", "")
    };
    pair.change(async |tx| {
        chats::put_part(tx, &looked).await?;
        chats::put_part(tx, &part(2, "text", "It")).await?;
        Ok(chats::put_part(tx, &part(2, "text", "It is 5.")).await?)
    })
    .await;
    let parts = pair
        .same(async |db| Ok(chats::parts(db, "answer", 1).await?))
        .await;
    assert_eq!(parts, [looked, part(2, "text", "It is 5.")]);
    let ended = MessageRow {
        state: "done".to_owned(),
        text: "It is 5.".to_owned(),
        citations: Some(json!([{"table": "v_jobs", "id": "x"}])),
        unsupported: Some(1),
        model: Some("tester".to_owned()),
        cost_usd: Some(0.25),
        finished_ms: Some(START_MS + 5),
        ..message("answer", "assistant", "", "")
    };
    pair.change(async |tx| Ok(chats::end_answer(tx, &ended).await?))
        .await;
    let row = pair
        .same(async |db| Ok(chats::message(db, "answer").await?))
        .await
        .unwrap();
    assert_eq!((row.n, row.is_open(), row.cost_usd), (2, false, Some(0.25)));
    assert_eq!(row.input_tokens, None, "unknown is not 0");
    let messages = pair
        .same(async |db| Ok(chats::messages(db, "thread").await?))
        .await;
    assert_eq!(messages.len(), 2);
    let threads = pair
        .same(async |db| {
            Ok((
                chats::threads(db, DESK, 5).await?,
                chats::thread(db, "thread").await?,
            ))
        })
        .await;
    assert_eq!(threads.0[0].messages, 2);
    assert_eq!(threads.1.as_ref(), threads.0.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_decided_once() {
    let pair = asked().await;
    let draft = DraftRow {
        id: "draft".to_owned(),
        message: "answer".to_owned(),
        kind: "backtest".to_owned(),
        args: json!({"source": "synthetic"}),
        why: "to see".to_owned(),
        created_ms: START_MS,
        ..DraftRow::default()
    };
    pair.change(async |tx| Ok(chat_drafts::insert(tx, &draft).await?))
        .await;
    pair.change(async |tx| Ok(chats::put_part(tx, &part(1, "draft", "draft")).await?))
        .await;
    let confirmed = DraftRow {
        state: "confirmed".to_owned(),
        job: Some("job".to_owned()),
        decided_by: Some("a person".to_owned()),
        decided_ms: Some(START_MS + 1),
        ..draft
    };
    let first = pair
        .change(async |tx| Ok(chat_drafts::decide(tx, &confirmed).await?))
        .await;
    let second = pair
        .change(async |tx| Ok(chat_drafts::decide(tx, &confirmed).await?))
        .await;
    assert_eq!((first, second), (true, false));
    let row = pair
        .same(async |db| Ok(chat_drafts::get(db, "draft").await?))
        .await;
    assert_eq!(row, Some(confirmed.clone()));
    let of = pair
        .same(async |db| Ok(chat_drafts::of_message(db, "answer").await?))
        .await;
    assert_eq!(of, [confirmed]);
    let sql = "select kind, draft_state, decided_by from v_chat_tools";
    let view = pair
        .same(async |db| {
            Ok(Reader::new(db)
                .query(sql, &[], Limits::default())
                .await?
                .rows)
        })
        .await;
    assert_eq!(
        view,
        [[json!("draft"), json!("confirmed"), json!("a person")]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_text_about_a_result_is_shown() {
    let pair = Pair::empty().await;
    let row = |job: &str, text: &str, other: Option<&str>| InsightRow {
        id: job.to_owned(),
        job: job.to_owned(),
        about: if other.is_some() {
            "comparison"
        } else {
            "backtest"
        }
        .to_owned(),
        subject: "run".to_owned(),
        other: other.map(str::to_owned),
        state: "done".to_owned(),
        text: text.to_owned(),
        facts: json!({"tables": []}),
        created_ms: START_MS,
        ..InsightRow::default()
    };
    pair.change(async |tx| {
        insights::put(tx, &row("a", "", None)).await?;
        insights::put(tx, &row("a", "one", None)).await?;
        Ok(insights::put(tx, &row("b", "two", Some("other"))).await?)
    })
    .await;
    let alone = pair
        .same(async |db| Ok(insights::latest(db, "backtest", "run", None).await?))
        .await;
    assert_eq!(alone, Some(row("a", "one", None)));
    let both = pair
        .same(async |db| Ok(insights::latest(db, "comparison", "run", Some("other")).await?))
        .await;
    assert_eq!(both, Some(row("b", "two", Some("other"))));
}
