//! The documents against the program: every command, key, kind and view is in the README, every example parses.

use crate::support::terminal::Terminal;
use clap::{Command, CommandFactory, Parser};
use std::collections::BTreeMap;
use std::path::Path;
use thetaq::cli::Cli;
use thetaq::config::{Config, JobConfig};
use thetaq::db::{named, views};
use thetaq::jobs::registry;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// Every command with its full name, the program itself first; `help` is clap's own.
pub(crate) fn commands() -> Vec<(String, Command)> {
    let mut program = Cli::command();
    program.build();
    let mut found = vec![("thetaq".to_owned(), program)];
    let mut at = 0;
    while at < found.len() {
        let (name, command) = found[at].clone();
        let inner = command.get_subcommands();
        let inner = inner.filter(|inner| inner.get_name() != "help");
        found.extend(inner.map(|inner| (format!("{name} {}", inner.get_name()), inner.clone())));
        at += 1;
    }
    found
}

#[test]
fn the_readme_shows_every_command() {
    let readme = readme();
    for (name, command) in commands() {
        // A command that only groups others is shown by them.
        if !command.is_subcommand_required_set() {
            assert!(readme.contains(&format!("\n{name}")), "{name}");
        }
    }
    for option in Cli::command().get_arguments() {
        if let Some(long) = option
            .get_long()
            .filter(|long| !["help", "version"].contains(long))
        {
            assert!(readme.contains(&format!("`--{long}")), "--{long}");
        }
    }
}

#[test]
fn the_readme_has_the_tables_of_settings_that_the_program_has() {
    let (readme, printed) = (readme(), printed(&[]));
    let keys = keys(&printed).into_iter();
    let keys = keys.map(|(section, key)| format!("| `{section}` | {} |\n", cells(key)));
    let in_jobs = job_keys(&printed).into_iter();
    let in_jobs = in_jobs.map(|key| format!("| {} |\n", cells(key)));
    for (head, rows) in [
        (
            "| section | key | default | meaning |\n|---|---|---|---|\n",
            keys.collect::<Vec<_>>(),
        ),
        (
            "| key | default | meaning |\n|---|---|---|\n",
            in_jobs.collect(),
        ),
    ] {
        let table = format!("{head}{}", rows.concat());
        assert!(readme.contains(&table), "README.md should have:\n{table}");
    }
}

fn cells([name, default, meaning]: [String; 3]) -> String {
    format!("`{name}` | {default} | {meaning}")
}

/// What `thetaq config` prints in a folder without settings.
fn printed(arguments: &[&str]) -> String {
    Terminal::new().text(&[&["config"], arguments].concat())
}

/// (section, [key, default, meaning]) out of a printed workers.toml, up to the kinds of job.
fn keys(text: &str) -> Vec<(String, [String; 3])> {
    let (mut section, mut meaning, mut found) = ("", String::new(), Vec::new());
    for line in text
        .lines()
        .take_while(|line| !line.starts_with("# Job kinds"))
    {
        let bare = line.trim_start_matches("# ");
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else if let Some((key, value)) = bare.split_once(" =").filter(|(key, _)| is_key(key)) {
            let default = quoted(value.trim(), "unset");
            found.push((
                section.to_owned(),
                [key.to_owned(), default, meaning.clone()],
            ));
        } else {
            meaning = bare.replace('|', "\\|");
        }
    }
    assert!(
        found.len() > 50,
        "the printed settings are read wrongly:\n{text}"
    );
    found
}

/// [key, default, meaning] of the keys that every kind of job has.
fn job_keys(text: &str) -> Vec<[String; 3]> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let split = |line: &str| {
        let (entry, meaning) = line.split_once("   ").unwrap();
        let (key, value) = entry.split_once(" = ").unwrap_or((entry, ""));
        [
            key.to_owned(),
            quoted(value, "the kind's name"),
            meaning.trim().to_owned(),
        ]
    };
    let found: Vec<_> = lines.map(split).collect();
    assert_eq!(found.len(), JobConfig::KEYS.len());
    found
}

fn quoted(value: &str, otherwise: &str) -> String {
    if value.is_empty() {
        return otherwise.to_owned();
    }
    format!("`{value}`")
}

fn is_key(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

#[test]
fn the_readme_names_every_kind_of_job_and_every_view() {
    let readme = readme();
    for kind in registry::all().kinds() {
        assert!(
            readme.contains(&format!("| `{}` |", kind.name)),
            "{}",
            kind.name
        );
    }
    let rows = views::all().into_iter();
    let rows = rows.map(|view| {
        format!(
            "| `{}` | {} |\n",
            view.name,
            view.about.trim_end_matches('.')
        )
    });
    let rows: Vec<String> = rows.collect();
    let table = format!("| view | one row for |\n|---|---|\n{}", rows.concat());
    assert!(readme.contains(&table), "README.md should have:\n{table}");
}

#[test]
fn the_readme_has_every_column_of_the_views() {
    assert!(
        readme().contains(&views::markdown()),
        "README.md should have what `thetaq sql --views` prints, below the table of views"
    );
    assert_eq!(
        Terminal::new().text(&["sql", "--views"]).trim_end(),
        views::markdown().trim_end()
    );
}

#[test]
fn every_named_question_says_what_it_is_and_how_to_read_it() {
    let questions = named::all();
    assert!(questions.len() >= 20, "{}", questions.len());
    for question in questions {
        let name = question.name;
        assert!(
            question.title.len() > 10 && question.read_it.ends_with('.'),
            "{name}"
        );
        let text = question.text(&BTreeMap::new()).unwrap();
        assert!(text.starts_with("select "), "{name}: {text}");
        for one in &question.parameters {
            assert!(
                !one.meaning.is_empty() && !one.default.is_empty(),
                "{name}: {one:?}"
            );
            let kinds = ["text", "bigint", "double precision"];
            assert!(kinds.contains(&one.kind), "{name}: {one:?}");
        }
        let files = root().join(format!("sql/analysis/{name}.sql"));
        let source = std::fs::read_to_string(files).unwrap();
        assert_eq!(
            source.matches("\n-- :").count(),
            question.parameters.len(),
            "{name}"
        );
    }
    let files = std::fs::read_dir(root().join("sql/analysis"))
        .unwrap()
        .count();
    assert_eq!(
        files,
        named::all().len(),
        "a file of sql/analysis is not listed"
    );
}

#[test]
fn an_unknown_coin_has_no_empty_answer() {
    let question = named::find("kept_by_regime_and_delta").unwrap();
    let given = |value: &str| [("underlying".to_owned(), value.to_owned())].into();
    let error = question.statement(&given("DOGE")).unwrap_err().to_string();
    assert!(
        error.contains("underlying: `DOGE` is not BTC or ETH"),
        "{error}"
    );
    assert!(
        question
            .statement(&given("btc"))
            .unwrap()
            .1
            .contains(&"BTC".into())
    );
    let without = question.parameters.iter().map(named::Parameter::without);
    assert_eq!(without.collect::<Vec<_>>(), ["the newest", "both"]);
}

#[test]
fn every_example_of_the_readme_and_of_help_parses() {
    let readme = readme();
    let mut inside = false;
    let mut count = 0;
    for line in readme.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim_start() == "```sh";
        } else if inside {
            count += usize::from(parses(line.trim(), "README.md"));
        }
    }
    for (name, command) in commands() {
        let after = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let parsed = after
            .lines()
            .filter(|line| parses(line.trim(), &name))
            .count();
        assert!(
            after.contains("Examples:\n") && parsed > 0,
            "{name} has no example"
        );
        count += parsed;
    }
    assert!(count > 80, "only {count} examples were found");
}

/// Parses a line that calls the program; false when it calls another one.
fn parses(line: &str, place: &str) -> bool {
    let mut words = words(line);
    let cargo = ["cargo", "run", "--release"];
    if words.starts_with(&cargo.map(str::to_owned)) {
        words.drain(..3);
        words.retain(|word| word != "--");
        words.insert(0, "thetaq".to_owned());
    }
    if words.first().is_none_or(|word| word != "thetaq") {
        return false;
    }
    if let Err(error) = Cli::try_parse_from(&words) {
        panic!("{place}: `{line}` does not parse: {error}");
    }
    true
}

/// Words as a shell sees them, up to a comment, a pipe, a redirection or the remark of a help text.
fn words(line: &str) -> Vec<String> {
    let line = line.split("   ").next().unwrap_or_default();
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (None, '"' | '\'') => (quote, word) = (Some(letter), Some(word.unwrap_or_default())),
            (Some(open), _) if open == letter => quote = None,
            (None, '#' | '>' | '|') => break,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn the_committed_settings_are_what_the_program_prints() {
    let committed = std::fs::read_to_string(root().join("workers.toml")).unwrap();
    assert_eq!(
        Config::parse(&committed, "workers.toml").unwrap(),
        Config::default()
    );
    let file = root().join("workers.toml").display().to_string();
    for arguments in [&[][..], &["--config", &file]] {
        assert!(
            printed(arguments) == committed,
            "run `thetaq config > workers.toml` in an empty folder and commit the file"
        );
    }
}
