-- Stored option chains: one row per snapshot; `thetaq quotes` shows its quotes.
select
  c.source as source,                            -- recorded, deribit, or synthetic:SEED
  c.underlying as underlying,                    -- BTC or ETH
  iso(c.at_ms) as at,                            -- when it was quoted
  c.index_price as index_price,                  -- USD per coin
  c.index_source as index_source,                -- where the index came from
  c.collection as collection,                    -- who collected it
  c.quotes as quotes,                            -- number of quotes
  c.digest as digest,                            -- fingerprint of the quotes
  c.file as file                                 -- where it was imported from
from chain_snapshots c
