//! `thetaq export`: a dataset, a question or a select into files, as an `export` job.

use super::Usage;
use super::follow::{enqueue, live, result, wait};
use super::output::table;
use super::session::Session;
use crate::ctx::Purpose;
use crate::export::lint::{Code, Leave};
use crate::export::{Compression, Format, Kind, folder};
use crate::jobs::Options;
use crate::jobs::export::{Export as Payload, ROWS_PER_FILE, Source};
use clap::{Args, ValueEnum};
use serde_json::Value;

/// Write a dataset, or the rows of a query, into files: CSV, JSON lines or Parquet, with a manifest
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq export --dataset ID --format parquet --split --out july\n  thetaq export --dataset ID --kind chat --format jsonl --compress gzip --json\n  thetaq export --query refusals --format csv --neutralise-formulas\n  thetaq export --sql \"select * from v_fills\" --format csv\n\nFiles are written inside [export] dir of workers.toml only. A linter reads the rows first: what is later\nthan its decision, rewards in prompts, chains in two splits and rows that stand twice stop the export\nunless --allow names them; columns that say nothing are warnings. An export that was cut off goes on\nwith `thetaq jobs wait ID`, one that failed with `thetaq jobs retry ID`."
)]
pub(super) struct Export {
    /// A dataset that `thetaq train` made
    #[arg(long, value_name = "ID", group = "source")]
    dataset: Option<String>,
    /// A named question; `thetaq sql` lists them
    #[arg(long, value_name = "NAME", group = "source")]
    query: Option<String>,
    /// One select over the views
    #[arg(long, group = "source")]
    sql: Option<String>,
    /// A parameter of the question, KEY=VALUE; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = super::sql::pair, requires = "query")]
    parameters: Vec<(String, String)>,
    /// Of the files
    #[arg(long, value_enum, default_value_t = FormatName::Jsonl)]
    format: FormatName,
    /// What a line is, of a dataset: steps, calls to choose from, conversations, pairs of answers
    #[arg(long, value_enum)]
    kind: Option<KindName>,
    /// Files of their own for train, validation and test
    #[arg(long)]
    split: bool,
    /// Folder inside [export] dir; the job's id unless given
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Compress text files
    #[arg(long, value_enum)]
    compress: Option<CompressionName>,
    /// Rows of a file
    #[arg(long, value_name = "N", default_value_t = ROWS_PER_FILE)]
    rows_per_file: u64,
    /// Put an apostrophe before texts that a spreadsheet would run as formulas
    #[arg(long)]
    neutralise_formulas: bool,
    /// Export in spite of this finding of the linter, or `all`; may be repeated
    #[arg(long, value_name = "FINDING", value_parser = codes)]
    allow: Vec<Allowed>,
    /// Warnings of the linter stop the export too
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatName {
    Jsonl,
    Csv,
    Parquet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindName {
    Transitions,
    Candidates,
    Chat,
    Preference,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CompressionName {
    Gzip,
    Zstd,
}

/// One finding, or all of them.
#[derive(Clone, Debug)]
struct Allowed(Vec<Code>);

fn codes(text: &str) -> Result<Allowed, String> {
    if text == "all" {
        return Ok(Allowed(Code::ALL.to_vec()));
    }
    let found = Code::ALL.into_iter().find(|code| code.as_str() == text);
    found.map(|code| Allowed(vec![code])).ok_or_else(|| {
        let names = Code::ALL.map(Code::as_str).join(", ");
        format!("there are {names} and all")
    })
}

impl Export {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let payload = self.payload()?;
        payload.check().map_err(|error| Usage(option(&error)))?;
        if let Some(out) = &payload.out {
            folder::inside(&session.config.export.dir, out)
                .map_err(|error| Usage(error.to_string()))?;
        }
        let ctx = live(session, Purpose::Watch).await?;
        let args = serde_json::to_value(payload)?;
        let id = enqueue(&ctx, "export", args, Options::default()).await?;
        let report = result(&wait(&ctx, &id).await?)?;
        session.output.result(&report, || text(&report))
    }

    fn payload(&self) -> anyhow::Result<Payload> {
        let source = match (&self.dataset, &self.query, &self.sql) {
            (Some(id), ..) => Source::Dataset(id.clone()),
            (_, Some(name), _) => Source::Query {
                name: name.clone(),
                parameters: self.parameters.iter().cloned().collect(),
            },
            (.., Some(sql)) => Source::Sql(sql.clone()),
            _ => {
                return Err(Usage(
                    "say what to export: --dataset ID, --query NAME or --sql SELECT; `thetaq sql` lists questions \
                     and views, and `thetaq export --help` shows examples"
                        .to_owned(),
                )
                .into());
            }
        };
        let of_dataset = matches!(source, Source::Dataset(_));
        Ok(Payload {
            kind: self.kind(of_dataset),
            source,
            format: match self.format {
                FormatName::Csv => Format::Csv,
                FormatName::Jsonl => Format::Jsonl,
                FormatName::Parquet => Format::Parquet,
            },
            compression: match self.compress {
                None => Compression::None,
                Some(CompressionName::Gzip) => Compression::Gzip,
                Some(CompressionName::Zstd) => Compression::Zstd,
            },
            split: self.split,
            out: self.out.clone(),
            rows_per_file: self.rows_per_file,
            neutralise: self.neutralise_formulas,
            lint: Leave {
                allow: self.allow.iter().flat_map(|one| one.0.clone()).collect(),
                strict: self.strict,
            },
        })
    }

    fn kind(&self, of_dataset: bool) -> Kind {
        match (self.kind, of_dataset) {
            (None, false) => Kind::Rows,
            (None | Some(KindName::Transitions), _) => Kind::Transitions,
            (Some(KindName::Candidates), _) => Kind::Candidates,
            (Some(KindName::Chat), _) => Kind::Chat,
            (Some(KindName::Preference), _) => Kind::Preference,
        }
    }
}

/// A problem of the payload, with the option in place of its field.
fn option(problem: &str) -> String {
    let (field, said) = problem.split_once(": ").unwrap_or((problem, ""));
    let option = match field {
        "compression" => "compress".to_owned(),
        field => field.replace('_', "-"),
    };
    format!("--{option}: {said}")
}

const COLUMNS: [&str; 4] = ["path", "rows", "bytes", "sha256"];

fn text(report: &Value) -> String {
    let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    let files = list("files");
    let rows: Vec<Vec<Value>> = files
        .iter()
        .map(|file| COLUMNS.iter().map(|name| file[*name].clone()).collect())
        .collect();
    let lint = list("lint");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lint = lint
        .iter()
        .map(|finding| format!("\n{}: {}", word(&finding["code"]), word(&finding["text"])));
    format!(
        "{}{} rows; manifest {}{}",
        table(&COLUMNS, &rows),
        report["rows"],
        word(&report["manifest"]),
        lint.collect::<String>()
    )
}
