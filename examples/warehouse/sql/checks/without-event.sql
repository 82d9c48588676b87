-- Sales of events that the warehouse does not know: they would be missing from the totals without a word.
SELECT count(*) FROM sales s LEFT JOIN event e ON e.eventid = s.eventid WHERE e.eventid IS NULL;
