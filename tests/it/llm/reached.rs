//! `thetaq doctor` before a model's server: there or not, with or without the model, with a key that it takes or not.

use crate::support::completions::Completions;
use crate::support::terminal::Terminal;
use serde_json::{Value, json};

/// The check of the model's server, and how the command ended.
fn check(base_url: &str, more: &str) -> (Value, i32) {
    let here = Terminal::new();
    let settings = format!("[llm]\nbase_url = \"{base_url}\"\nmodel = \"tester\"\n{more}");
    here.write("workers.toml", &settings);
    let ran = here.run(&["doctor", "--json"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let found = checks
        .iter()
        .find(|check| check["name"] == "language_model");
    (found.cloned().unwrap_or_default(), ran.code)
}

fn says(check: &Value, value: &str, advice: &str) {
    let text = |name: &str| check[name].as_str().unwrap().to_owned();
    assert!(text("value").contains(value), "{value} in {check}");
    assert!(text("advice").contains(advice), "{advice} in {check}");
    assert_eq!(advice.is_empty(), text("advice").is_empty(), "{check}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_a_warning_until_a_model_decides() {
    let nobody = "http://127.0.0.1:9/v1";
    let (found, code) = check(nobody, "");
    assert_eq!((&found["ok"], code), (&json!(true), 0));
    says(
        &found,
        "unreachable",
        "Is the server running at [llm] base_url = http://127.0.0.1:9/v1?",
    );
    for needed in [
        "[policy]\ndecision_mode = \"hybrid_shadow\"\n",
        "[council]\npolicies = [\"llm:big\"]\n",
    ] {
        let (found, code) = check(nobody, needed);
        assert_eq!((&found["ok"], code), (&json!(false), 1), "{needed}");
    }
    let here = Terminal::new();
    here.write(
        "workers.toml",
        &format!("[llm]\nbase_url = \"{nobody}\"\nmodel = \"tester\"\n"),
    );
    let text = here.text(&["doctor"]);
    let line = text
        .lines()
        .find(|line| line.starts_with("language_model"))
        .unwrap();
    assert!(line.contains("warning"), "{text}");
    let rules = Terminal::new();
    rules.write("workers.toml", "");
    assert!(!rules.text(&["doctor"]).contains("language_model"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_the_model_and_a_refused_key_are_told_apart() {
    let list = |name: &str| json!({ "data": [{ "id": name }] }).to_string();
    let decides = "[policy]\ndecision_mode = \"llm_only\"\n";
    let good = Completions::start(&list("tester")).await;
    let (found, code) = check(&good.base_url(), decides);
    assert_eq!((&found["ok"], code), (&json!(true), 0));
    says(&found, "reachable, in its list", "");
    let other = Completions::start(&list("another")).await;
    let (found, code) = check(&other.base_url(), decides);
    assert_eq!((&found["ok"], code), (&json!(true), 0));
    says(&found, "not in its list: another", "[llm] model");
    let bare = Completions::start_with(404, "nothing here").await;
    says(&check(&bare.base_url(), decides).0, "has no list", "");
    let locked = Completions::start_with(401, "{}").await;
    let (found, code) = check(&locked.base_url(), decides);
    assert_eq!((&found["ok"], code), (&json!(false), 1));
    says(&found, "refuses the key (HTTP 401)", "THETAQ_LLM_API_KEY");
}
