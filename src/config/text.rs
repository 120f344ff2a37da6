//! The settings as a file: every key with its meaning, what is unset as a comment with the value in force.

use super::{Config, Database, Desk, ExchangeConfig, JobConfig, PolicyConfig, Queue, Web};
use std::fmt::Write;
use toml::{Table, Value};

/// (section, keys with documentation) in the order of the file; `[jobs.KIND]` comes after them.
pub const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    ("database", Database::KEYS),
    ("exchange", ExchangeConfig::KEYS),
    ("desk", Desk::KEYS),
    ("policy", PolicyConfig::KEYS),
    ("web", Web::KEYS),
    ("queue", Queue::KEYS),
];

const HEAD: &str = "# Settings of thetaq. Every key may be left out; a key behind `#` is unset and shows what applies then.
# Secrets never stand here: they come from the environment.
";

impl Config {
    /// A workers.toml that means exactly this configuration; `kinds` are the job kinds with their own defaults.
    pub fn text(&self, kinds: &[(&str, JobConfig)]) -> String {
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
        text += &jobs_head();
        for (kind, defaults) in kinds {
            let set = self.jobs.get(*kind).map(table).unwrap_or_default();
            let defaults = table(defaults);
            push(&mut text, format_args!("\n[jobs.{kind}]\n"));
            for (key, _) in JobConfig::KEYS {
                text += &entry(key, set.get(*key), defaults.get(*key));
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

fn jobs_head() -> String {
    let mut text = "\n# Job kinds, one section each:\n".to_owned();
    for (key, meaning) in JobConfig::KEYS {
        push(&mut text, format_args!("#   {key}: {}\n", meaning.trim()));
    }
    text
}

fn table(value: &impl serde::Serialize) -> Table {
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
        let given =
            "[desk]\nmode = \"production\"\ndelta_max = 0.28\n[jobs.tick]\nconcurrency = 2\n";
        let config = Config::parse(given, "test").expect(given);
        let text = config.text(&[("tick", JobConfig::default())]);
        assert_eq!(Config::parse(&text, "printed").expect(&text), config);
        assert!(
            text.contains("# dte_max = 10.0"),
            "the value in force:\n{text}"
        );
    }
}
