//! What a desk did with one underlying in a range, as its rows have it.

use crate::backtest::{Happened, Opening, Rules};
use crate::ctx::Ctx;
use crate::db::books::{self, Book};
use crate::db::decisions::{self, DecisionRow};
use crate::db::equity::{self, EquityRow};
use crate::db::fills::FillRow;
use crate::db::orders::{self, OrderRow};
use crate::db::settlements::SettlementRow;
use crate::db::{configs, desks};
use crate::domain::coin::Coin;
use crate::domain::context::Context;
use crate::domain::decision::DecisionSource;
use crate::domain::instrument::DAY_MS;
use crate::domain::money::{float, from_e8};
use crate::domain::settings::Settings;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one desk and underlying.
#[derive(Clone, Debug)]
pub(super) struct Lived {
    pub(super) desk: String,
    pub(super) coin: Coin,
    /// Both ends included.
    pub(super) range: (i64, i64),
    /// Of the range, oldest first.
    pub(super) decisions: Vec<DecisionRow>,
    /// By decision; none for failed ticks and books taken over.
    pub(super) contexts: BTreeMap<String, Context>,
    /// By hash.
    pub(super) settings: BTreeMap<String, Settings>,
    /// Of this coin, up to the end of the range.
    pub(super) book: Book,
    /// Of the decisions of the range.
    pub(super) orders: Vec<OrderRow>,
    pub(super) equity: BTreeMap<i64, EquityRow>,
    /// Highest equity of the first day before the range, coin.
    day_peak: Option<f64>,
    /// The account is our own fold and not the exchange's word.
    pub(super) dry_run: bool,
}

impl Lived {
    pub(super) async fn read(
        ctx: &Ctx,
        desk: &str,
        coin: Coin,
        range: (i64, i64),
    ) -> anyhow::Result<Self> {
        let (db, (from_ms, to_ms)) = (&ctx.db, range);
        let row = desks::get(db, desk).await?;
        let decisions = decisions::between(db, desk, coin, from_ms, to_ms).await?;
        let series = equity::series(db, desk, coin, from_ms, to_ms).await?;
        let day_ms = from_ms - from_ms.rem_euclid(DAY_MS);
        let peak = equity::peak_e8(db, desk, coin, day_ms, from_ms - 1).await?;
        let mut lived = Self {
            desk: desk.to_owned(),
            coin,
            range,
            contexts: BTreeMap::new(),
            settings: BTreeMap::new(),
            book: of_coin(books::load(db, desk).await?, coin, to_ms),
            orders: Vec::new(),
            equity: series.into_iter().map(|row| (row.at_ms, row)).collect(),
            day_peak: peak.map(|peak| float(from_e8(peak))),
            dry_run: row.is_none_or(|row| row.dry_run),
            decisions,
        };
        lived.details(ctx).await?;
        Ok(lived)
    }

    /// What hangs on each decision.
    async fn details(&mut self, ctx: &Ctx) -> anyhow::Result<()> {
        for row in &self.decisions {
            if row.snapshot_source.is_some()
                && let Some(context) = decisions::context(&ctx.db, &row.id).await?
            {
                self.contexts.insert(row.id.clone(), context);
            }
            if !self.settings.contains_key(&row.config_hash)
                && let Some(settings) = configs::get(&ctx.db, &row.config_hash).await?
            {
                self.settings.insert(row.config_hash.clone(), settings);
            }
            if row.final_action != "DO_NOTHING" {
                self.orders
                    .extend(orders::of_decision(&ctx.db, &row.id).await?);
            }
        }
        Ok(())
    }

    /// Settings from each change on; only the loop of ticks counts, it is what is made again.
    pub(super) fn rules(&self) -> Vec<Rules> {
        let mut last = None;
        let mut rules = Vec::new();
        for row in self.ticks() {
            let key = (&row.config_hash, &row.seed);
            if last == Some(key) {
                continue;
            }
            last = Some(key);
            if let Some(settings) = self.settings.get(&row.config_hash) {
                let settings = settings.clone();
                rules.push(Rules::new(row.as_of_ms, settings, self.coin, &row.seed));
            }
        }
        rules
    }

    /// Decisions of the desk's own loop, failed ones included.
    pub(super) fn ticks(&self) -> impl Iterator<Item = &DecisionRow> {
        self.decisions.iter().filter(|row| !by_hand(row))
    }

    /// The book before the first decision of the range.
    pub(super) fn opening(&self) -> crate::db::Result<Opening> {
        let own: BTreeSet<&str> = self.decisions.iter().map(|row| row.id.as_str()).collect();
        let book = Book {
            deposits: (self.book.deposits.iter())
                .filter(|row| row.at_ms < self.range.0)
                .cloned()
                .collect(),
            fills: (self.book.fills.iter())
                .filter(|row| !own.contains(row.decision.as_str()))
                .cloned()
                .collect(),
            settlements: (self.book.settlements.iter())
                .filter(|row| row.at_ms < self.range.0)
                .cloned()
                .collect(),
        };
        let mut happened = Vec::new();
        for row in &book.fills {
            happened.push((row.at_ms, Happened::Fill(row.fill()?, row.chain.clone())));
        }
        for row in &book.settlements {
            happened.push((row.at_ms, Happened::Settlement(row.settlement()?)));
        }
        happened.sort_by_key(|(at_ms, _)| *at_ms);
        Ok(Opening {
            portfolio: book.fold()?,
            happened: happened.into_iter().map(|(_, happened)| happened).collect(),
            day_peak: self.day_peak,
            deposits: self.deposits(),
        })
    }

    /// Money put in or taken out within the range, but for what belongs to a book that was taken over.
    fn deposits(&self) -> Vec<(i64, Decimal)> {
        let taken_over = |at_ms: i64| {
            let people = self.decisions.iter().filter(|row| by_hand(row));
            people
                .filter(|row| !self.contexts.contains_key(&row.id))
                .any(|row| row.as_of_ms == at_ms)
        };
        let rows = self.book.deposits.iter();
        let rows = rows.filter(|row| row.at_ms >= self.range.0 && !taken_over(row.at_ms));
        rows.map(|row| (row.at_ms, from_e8(row.amount_e8)))
            .collect()
    }

    /// When the desk was opened: no decision is owed before.
    pub(super) fn opened_ms(&self) -> Option<i64> {
        self.book.deposits.iter().map(|row| row.at_ms).min()
    }

    pub(super) fn fills_of(&self, decision: &str) -> impl Iterator<Item = &FillRow> {
        let rows = self.book.fills.iter();
        rows.filter(move |row| row.decision == decision)
    }

    pub(super) fn fills_in_range(&self) -> i64 {
        let own: BTreeSet<&str> = self.decisions.iter().map(|row| row.id.as_str()).collect();
        let rows = self.book.fills.iter();
        rows.filter(|row| own.contains(row.decision.as_str()))
            .count() as i64
    }

    pub(super) fn settlements_in_range(&self) -> impl Iterator<Item = &SettlementRow> {
        let rows = self.book.settlements.iter();
        rows.filter(|row| row.at_ms >= self.range.0)
    }

    /// Names of the chain stores, each once.
    pub(super) fn sources(&self) -> Vec<&str> {
        let names = self.decisions.iter();
        let names: BTreeSet<&str> = names
            .filter_map(|row| row.snapshot_source.as_deref())
            .collect();
        names.into_iter().collect()
    }
}

pub(super) fn by_hand(row: &DecisionRow) -> bool {
    row.source == DecisionSource::Manual.as_str()
}

fn of_coin(mut book: Book, coin: Coin, to_ms: i64) -> Book {
    let name = coin.as_str();
    book.deposits
        .retain(|row| row.currency == name && row.at_ms <= to_ms);
    book.fills
        .retain(|row| row.underlying == name && row.at_ms <= to_ms);
    book.settlements
        .retain(|row| row.underlying == name && row.at_ms <= to_ms);
    book
}
