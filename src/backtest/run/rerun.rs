//! A desk's own days again: a run that starts from the book the desk had and follows its settings.

use super::{Event, Run};
use crate::backtest::ledger::{Sale, Trigger};
use crate::backtest::{Data, Point, RunError, Setup, Strategy, Taken};
use crate::domain::coin::Coin;
use crate::domain::context::Regime;
use crate::domain::instrument::DAY_MS;
use crate::domain::order::{Fill, Settlement, Side};
use crate::domain::portfolio::Portfolio;
use crate::domain::settings::Settings;
use rust_decimal::Decimal;

/// What a desk had of one coin before the first instant.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Folded from everything that had happened.
    pub portfolio: Portfolio,
    /// The same things in the order of time: roll chains go on where they were.
    pub happened: Vec<Happened>,
    /// Highest equity of the first instant's day so far, coin.
    pub day_peak: Option<f64>,
    /// (at_ms, coin) that came in or went out later: like settings they are the world's, not the run's.
    pub deposits: Vec<(i64, Decimal)>,
}

/// A change of a book; a fill with its roll chain.
#[derive(Clone, Debug)]
pub enum Happened {
    Fill(Fill, String),
    Settlement(Settlement),
}

/// Settings from an instant on, controls of the desk included.
#[derive(Clone, Debug)]
pub struct Rules {
    pub from_ms: i64,
    pub settings: Settings,
    setup: Setup,
}

impl Rules {
    pub fn new(from_ms: i64, settings: Settings, coin: Coin, seed: &str) -> Self {
        let setup = Setup {
            // Two decisions of one minute are two: a person may ask for one between slots.
            interval_ms: 1,
            ..Setup::of_desk(&settings, coin, seed)
        };
        Self {
            from_ms,
            settings,
            setup,
        }
    }
}

/// One instant of the run.
#[derive(Clone, Debug)]
pub struct Again {
    pub taken: Taken,
    /// The book that was decided on: what expired is settled, nothing is traded yet.
    pub book: Portfolio,
    pub fills: Vec<Fill>,
    pub settlements: Vec<Settlement>,
    /// After the fills.
    pub point: Point,
}

/// Decides at every snapshot of the data under the rules of its instant; `rules` are in the order of time
/// and the first ones stand for what is before them.
pub fn rerun(data: &Data, mut opening: Opening, rules: &[Rules]) -> Result<Vec<Again>, RunError> {
    let Some(first) = rules.first() else {
        return Err(RunError::NoSnapshots(data.coin));
    };
    let mut run = Run::new(data, &first.setup, Strategy::Policy)?;
    let mut deposits = std::mem::take(&mut opening.deposits).into_iter().peekable();
    run.open(opening);
    let mut again = Vec::new();
    for snapshot in data.snapshots() {
        let at_ms = snapshot.chain.at_ms;
        while let Some((_, amount)) = deposits.next_if(|(from_ms, _)| *from_ms <= at_ms) {
            run.portfolio.deposit(data.coin.as_str(), amount);
        }
        let rule = rules.iter().rev().find(|rule| rule.from_ms <= at_ms);
        run.follow(rule.unwrap_or(first));
        again.extend(run.once()?);
    }
    Ok(again)
}

impl<'a> Run<'a> {
    /// Takes over a book; the events that led to it are not this run's.
    fn open(&mut self, opening: Opening) {
        for happened in &opening.happened {
            match happened {
                Happened::Fill(fill, chain) if fill.side == Side::Sell => {
                    let sale = Sale {
                        chain,
                        candidate: None,
                        delta: None,
                        iv: None,
                        regime: Regime::Unknown,
                    };
                    self.state.ledger.sell(fill, &sale);
                }
                Happened::Fill(fill, _) => self.state.ledger.buy(fill, Trigger::Closed),
                Happened::Settlement(settlement) => self.state.ledger.settle(settlement),
            }
        }
        let first_ms = self.steps[0].chain.at_ms;
        if let Some(peak) = opening.day_peak {
            self.state.day = first_ms - first_ms.rem_euclid(DAY_MS);
            self.state.day_peak = peak;
        }
        self.portfolio = opening.portfolio;
    }

    fn follow(&mut self, rules: &'a Rules) {
        self.setup = &rules.setup;
        self.settings.clone_from(&rules.settings);
    }

    /// One step, with what it decided on and what came of it.
    fn once(&mut self) -> Result<Option<Again>, RunError> {
        let (mut book, events) = (self.portfolio.clone(), self.state.events.len());
        self.advance(1)?;
        let (mut fills, mut settlements) = (Vec::new(), Vec::new());
        for event in &self.state.events[events..] {
            match event {
                Event::Fill(fill, ..) => fills.push(fill.clone()),
                Event::Settlement(settlement) => {
                    book.settle(settlement);
                    settlements.push(settlement.clone());
                }
            }
        }
        let taken = self.state.taken.last().cloned();
        let last = taken.zip(self.state.points.last().copied());
        Ok(last.map(|(taken, point)| Again {
            taken,
            book,
            fills,
            settlements,
            point,
        }))
    }
}
