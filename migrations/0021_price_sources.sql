-- Who a price is of that stands beside the chains: `recorded` (imported files), `deribit` or `deribit:HOST` (fetched from
-- there), `unknown`. An instant has one price: the first that was stored stays, and a later one that differs is reported.

alter table delivery_prices add column source text not null default 'unknown';
alter table volatility_index add column source text not null default 'unknown';
alter table future_marks add column source text not null default 'unknown';

-- A fetch has always named its host and method as the file, an import its path.
update delivery_prices set source = case
  when file like 'deribit% public/get_delivery_prices' then replace(file, ' public/get_delivery_prices', '')
  else 'recorded' end
where file is not null;
update volatility_index set source = case
  when file like 'deribit% public/get_volatility_index_data' then replace(file, ' public/get_volatility_index_data', '')
  else 'recorded' end
where file is not null;
update future_marks set source = 'recorded' where file is not null;

-- Trades by day of UTC, counted as they are stored, so that the calendar of history reads days and not every trade.
create table trade_days (
  source text not null,
  underlying text not null,
  day_ms bigint not null,
  prints bigint not null,
  first_ms bigint not null,
  last_ms bigint not null,
  primary key (source, underlying, day_ms)
);
insert into trade_days (source, underlying, day_ms, prints, first_ms, last_ms)
select source, underlying, at_ms - at_ms % 86400000, cast(count(*) as bigint), min(at_ms), max(at_ms)
from trade_prints group by source, underlying, at_ms - at_ms % 86400000;
