//! The program itself with a key in its environment: what it wrote has no key, and what it sent is of no other variable.

use crate::support::aimock::Aimock;
use crate::support::terminal::{Ran, Terminal};
use serde_json::{Value, json};
use std::path::Path;

const KEY: &str = "sk-a-very-distinctive-key-7461";
/// What the library would take on its own.
const OTHERS: [(&str, &str); 5] = [
    ("OPENAI_API_KEY", "sk-of-somebody-else"),
    ("OPENAI_ADMIN_KEY", "sk-of-an-admin"),
    ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
    ("OPENAI_ORG_ID", "org-of-somebody-else"),
    ("OPENAI_PROJECT_ID", "proj-of-somebody-else"),
];

/// A model that repeats the key it was asked with, and one that refuses it and quotes it.
fn fixtures() -> Value {
    let reason = format!("asked with {KEY}");
    let quoted = format!("Incorrect API key provided: {KEY}");
    let answer =
        json!({ "answer": format!("You asked with {KEY}, and this takes a while to say.") });
    json!([
        { "match": { "userMessage": "repeat" }, "chunkSize": 6, "latency": 40, "response": { "content": answer } },
        { "match": { "model": "parrot" },
          "response": { "content": { "choice": "c1", "size": 0.1, "reason": reason } } },
        { "match": { "model": "guard" },
          "response": { "error": { "message": quoted, "type": KEY, "code": KEY }, "status": 401 } },
    ])
}

fn desk(server: &Aimock) -> Terminal {
    let here = Terminal::new()
        .with_environment(&OTHERS)
        .with_environment(&[("THETAQ_LLM_API_KEY", KEY), ("THETAQ_LOG", "trace")]);
    let url = server.base_url();
    here.write(
        "workers.toml",
        &format!(
            "[desk]\nivrv_min = 0.0\nspread_max = 0.5\nopen_interest_min = 0.0\n[policy]\nyield_min = 0.0\ndecision_mode = \"llm_only\"\n[council]\npolicies = [\"llm:guard\"]\n\
             [llm]\nbase_url = \"{url}\"\nmodel = \"parrot\"\n"
        ),
    );
    here
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_run_wrote_has_the_key() {
    let Some(server) = Aimock::start(fixtures(), &[]).await else {
        return;
    };
    let here = desk(&server);
    let ticked = here.run(&["tick", "--underlying", "BTC", "--json", "--log-json"]);
    assert_eq!(ticked.code, 0, "{}", ticked.err);
    let made = here.json(&[
        "sql",
        "--query",
        "select id, reason, source from v_decisions",
    ]);
    let decision = made[0]["id"].as_str().unwrap();
    assert_eq!(
        (&made[0]["reason"], &made[0]["source"]),
        (&json!("asked with [the key]"), &json!("llm"))
    );
    let args = json!({ "decision": decision }).to_string();
    let judged = here.run(&["enqueue", "council", "--args", &args, "--wait", "--json"]);
    assert!(judged.out.contains("http_error"), "{judged:?}");
    let calls = here.json(&[
        "sql",
        "--query",
        "select outcome, error from v_llm_calls order by id",
    ]);
    assert!(
        calls
            .to_string()
            .contains("Incorrect API key provided: [the key]"),
        "{calls}"
    );
    let chatted = here.run(&["chat", "repeat what you know", "--json"]);
    assert!(
        chatted.out.contains("You asked with [the key], and"),
        "{chatted:?}"
    );
    let doctor = here.run(&["doctor"]);
    assert!(doctor.out.contains("language_model_calls"), "{doctor:?}");
    pages(&here, decision).await;
    for Ran { out, err, .. } in [&ticked, &judged, &chatted, &doctor] {
        assert!(!out.contains(KEY) && !err.contains(KEY), "{out}{err}");
    }
    assert!(
        ticked.err.lines().count() > 20,
        "everything was logged: {}",
        ticked.err
    );
    assert_eq!(holding(here.folder(), KEY), Vec::<String>::new());
    assert!(
        !holding(here.folder(), "[the key]").is_empty(),
        "the answers were kept"
    );
    nothing_of_others(&server, &here).await;
}

/// Every page that shows what a model said.
async fn pages(here: &Terminal, decision: &str) {
    let web = here.open(&["web", "--bind", "127.0.0.1:0"]);
    let person = crate::support::http().cookie_store(true).build().unwrap();
    person.get(&web.login).send().await.unwrap();
    let addresses = [
        "/",
        "/council",
        "/jobs",
        "/sql/llm_outcomes",
        "/sql/llm_cost",
        "/metrics",
    ];
    let decision = format!("/decisions/{decision}");
    for path in addresses.into_iter().chain([decision.as_str()]) {
        let url = format!("http://{}{path}", web.address());
        let page = person.get(url).send().await.unwrap();
        assert!(page.status().is_success(), "{path}");
        let text = page.text().await.unwrap();
        assert!(!text.contains(KEY), "{path} shows the key");
    }
}

/// Files below a folder that hold a text, however they are written.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// The server that was named was asked, and as nobody of the environment.
async fn nothing_of_others(server: &Aimock, here: &Terminal) {
    let asked = server.journal().await;
    assert!(asked.len() >= 2, "{asked:?}");
    let sent = json!(
        asked
            .iter()
            .map(|entry| &entry["headers"])
            .collect::<Vec<_>>()
    )
    .to_string();
    assert!(
        sent.contains("authorization") && !sent.contains("openai-"),
        "{sent}"
    );
    for (name, value) in OTHERS {
        assert!(!sent.contains(value), "{name} was sent: {sent}");
        assert_eq!(holding(here.folder(), value), Vec::<String>::new());
    }
}

#[test]
fn a_key_with_a_line_break_refuses_to_start_by_name() {
    let here = Terminal::new().with_environment(&[("THETAQ_LLM_API_KEY", "sk-one\nsk-two")]);
    here.write(
        "workers.toml",
        "[llm]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n",
    );
    let said = here.error(1, &["tick"]);
    assert!(
        said.contains("THETAQ_LLM_API_KEY") && !said.contains("sk-one"),
        "{said}"
    );
}
