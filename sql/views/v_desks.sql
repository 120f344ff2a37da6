-- The books: the live desk, and one per replay.
select
  k.id as id,                                    -- live, or the name of a replay
  k.mode as mode,                                -- research or production
  k.exchange as exchange,                        -- who matches orders
  k.market as market,                            -- where quotes come from
  k.seed as seed,                                -- of the market and of exploration
  k.dry_run as dry_run,                          -- fills come from the fill model
  k.state as state,                              -- running, paused or stopped
  k.kill_switch as kill_switch,                  -- true: nothing opens
  k.close_only as close_only,                    -- true: closing only
  k.speed as speed,                              -- desk seconds per second
  k.config_hash as config_hash,                  -- settings in force
  k.code_version as code_version,                -- program that wrote it
  iso(k.created_ms) as created_at,               -- when the book was opened
  iso(k.updated_ms) as updated_at                -- last change
from desks k
