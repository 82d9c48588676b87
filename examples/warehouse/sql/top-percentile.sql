-- The events of the best thousandth: the report that the view is for.
SELECT e.eventname, t.total_price
FROM event_percentile t
JOIN event e ON e.eventid = t.eventid
WHERE t.percentile = 1
ORDER BY t.total_price DESC;
