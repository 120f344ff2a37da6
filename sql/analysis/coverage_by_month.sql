-- Stored chains by month
-- :underlying text null: BTC, ETH, or null for both
-- Read it: a month with fewer days than the calendar has gaps; `thetaq coverage` names them.
select source, underlying, substr(day, 1, 7) as month, count(*) as days, sum(snapshots) as snapshots, sum(quotes) as quotes
from v_coverage
where kind = 'chains' and (:underlying is null or underlying = :underlying)
group by source, underlying, substr(day, 1, 7)
order by source, underlying, month
