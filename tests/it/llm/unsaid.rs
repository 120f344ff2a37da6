//! Refusals in words and usage that is not said, from a server to rows, pages and the command line.

use super::{choice, client, question};
use crate::support::completions::{Completions, streamed, whole};
use crate::support::terminal::Terminal;
use serde_json::{Value, json};
use thetaq::llm::{Answer, Outcome, Reply, Usage};
use tokio_util::sync::CancellationToken;

/// What the real client makes of a body, asked whole and asked as a stream, and the text it handed over.
async fn replies(body: &str, answer: Answer) -> [(Reply, String); 2] {
    let server = Completions::start(body).await;
    let (llm, stop) = (client(server.settings()), CancellationToken::new());
    let ask = question("go", answer);
    let mut shown = String::new();
    let asked = llm.ask(&ask, &stop).await;
    let streamed = llm.stream(&ask, &stop, |piece| shown += piece).await;
    [(asked, String::new()), (streamed, shown)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_words_is_a_refusal_whole_and_streamed() {
    let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3 });
    let message = json!({ "content": null, "refusal": "I cannot help with that." });
    let pieces = [
        json!({ "role": "assistant", "content": null }),
        json!({ "refusal": "I cannot help" }),
        json!({ "refusal": " with that." }),
    ];
    for body in [
        whole(&message, "stop", &usage),
        streamed(&pieces, "stop", &usage),
    ] {
        for answer in [choice(), Answer::Text] {
            for (reply, shown) in replies(&body, answer).await {
                assert_eq!(reply.outcome, Outcome::Refused, "{reply:?}");
                let error = reply.error.as_deref().unwrap();
                assert_eq!(error, "the model refused: I cannot help with that.");
                assert_eq!((reply.text.as_str(), shown.as_str()), ("", ""));
                assert_eq!(reply.usage.output_tokens, Some(3), "a refusal is paid for");
                assert_eq!(reply.attempts, 1, "it would refuse again");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_ends_an_answer_is_a_refusal_too() {
    let pieces = [
        json!({ "content": "Sell the" }),
        json!({ "content": " call" }),
    ];
    let body = streamed(&pieces, "content_filter", &Value::Null);
    let [_, (reply, shown)] = replies(&body, Answer::Text).await;
    assert_eq!(reply.outcome, Outcome::Refused);
    assert!(reply.error.unwrap().contains("content filter"));
    assert_eq!(
        (reply.text.as_str(), shown.as_str()),
        ("Sell the call", "Sell the call")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_is_not_said_is_unknown_and_so_is_the_cost() {
    let message = json!({ "content": "Hello." });
    let pieces = [json!({ "content": "Hel" }), json!({ "content": "lo." })];
    for (usage, expect) in [
        (Value::Null, (None, None)),
        (json!({}), (None, None)),
        (
            json!({ "prompt_tokens": null, "completion_tokens": null }),
            (None, None),
        ),
        (json!({ "prompt_tokens": 7 }), (Some(7), None)),
        (
            json!({ "prompt_tokens": 0, "completion_tokens": 0 }),
            (Some(0), Some(0)),
        ),
    ] {
        for body in [
            whole(&message, "stop", &usage),
            streamed(&pieces, "stop", &usage),
        ] {
            for (reply, _) in replies(&body, Answer::Text).await {
                assert_eq!(
                    (reply.outcome, reply.text.as_str()),
                    (Outcome::Ok, "Hello.")
                );
                let (input_tokens, output_tokens) = expect;
                let known = Usage {
                    input_tokens,
                    output_tokens,
                };
                assert_eq!(reply.usage, known, "{usage}");
                let server = Completions::start("").await;
                let cost = client(server.settings()).cost_usd(&reply.usage);
                assert_eq!(cost, expect.1.map(|_| 0.0), "{usage}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_cost_is_shown_as_unknown_everywhere() {
    let pieces = [
        json!({ "content": "{\"answer\": \"Hel" }),
        json!({ "content": "lo.\"}" }),
    ];
    let server = Completions::start(&streamed(&pieces, "stop", &Value::Null)).await;
    let here = Terminal::new();
    here.write(
        "workers.toml",
        &format!(
            "[llm]\nbase_url = \"{}\"\nmodel = \"tester\"\nprice_input_usd = 1.0\nprice_output_usd = 2.0\n",
            server.base_url()
        ),
    );
    let answer = here.json(&["chat", "hello"]);
    assert_eq!(
        (&answer["answer"], &answer["cost"], &answer["tokens"]),
        (
            &json!("Hello."),
            &Value::Null,
            &json!({"input": null, "output": null})
        ),
        "{answer}"
    );
    let text = here.text(&["chat", "hello"]);
    assert!(
        text.contains("tester-1, tokens unknown, cost unknown"),
        "{text}"
    );
    let sql = "select c.input_tokens, c.output_tokens, c.cost_usd, m.cost_usd as chat from v_llm_calls c \
               join v_chat m on m.thread = c.thread where m.role = 'assistant'";
    let rows = here.json(&["sql", "--query", sql]);
    let row = &rows[0];
    for column in ["input_tokens", "output_tokens", "cost_usd", "chat"] {
        assert!(row[column].is_null(), "{column}: {row}");
    }
    let thread = answer["thread"].as_str().unwrap();
    let web = here.open(&["web", "--bind", "127.0.0.1:0"]);
    let person = crate::support::http().cookie_store(true).build().unwrap();
    person.get(&web.login).send().await.unwrap();
    let url = format!("http://{}/chat/{thread}", web.address());
    let page = person.get(url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("tokens unknown, cost unknown"), "{page}");
    assert!(!page.contains("0.0000 USD so far"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_question_says_so_to_the_person() {
    let pieces = [json!({ "refusal": "I cannot." })];
    let server = Completions::start(&streamed(&pieces, "stop", &Value::Null)).await;
    let here = Terminal::new();
    let settings = format!(
        "[llm]\nbase_url = \"{}\"\nmodel = \"tester\"\n",
        server.base_url()
    );
    here.write("workers.toml", &settings);
    let ran = here.run(&["chat", "hello"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("refused: the model refused: I cannot."),
        "{ran:?}"
    );
    let calls = here.json(&["sql", "--query", "select outcome, error from v_llm_calls"]);
    assert_eq!(calls[0]["outcome"], "refused");
}
