//! The settings as a file: every key with its meaning, what is unset as a comment with the value in force.

use super::{
    Config, CouncilConfig, Database, Desk, ExchangeConfig, ExportConfig, JobConfig, LlmConfig,
    PolicyConfig, Queue, Web,
};
use std::fmt::Write;
use toml::{Table, Value};

/// (section, keys with documentation) in the order of the file; `[jobs.KIND]` comes after them.
pub const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    ("database", Database::KEYS),
    ("exchange", ExchangeConfig::KEYS),
    ("desk", Desk::KEYS),
    ("policy", PolicyConfig::KEYS),
    ("llm", LlmConfig::KEYS),
    ("council", CouncilConfig::KEYS),
    ("web", Web::KEYS),
    ("queue", Queue::KEYS),
    ("export", ExportConfig::KEYS),
];

const HEAD: &str = "# Settings of thetaq. Every key may be left out; a key behind `#` is unset and shows what applies then.
# Read at start from workers.toml in the current folder, or from the file that --config names.
";

const PROFILES_HEAD: &str = "
# Training profiles of your own, beside conservative, moderate and aggressive; one section each:
# [profiles.NAME] with target_delta, delta_min, delta_max, and dte_min, dte_max in days
";

impl Config {
    /// A workers.toml that means exactly this configuration; `kinds` are the job kinds with their own
    /// defaults, of which those are shown that differ from `standard`.
    pub fn text(&self, standard: &JobConfig, kinds: &[(&str, JobConfig)]) -> String {
        let (set, in_force) = (table(self), table(&self.settings()));
        let mut text = HEAD.to_owned();
        for (section, keys) in SECTIONS {
            let about = Self::KEYS.iter().find(|(key, _)| key == section);
            let about = about.map_or("", |(_, about)| about.trim());
            push(&mut text, format_args!("\n# {about}\n[{section}]\n"));
            let set = set.get(*section).and_then(Value::as_table);
            for (key, meaning) in *keys {
                push(&mut text, format_args!("# {}\n", meaning.trim()));
                text += &entry(key, set.and_then(|set| set.get(*key)), in_force.get(*key));
            }
        }
        text += PROFILES_HEAD;
        for (name, profile) in &self.profiles {
            push(
                &mut text,
                format_args!("[profiles.{name}]\n{}", table(profile)),
            );
        }
        let standard = table(standard);
        text += &jobs_head(&standard);
        for (kind, defaults) in kinds {
            let set = self.jobs.get(*kind).map(table).unwrap_or_default();
            let defaults = table(defaults);
            let mark = if set.is_empty() { "# " } else { "" };
            push(&mut text, format_args!("\n{mark}[jobs.{kind}]\n"));
            for (key, _) in JobConfig::KEYS {
                let own = defaults
                    .get(*key)
                    .filter(|own| standard.get(*key) != Some(own));
                if set.contains_key(*key) || own.is_some() {
                    text += &entry(key, set.get(*key), own);
                }
            }
        }
        text
    }
}

/// `key = value`, or the same as a comment when the key is unset.
fn entry(key: &str, set: Option<&Value>, in_force: Option<&Value>) -> String {
    match (set, in_force) {
        (Some(value), _) => format!("{key} = {value}\n"),
        (None, Some(value)) => format!("# {key} = {value}\n"),
        (None, None) => format!("# {key} =\n"),
    }
}

/// The keys of every kind with the value that a kind has unless its section shows another.
fn jobs_head(standard: &Table) -> String {
    let mut text = "\n# Job kinds, one section each; to change a key, write it below its section's name without `#`.\n# What a section does not show is:\n".to_owned();
    for (key, meaning) in JobConfig::KEYS {
        let value = standard.get(*key).map(|value| format!(" = {value}"));
        let value = value.unwrap_or_default();
        push(
            &mut text,
            format_args!("#   {:<22} {}\n", format!("{key}{value}"), meaning.trim()),
        );
    }
    text
}

pub(super) fn table(value: &impl serde::Serialize) -> Table {
    Table::try_from(value).expect("settings are plain values with text keys")
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line)
        .expect("writing into a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_file_reads_back_as_the_same_settings() {
        let given = "[desk]\nmode = \"production\"\ndelta_max = 0.28\n[profiles.bold]\ntarget_delta = 0.5\ndelta_min = 0.45\n\
             delta_max = 0.55\ndte_min = 2.0\ndte_max = 4.0\n[jobs.tick]\nconcurrency = 2\n";
        let config = Config::parse(given, "test").expect(given);
        let own = JobConfig {
            max_attempts: Some(20),
            ..JobConfig::default()
        };
        let text = config.text(&JobConfig::default(), &[("tick", own)]);
        assert_eq!(Config::parse(&text, "printed").expect(&text), config);
        assert!(
            text.contains("# dte_max = 10.0"),
            "the value in force:\n{text}"
        );
        assert!(text.ends_with("\n[jobs.tick]\nconcurrency = 2\n# max_attempts = 20\n"));
    }
}
