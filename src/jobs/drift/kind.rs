//! Why a desk and the backtester may differ, a word each.

/// The reason of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The desk made no decision at an instant at which it should have.
    TickMissed,
    /// It tried and failed; the decision row has the error.
    TickFailed,
    /// The chain a decision names is not stored: nothing can be made again there.
    ChainMissing,
    /// From here on other settings, or another seed; the run follows them.
    SettingsChanged,
    /// A person closed a call.
    Manual,
    /// The exchange's book was taken over by a reconciliation.
    Adopted,
    /// The model fills an order that the desk's did not.
    OrderUnfilled,
    /// Another size was filled.
    OrderPartial,
    /// Another price was paid.
    PriceDiffers,
    FeeDiffers,
    /// The desk filled what the model has no quote for.
    ModelUnfilled,
    /// It follows from an earlier difference, which it names.
    BookDiffers,
    /// What expired was not settled yet when the desk looked.
    SettlementLate,
    /// An expiry that the desk has no settlement of.
    SettlementMissing,
    /// The same expiry for another amount.
    SettlementDiffers,
    /// An order of the desk was still working.
    OrderWorking,
    /// The quotes were older than the decision.
    QuotesOlder,
    /// Balance, margin or the day's peak were the exchange's word and not ours.
    AccountDiffers,
    /// Stored history gives other features than the desk saw; the run takes the desk's.
    FeaturesDiffer,
    /// Another version of the program decided.
    CodeChanged,
    /// None of the above.
    Unexplained,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TickMissed => "tick_missed",
            Self::TickFailed => "tick_failed",
            Self::ChainMissing => "chain_missing",
            Self::SettingsChanged => "settings_changed",
            Self::Manual => "manual",
            Self::Adopted => "adopted",
            Self::OrderUnfilled => "order_unfilled",
            Self::OrderPartial => "order_partial",
            Self::PriceDiffers => "price_differs",
            Self::FeeDiffers => "fee_differs",
            Self::ModelUnfilled => "model_unfilled",
            Self::BookDiffers => "book_differs",
            Self::SettlementLate => "settlement_late",
            Self::SettlementMissing => "settlement_missing",
            Self::SettlementDiffers => "settlement_differs",
            Self::OrderWorking => "order_working",
            Self::QuotesOlder => "quotes_older",
            Self::AccountDiffers => "account_differs",
            Self::FeaturesDiffer => "features_differ",
            Self::CodeChanged => "code_changed",
            Self::Unexplained => "unexplained",
        }
    }
}
