-- Market history. Prices are in the quote currency (coin when inverse), volatilities are fractions.

-- One whole chain of one underlying at one instant; `packed` is the column form of src/db/chains and
-- stands last, so that reading the columns before it does not touch its pages.
create table chain_snapshots (
  -- `recorded` (imported files), `deribit` (recorded by this desk), or `synthetic:SEED`.
  source text not null,
  underlying text not null,
  at_ms bigint not null,
  -- Who collected it, as the file says; the source again when this desk did.
  collection text not null,
  -- USD: the median index of the quotes, or where they carry none the forward of the nearest expiry.
  index_price double precision not null,
  -- `recorded` | `live` | `synthetic`, or `model` for a forward in place of the index.
  index_source text not null,
  quotes bigint not null,
  -- SHA-256 of `packed`.
  digest text not null,
  file text,
  packed bytea not null,
  primary key (source, underlying, at_ms)
);

-- The exchange's settlement price of options that expire 08:00 UTC that day; known from at_ms on.
create table delivery_prices (
  index_name text not null,
  at_ms bigint not null,
  price_usd double precision not null,
  file text,
  primary key (index_name, at_ms)
);

-- at_ms is the opening; a candle is known from at_ms + resolution_ms on.
create table candles (
  source text not null,
  symbol text not null,
  resolution_ms bigint not null,
  at_ms bigint not null,
  open double precision,
  high double precision,
  low double precision,
  close double precision not null,
  volume double precision,
  file text,
  primary key (source, symbol, resolution_ms, at_ms)
);

-- Daily close of the exchange's 30-day volatility index, a fraction. at_ms is the end of the day
-- (00:00 UTC of the next one): the instant from which the close is known.
create table volatility_index (
  underlying text not null,
  at_ms bigint not null,
  close double precision not null,
  file text,
  primary key (underlying, at_ms)
);

-- Marks of futures at the instants of chain snapshots, USD, with the one-minute candle around them.
create table future_marks (
  symbol text not null,
  at_ms bigint not null,
  mark double precision not null,
  mark_min double precision,
  mark_max double precision,
  open double precision,
  high double precision,
  low double precision,
  close double precision,
  volume double precision,
  file text,
  primary key (symbol, at_ms)
);

-- Funding of perpetual futures for the interval that ends at at_ms, a fraction.
create table funding_rates (
  source text not null,
  symbol text not null,
  at_ms bigint not null,
  rate double precision not null,
  file text,
  primary key (source, symbol, at_ms)
);
