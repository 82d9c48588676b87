-- One row an event that is over on the as-of date, the label first. One event in ten is left out: it judges the model.
SELECT
  sum(s.pricepaid) AS total_price,
  v.venueseats AS seats,
  e.catid AS category,
  CAST(extract(month FROM d.caldate) AS integer) AS month,
  CAST(extract(dow FROM d.caldate) AS integer) AS weekday,
  CASE WHEN d.holiday THEN 1 ELSE 0 END AS holiday
FROM event e
JOIN sales s ON s.eventid = e.eventid
JOIN venue v ON v.venueid = e.venueid
JOIN date d ON d.dateid = e.dateid
CROSS JOIN perennial_parameters p
WHERE d.caldate < p.as_of
  AND s.saletime < p.as_of
  AND e.eventid % p.held_back_every <> 0
GROUP BY e.eventid, e.catid, v.venueseats, d.caldate, d.holiday
ORDER BY e.eventid;
