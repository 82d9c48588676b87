-- Sales that were not made yet: a clock or a time format that is wrong.
SELECT count(*) FROM sales WHERE saletime > getdate();
