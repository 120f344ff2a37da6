//! A run's calls by outcome, what it fell back to and what it cost: in its document and as people read it.

use super::answers;
use super::decisions::{MAY_OPEN, opens};
use crate::support::aimock::Aimock;
use crate::support::terminal::Terminal;
use serde_json::{Value, json};

/// Five days of a market in which a call can be sold every day, decided by whom these settings name.
fn line(policy: &'static str) -> Vec<&'static str> {
    let words = "backtest --source synthetic --market-seed counted --from 2026-01-05 --to 2026-01-09 \
        --set interval_ms=86400000 --set ivrv_min=0 --set yield_min=0 --set answers=ask --set";
    words.split_whitespace().chain([policy]).collect()
}

fn desk(base_url: &str, more: &str) -> Terminal {
    let here = Terminal::new();
    let settings = format!("[llm]\nbase_url = \"{base_url}\"\nmodel = \"tester\"\n{more}");
    here.write("workers.toml", &settings);
    here
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_server_cannot_be_reached_says_so_first() {
    let here = desk(
        "http://127.0.0.1:9/v1",
        "timeout_ms = 1000\nfallback = \"rule\"\n",
    );
    let run = here.json(&line("policy=llm"));
    assert_eq!(run["state"], "done");
    let model = &run["model"];
    let made = model["calls"]["made"].as_i64().unwrap();
    assert!(made > 0, "{model}");
    let failed = model["calls"]["outcomes"]["http_error"].as_i64().unwrap()
        + model["calls"]["outcomes"]["timeout"].as_i64().unwrap();
    assert_eq!(failed, made, "{model}");
    assert_eq!(model["calls"]["outcomes"]["ok"], 0);
    assert_eq!(
        model["calls"]["cost_usd"],
        Value::Null,
        "not known is not 0"
    );
    assert_eq!(model["calls"]["unpriced"], made);
    assert_eq!(
        (&model["fallback"], &model["steps"]["fell_back"]),
        (&json!("rule"), &json!(made))
    );
    assert_eq!(
        run["metrics"]["answers"],
        Value::Null,
        "it stands in one place"
    );

    let text = here.text(&line("policy=llm"));
    let second = text.lines().nth(1).unwrap();
    for words in [
        "warning: The model decided nothing",
        "`thetaq doctor`",
        "[llm] base_url",
        "fallback `rule`",
    ] {
        assert!(second.contains(words), "{words}: {text}");
    }
    assert!(
        text.contains(&format!("{made} fell back to `rule`")),
        "{text}"
    );
    assert!(
        text.contains(&format!("cost not known, of {made} calls")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_and_costs_are_counted_and_what_the_model_may_know_is_said() {
    let fixtures = json!([
        answers(MAY_OPEN, opens("there is room")),
        answers(
            "Choose one id",
            json!({ "content": "I cannot.", "finishReason": "content_filter" })
        ),
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    let more = "price_input_usd = 1.0\nprice_output_usd = 2.0\ntraining_cutoff = \"2026-01-05\"\n";
    let here = desk(&server.base_url(), more);
    let run = here.json(&line("policy=llm"));
    let (model, sent) = (&run["model"], server.journal().await.len());
    assert_eq!(model["calls"]["made"], sent);
    let of = |name: &str| model["calls"]["outcomes"][name].as_u64().unwrap();
    assert!(of("ok") > 0 && of("refused") > 0, "{model}");
    assert_eq!(model["steps"]["fell_back"], of("refused"));
    assert!(model["calls"]["cost_usd"].as_f64() > Some(0.0), "{model}");
    let text = here.text(&line("policy=llm"));
    assert!(!text.contains("decided nothing"), "{text}");
    assert!(
        text.contains(
            "warning: Decided by the language model tester, which was trained up to 2026-01-05"
        ),
        "{text}"
    );

    let rules = here.json(&line("policy=rules_v2"));
    assert_eq!(rules["model"], Value::Null);
    let ids = [&rules["id"], &run["id"]].map(|id| id.as_str().unwrap());
    let compare = ["compare", ids[0], ids[1]];
    let text = here.text(&compare);
    let warned = format!("warning: {}: Decided by the language model tester", ids[1]);
    assert!(text.starts_with(&warned), "{text}");
    let notices = here.json(&compare)["notices"].clone();
    assert_eq!(
        (&notices[0]["run"], &notices[0]["bad"], &notices[1]),
        (&json!(ids[1]), &json!(true), &Value::Null)
    );
    let sql =
        "select model, training_cutoff, before_cutoff from v_backtests order by created_at, id";
    let rows = here.json(&["sql", "--query", sql]);
    assert_eq!(
        rows[0],
        json!({"model": "tester", "training_cutoff": "2026-01-05", "before_cutoff": 1})
    );
    let last = rows.as_array().unwrap().last().unwrap();
    assert_eq!(
        last,
        &json!({"model": null, "training_cutoff": null, "before_cutoff": null})
    );
    let told = here.text(&["chat", &format!("/sql {sql}")]);
    assert!(told.contains("before_cutoff"), "{told}");
}
