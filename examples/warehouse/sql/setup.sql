-- Tables in the shape of the public TICKIT sample. Safe to repeat: COPY replaces what they hold.
CREATE TABLE IF NOT EXISTS venue (
  venueid    smallint NOT NULL SORTKEY,
  venuename  varchar(100),
  venuecity  varchar(30),
  venueseats integer
) DISTSTYLE ALL;

CREATE TABLE IF NOT EXISTS date (
  dateid  smallint NOT NULL SORTKEY,
  caldate date NOT NULL,
  day     character(3) NOT NULL,
  week    smallint NOT NULL,
  month   character(5) NOT NULL,
  qtr     character(5) NOT NULL,
  year    smallint NOT NULL,
  holiday boolean DEFAULT false
) DISTSTYLE ALL;

CREATE TABLE IF NOT EXISTS event (
  eventid   integer NOT NULL DISTKEY,
  venueid   smallint NOT NULL,
  catid     smallint NOT NULL,
  dateid    smallint NOT NULL SORTKEY,
  eventname varchar(200),
  starttime timestamp
);

-- Distributed as events are: what is joined lies on one node.
CREATE TABLE IF NOT EXISTS sales (
  salesid    integer NOT NULL,
  sellerid   integer NOT NULL,
  buyerid    integer NOT NULL,
  eventid    integer NOT NULL DISTKEY,
  dateid     smallint NOT NULL SORTKEY,
  qtysold    smallint NOT NULL,
  pricepaid  decimal(10,2),
  commission decimal(10,2),
  saletime   timestamp
);

-- What every event took in, and in which thousandth of all events it lies: 1 is the best.
CREATE OR REPLACE VIEW event_percentile AS
SELECT eventid, total_price, ntile(1000) OVER (ORDER BY total_price DESC) AS percentile
FROM (SELECT eventid, sum(pricepaid) AS total_price FROM sales GROUP BY eventid) AS totals;
