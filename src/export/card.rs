//! manifest.json, which proves an export, and README.md, which explains it.

use super::lint::Finding;
use super::reading::{Reading, SPLITS};
use super::schema::Column;
use super::{Format, Kind, Shape};
use crate::db::exports::ExportFile;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Everything the two files say.
#[derive(Debug)]
pub struct Made<'a> {
    pub job: &'a str,
    pub reading: &'a Reading,
    pub shape: &'a Shape,
    pub columns: &'a [Column],
    pub files: &'a [ExportFile],
    pub lint: &'a [Finding],
    pub code_version: &'a str,
}

pub const MANIFEST: &str = "manifest.json";
pub const CARD: &str = "README.md";

/// Writes both under temporary names and renames them.
pub fn write(folder: &Path, made: &Made<'_>) -> io::Result<()> {
    let manifest = serde_json::to_string_pretty(&manifest(made))? + "\n";
    for (name, text) in [(MANIFEST, manifest), (CARD, card(made))] {
        let path = folder.join(name);
        let temporary = super::writer::temporary(&path);
        std::fs::write(&temporary, text)?;
        std::fs::rename(temporary, path)?;
    }
    Ok(())
}

fn manifest(made: &Made<'_>) -> Value {
    let described = |key: &str| {
        let dataset = made.reading.dataset.as_ref();
        dataset.map_or(Value::Null, |dataset| dataset[key].clone())
    };
    let names = described("features").as_array().map(|features| {
        let names = features.iter().map(|feature| feature["name"].clone());
        names.collect::<Vec<_>>()
    });
    json!({
        "job": made.job,
        "source": made.reading.source,
        "kind": made.reading.kind,
        "format": made.shape.format,
        "compression": made.shape.compression,
        "formulas_neutralised": made.shape.neutralise,
        "rows": made.files.iter().map(|file| file.rows).sum::<i64>(),
        "bytes": made.files.iter().map(|file| file.bytes).sum::<i64>(),
        "files": made.files,
        "schema": made.columns,
        "query": {
            "sql": made.reading.sql, "parameters": made.reading.parameters,
            "key": made.reading.key, "upto": made.reading.upto,
        },
        "config_hash": described("config_hash"),
        "reward_definition": {"id": described("reward_definition"), "rewards": described("rewards")},
        "feature_version": described("feature_version"),
        "feature_names": names,
        "features": described("features"),
        "action_map": described("actions"),
        "dataset": made.reading.dataset,
        "lint": made.lint,
        "code_version": made.code_version,
    })
}

/// Markdown with the front matter by which loaders of data sets find the files.
fn card(made: &Made<'_>) -> String {
    let mut text = String::new();
    write_card(&mut text, made).expect("writing into a String cannot fail");
    text
}

fn write_card(text: &mut String, made: &Made<'_>) -> std::fmt::Result {
    let extension = made.shape.extension();
    writeln!(text, "---\nconfigs:\n- config_name: default\n  data_files:")?;
    for part in parts(made) {
        let split = if SPLITS.contains(&part) {
            part
        } else {
            "train"
        };
        writeln!(text, "  - split: {split}\n    path: {part}-*.{extension}")?;
    }
    let (kind, rows) = (
        made.reading.kind.as_str(),
        made.files.iter().map(|file| file.rows).sum::<i64>(),
    );
    writeln!(text, "---\n# {kind} of {}\n", made.reading.source)?;
    writeln!(text, "{}\n", about(made.reading.kind))?;
    writeln!(
        text,
        "{rows} rows, {extension}; made by job {} of thetaq {}.",
        made.job, made.code_version
    )?;
    writeln!(
        text,
        "`{MANIFEST}` has the SHA-256 of every file.\n\n## Files\n\n| file | rows | bytes |\n|---|---:|---:|"
    )?;
    for file in made.files {
        writeln!(text, "| {} | {} | {} |", file.path, file.rows, file.bytes)?;
    }
    writeln!(
        text,
        "\n## Columns\n\n| column | type | unit | meaning |\n|---|---|---|---|"
    )?;
    for column in made.columns {
        let kind = serde_json::to_string(&column.kind).unwrap_or_default();
        let kind = kind.trim_matches('"');
        writeln!(
            text,
            "| {} | {kind} | {} | {} |",
            column.name, column.unit, column.about
        )?;
    }
    described(text, made)?;
    findings(text, made)
}

fn parts<'a>(made: &'a Made<'_>) -> Vec<&'a str> {
    let mut parts: Vec<&str> = made.files.iter().map(|file| file.part.as_str()).collect();
    parts.dedup();
    parts
}

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Rows => "The rows of a query, as they were in one state of the database.",
        Kind::Transitions => {
            "One row per decision step of a covered-call desk, also when nothing was done. A step that failed has an \
             error and neither action nor reward; a missing value is null, never zero."
        }
        Kind::Candidates => "One row per call that a step could choose from.",
        Kind::Chat => {
            "Conversations for fine-tuning: the state that was known at a decision, and what the desk did. No prompt \
             holds a reward or anything later than the decision."
        }
        Kind::Preference => {
            "Pairs of answers to one prompt: what the policy prefers by its own score, and a lawful answer that it \
             scores lower. No outcome is in the prompt or in the choice."
        }
    }
}

fn described(text: &mut String, made: &Made<'_>) -> std::fmt::Result {
    let Some(dataset) = &made.reading.dataset else {
        return writeln!(text, "\n## Query\n\n```sql\n{}\n```", made.reading.sql);
    };
    writeln!(text, "\n## Where it is from\n")?;
    for key in [
        "source",
        "underlyings",
        "profiles",
        "policy",
        "policy_version",
        "mode",
        "exit_style",
        "fill_model",
        "fee_model",
        "seed",
        "config_hash",
        "reward_definition",
        "feature_version",
    ] {
        writeln!(
            text,
            "- {key}: {}",
            dataset[key].as_str().unwrap_or("not known")
        )?;
    }
    if made.shape.format == Format::Jsonl || made.reading.kind != Kind::Chat {
        writeln!(text, "\nFeatures of an observation, in order:\n")?;
        for feature in dataset["features"].as_array().into_iter().flatten() {
            let word = |key: &str| feature[key].as_str().unwrap_or_default();
            writeln!(
                text,
                "- {} ({}): {}",
                word("name"),
                word("unit"),
                word("about")
            )?;
        }
    }
    Ok(())
}

fn findings(text: &mut String, made: &Made<'_>) -> std::fmt::Result {
    writeln!(text, "\n## What the linter found\n")?;
    if made.lint.is_empty() {
        return writeln!(text, "Nothing.");
    }
    for finding in made.lint {
        writeln!(text, "- {}: {}", finding.code.as_str(), finding.text)?;
    }
    Ok(())
}
