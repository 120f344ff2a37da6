-- Trades of the public tape, as the exchange's history shows them. Prices are in the quote currency.
create table trade_prints (
  -- `deribit`, or `deribit:HOST` for the testnet and for anything else that speaks its API.
  source text not null,
  underlying text not null,
  at_ms bigint not null,
  -- The exchange's own.
  trade_id text not null,
  instrument text not null,
  -- Of the taker: buy | sell.
  side text not null,
  price double precision not null,
  -- Coin.
  amount double precision not null,
  -- Black volatility of the price, a fraction.
  iv double precision,
  mark_price double precision,
  -- USD.
  index_price double precision,
  -- Agreed outside of the book, or a leg of a combination.
  is_block boolean not null,
  is_liquidation boolean not null,
  primary key (source, underlying, at_ms, trade_id)
);

-- Stretches of history that were asked for and answered whole: everything the host had in [from_ms, to_ms) is
-- stored. A page and the stretch it ends are one transaction, so a fetch that is cut off goes on from here.
create table fetched_ranges (
  source text not null,
  -- trades | delivery_prices | volatility_index | candles
  kind text not null,
  underlying text not null,
  from_ms bigint not null,
  to_ms bigint not null,
  pages bigint not null,
  -- Rows those pages held, new or known.
  rows bigint not null,
  -- Wall time of the last page.
  updated_ms bigint not null,
  primary key (source, kind, underlying, from_ms)
);
