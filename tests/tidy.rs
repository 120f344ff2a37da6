//! The shape of the code is a test: who imports whom, which crate is named where, what may not be called.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Modules of src in layers; a module may import from layers above it and from its own.
const LAYERS: &[&[&str]] = &[
    &["clock", "domain"],
    &["market", "statistics"],
    &["policy", "risk", "fills"],
    &["step"],
    &["backtest"],
    &["training"],
    &["exchange"],
    &[
        "execution",
        "config",
        "llm",
        "db",
        "import",
        "fetch",
        "export",
    ],
    &["ctx"],
    &["chat"],
    &["jobs", "replay"],
    &["simulate"],
    &["web"],
    &["cli"],
    &["main", "lib"],
];

/// (text, files that may hold it, what to do instead).
const FENCES: &[(&str, &[&str], &str)] = &[
    (
        "sqlx::",
        &["src/db/"],
        "put the query beside its row struct in src/db",
    ),
    (
        "rusqlite",
        &["src/db/"],
        "put the query beside its row struct in src/db",
    ),
    (
        "apalis",
        &["src/jobs/queue"],
        "only src/jobs/queue*.rs speaks to apalis",
    ),
    (
        "axum",
        &["src/web/", "src/exchange/sim/http"],
        "pages live in src/web, the simulated exchange's server in src/exchange/sim/http*",
    ),
    (
        "reqwest",
        &["src/exchange/deribit", "src/llm"],
        "only the clients of the exchange and of the language model speak HTTP",
    ),
    (
        "async_openai",
        &["src/llm"],
        "only the client of the language model knows its wire",
    ),
    (
        "jsonschema::",
        &["src/llm"],
        "answers are checked by llm::schema",
    ),
    (
        "unsafe {",
        &["src/domain/pricing/vector.rs"],
        "only the choice of vector code needs it; write safe code",
    ),
    (
        "minijinja",
        &["src/web/", "src/policy/llm/prompt"],
        "pages live in src/web, prompts in src/policy/llm/prompt.rs",
    ),
    ("chrono::Utc::now", &["src/clock.rs"], "ask Ctx.clock"),
    ("Utc::now()", &["src/clock.rs"], "ask Ctx.clock"),
    (
        "Local::now",
        &["src/clock.rs"],
        "ask Ctx.clock; every time is UTC",
    ),
    ("SystemTime", &["src/clock.rs"], "ask Ctx.clock"),
    (
        "std::time::Instant",
        &["src/clock.rs"],
        "use clock::Stopwatch",
    ),
    ("Instant::now", &["src/clock.rs"], "use clock::Stopwatch"),
    ("uuid::", &["src/clock.rs"], "ids come from Clock::id"),
    (
        "rand_chacha",
        &["src/clock.rs"],
        "draws come from clock::Random",
    ),
    ("rand::", &["src/clock.rs"], "draws come from clock::Random"),
    (
        "println!",
        &["src/main.rs", "src/cli/"],
        "return the text, or log it with tracing",
    ),
    (
        "print!",
        &["src/main.rs", "src/cli/"],
        "return the text, or log it with tracing",
    ),
    (
        "std::process::exit",
        &["src/main.rs"],
        "return an error up to main",
    ),
    ("dbg!", &[], "remove it"),
    ("TODO", &[], "do it, or file an issue"),
    ("FIXME", &[], "do it, or file an issue"),
    ("unimplemented!", &[], "do it, or leave the door out"),
    ("todo!", &[], "do it, or leave the door out"),
    (
        ".unwrap()",
        &[],
        "handle it, or expect(\"why it cannot fail\")",
    ),
    ("#[allow(", &[], "use #[expect(.., reason = \"..\")]"),
    ("#![allow(", &[], "use #![expect(.., reason = \"..\")]"),
];

/// Modules that wait for nothing.
const PURE: &[&str] = &[
    "domain",
    "market",
    "statistics",
    "policy",
    "risk",
    "fills",
    "step",
    "backtest",
    "training",
];
const WAITING: &[&str] = &["async fn", ".await", "std::fs", "std::net", "tokio::"];

/// SQL that would ask the database's own clock or dice.
const SQL_CLOCK: &[&str] = &["now()", "current_timestamp", "random()", "gen_random_uuid"];

#[test]
fn modules_import_downwards_only() {
    check(|file, line, problems| {
        let own = file.module();
        for module in imported(line) {
            let Some(theirs) = layer(&module) else {
                continue;
            };
            let mine = layer(&own);
            let mine = mine.unwrap_or_else(|| panic!("src/{own} has no layer in tests/tidy.rs"));
            if theirs > mine {
                problems.push(format!(
                    "{own} imports {module}, which is above it: move the shared part down, or hand it in as an argument"
                ));
            }
        }
    });
}

#[test]
fn crates_and_calls_stay_behind_their_fences() {
    check(|file, line, problems| {
        for (text, homes, instead) in FENCES {
            let at_home = homes.iter().any(|home| file.name.starts_with(home));
            if !at_home && names(line, text) {
                problems.push(format!("`{text}` does not belong here: {instead}"));
            }
        }
    });
}

#[test]
fn the_step_from_context_to_fills_waits_for_nothing() {
    check(|file, line, problems| {
        for text in WAITING {
            if PURE.contains(&file.module().as_str()) && names(line, text) {
                problems.push(format!(
                    "`{text}` in a pure module: do the waiting in the job and hand the value in"
                ));
            }
        }
    });
}

#[test]
fn sql_never_asks_the_database_for_time_or_chance() {
    check(|file, line, problems| {
        for text in SQL_CLOCK {
            if file.name.starts_with("src/db/") && line.to_lowercase().contains(text) {
                problems.push(format!("`{text}`: bind a value from Ctx.clock instead"));
            }
        }
    });
    for path in files("migrations", "sql")
        .into_iter()
        .chain(files("sql", "sql"))
    {
        let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
        let found = SQL_CLOCK.iter().find(|call| text.contains(**call));
        assert!(
            found.is_none(),
            "{} says {found:?}: make it a parameter",
            path.display()
        );
    }
}

#[test]
fn only_risk_makes_approved_intents() {
    check(|file, line, problems| {
        if !file.name.starts_with("src/risk") && line.contains("Approved {") {
            problems.push("only risk::check may construct Approved".to_owned());
        }
    });
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .filter(|path| !std::fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert!(
        silent.is_empty(),
        "start these files with a `//!` line: {silent:#?}"
    );
}

#[test]
fn the_top_level_holds_only_what_was_agreed() {
    let agreed = [
        ".ci",
        ".git",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "data",
        "migrations",
        "sql",
        "src",
        "target",
        "templates",
        "tests",
        "workers.toml",
    ];
    let extra: Vec<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !agreed.contains(&name.as_str()))
        .collect();
    assert!(extra.is_empty(), "move or remove: {extra:?}");
}

/// One source file and its lines outside tests and comments.
struct File {
    name: String,
    lines: Vec<(usize, String)>,
}

impl File {
    /// The module of src this file belongs to: `domain` for src/domain/coin.rs.
    fn module(&self) -> String {
        let inside = self.name.trim_start_matches("src/");
        let first = inside.split('/').next().unwrap();
        first.trim_end_matches(".rs").to_owned()
    }
}

/// Runs `rule` on every line of src that is neither a comment nor a test; fails with all it found.
fn check(rule: impl Fn(&File, &str, &mut Vec<String>)) {
    let mut found = Vec::new();
    for path in files("src", "rs") {
        let file = read(&path);
        for (number, line) in &file.lines {
            let mut problems = Vec::new();
            rule(&file, line, &mut problems);
            for problem in problems {
                found.push(format!("{}:{number}: {problem}", file.name));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn read(path: &Path) -> File {
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    let text = std::fs::read_to_string(path).unwrap();
    let is_test_file = name.ends_with("/tests.rs") || name.ends_with("_tests.rs");
    let lines = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| !is_test_file && line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line.to_owned()))
        .collect();
    File { name, lines }
}

/// Modules a line imports: `crate::x`, `thetaq::x`, and each name of `use crate::{x, y}`.
fn imported(line: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for root in ["crate::", "thetaq::"] {
        for (at, _) in line.match_indices(root) {
            let rest = &line[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => modules.extend(list.split([',', '}']).map(first_word)),
                None => modules.push(first_word(rest)),
            }
        }
    }
    modules
}

fn first_word(text: &str) -> String {
    let word = text.trim_start().chars();
    word.take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// True when the text stands in the line as a word of its own, not as the tail of a longer name.
fn names(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let word = text.starts_with(|c: char| c.is_alphanumeric());
        !(word && before.is_some_and(|c| c.is_alphanumeric() || c == '_'))
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder of the repository with an extension, sorted; empty when there is no such folder.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.insert(path);
            }
        }
    }
    found.into_iter().collect()
}
