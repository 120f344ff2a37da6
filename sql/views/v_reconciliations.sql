-- Our positions against the exchange's.
select
  r.id as id,                                    -- ULID of the comparison
  iso(r.at_ms) as at,                            -- when they were compared
  r.desk as desk,                                -- live, or the name of a replay
  r.underlying as underlying,                    -- BTC or ETH
  r.outcome as outcome,                          -- agreed, halted or adopted
  r.difference_usd as difference_usd,            -- USD: what the positions differ by
  r.details as details,                          -- JSON: what differed
  r.job as job                                   -- who compared
from reconciliations r
