-- Market history. Prices are in the quote currency (coin when inverse), volatilities are fractions.

-- One whole chain of one underlying at one instant; `packed` is the column form of src/db/chains.
create table chain_snapshots (
  -- `recorded` (imported files), `deribit` (recorded by this desk), or `synthetic:SEED`.
  source text not null,
  underlying text not null,
  at_ms bigint not null,
  index_price double precision,
  quotes bigint not null,
  digest text not null,
  packed bytea not null,
  file text,
  primary key (source, underlying, at_ms)
);

-- The exchange's settlement price of options that expire 08:00 UTC that day.
create table delivery_prices (
  index_name text not null,
  at_ms bigint not null,
  price_usd double precision not null,
  file text,
  primary key (index_name, at_ms)
);

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

-- Daily close of the exchange's 30-day volatility index, a fraction.
create table volatility_index (
  underlying text not null,
  at_ms bigint not null,
  close double precision not null,
  file text,
  primary key (underlying, at_ms)
);
