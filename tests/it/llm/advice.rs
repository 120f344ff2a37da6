//! What a newcomer reads when a question is not answered: what is wrong, and the next step.

use super::answers;
use crate::support::aimock::Aimock;
use crate::support::terminal::Terminal;
use serde_json::{Value, json};

fn fails(text: &str, status: u16, message: &str) -> Value {
    answers(
        text,
        json!({ "error": { "message": message }, "status": status }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_chat_names_the_next_step() {
    let fixtures = json!([
        fails("locked", 401, "Incorrect API key provided"),
        fails("missing", 404, "no such model"),
        fails("form", 400, "response_format is not supported"),
        answers("talk", json!({ "content": "You hold nothing." })),
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    let url = server.base_url();
    let key: &[(&str, &str)] = &[("THETAQ_LLM_API_KEY", "sk-not-the-right-one")];
    let budget = "price_input_usd = 1.0\nprice_output_usd = 1.0\nbudget_run_usd = 0.000001\n";
    let down = "http://127.0.0.1:9/v1";
    for (question, url, more, environment, says) in [
        (
            "down",
            down,
            "",
            &[][..],
            &["no response", "Is the server running", down][..],
        ),
        (
            "locked",
            &url,
            "",
            &[],
            &["HTTP 401", "wants a key", "THETAQ_LLM_API_KEY"],
        ),
        (
            "locked",
            &url,
            "",
            key,
            &["HTTP 401", "does not take the key", "THETAQ_LLM_API_KEY"],
        ),
        (
            "missing",
            &url,
            "",
            &[],
            &["HTTP 404", "[llm] model", "/v1"],
        ),
        (
            "form",
            &url,
            "",
            &[],
            &["HTTP 400", "structured_mode", "json_schema"],
        ),
        (
            "talk",
            &url,
            "",
            &[],
            &["invalid_json", "structured_mode", "another mode"],
        ),
        (
            "talk",
            &url,
            budget,
            &[],
            &["not sent", "budget_run_usd = 0.000001", "Raise that budget"],
        ),
    ] {
        let here = Terminal::new().with_environment(environment);
        let settings = format!("[llm]\nbase_url = \"{url}\"\nmodel = \"tester\"\n{more}");
        here.write("workers.toml", &settings);
        let ran = here.run(&["chat", question]);
        assert_eq!(ran.code, 1, "{ran:?}");
        for part in says {
            assert!(ran.err.contains(part), "{question}: {part}: {ran:?}");
        }
        assert_eq!(ran.err.lines().count(), 1, "it is said once: {ran:?}");
        assert!(
            !ran.err.contains('\u{1b}'),
            "no colours into a file: {ran:?}"
        );
        assert!(!ran.err.contains("sk-not"), "{ran:?}");
        let sent = more.is_empty();
        assert_eq!(
            ran.out.contains("0 + 0 tokens, 0.00000 USD"),
            !sent,
            "{ran:?}"
        );
    }
}

#[test]
fn a_wrong_command_and_no_model_say_what_to_write() {
    let here = Terminal::new();
    let wrong = here.run(&["chat", "/nothing"]);
    assert_eq!(
        wrong.err,
        "thetaq: there is no command /nothing; /help lists those there are\n"
    );
    let plain = here.run(&["chat", "What do I hold?"]);
    assert_eq!(
        (plain.code, plain.err.as_str()),
        (1, "thetaq: no language model is configured\n")
    );
    for part in [
        "base_url",
        "[llm]",
        "workers.toml",
        "THETAQ_LLM_API_KEY",
        "/positions",
    ] {
        assert!(plain.out.contains(part), "{plain:?}");
    }
    let help = here.text(&["chat", "--help"]);
    assert!(
        help.contains("[llm]") && help.contains("THETAQ_LLM_API_KEY"),
        "{help}"
    );
}
