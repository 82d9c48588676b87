-- What was erased, and on whose request: the one table here that is the truth itself, and that no rebuild touches. Each row holds the
-- hash of the row before it, over the very text that stands here; see docs/audit.md.

CREATE TABLE audit_chain (
  sequence bigint PRIMARY KEY CHECK (sequence > 0),
  at text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('requested', 'target', 'ended', 'lifted')),
  body text NOT NULL,
  previous text NOT NULL,
  hash text NOT NULL UNIQUE,
  seal text NOT NULL,
  -- Only to find rows by: the text decides.
  request text COLLATE "C" NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'request') STORED,
  execution text COLLATE "C" NOT NULL GENERATED ALWAYS AS (body::jsonb ->> 'execution') STORED,
  target text COLLATE "C" GENERATED ALWAYS AS (body::jsonb #>> '{target,hash}') STORED
);
CREATE UNIQUE INDEX audit_chain_event ON audit_chain (request, execution, kind, coalesce(target, ''));
CREATE INDEX audit_chain_by_target ON audit_chain (target) WHERE target IS NOT NULL;
CREATE INDEX audit_chain_ended ON audit_chain (kind, sequence) WHERE kind = 'ended';
REVOKE ALL ON audit_chain FROM PUBLIC;

-- ALWAYS: also where a session says it only replays another server's changes. FOR EACH STATEMENT: also where no row is met.
CREATE FUNCTION audit_chain_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_chain is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
  FOR EACH STATEMENT EXECUTE FUNCTION audit_chain_refuse();
ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_chain_append_only;

-- A row must go on where the chain ends.
CREATE FUNCTION audit_chain_extend() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last record;
BEGIN
  SELECT sequence, hash INTO last FROM audit_chain ORDER BY sequence DESC LIMIT 1;
  IF NEW.sequence IS DISTINCT FROM coalesce(last.sequence, 0) + 1
    OR NEW.previous IS DISTINCT FROM coalesce(last.hash, repeat('0', 64))
    OR NEW.hash IS DISTINCT FROM encode(sha256(convert_to(
      concat_ws(E'\n', NEW.previous, NEW.sequence, NEW.at, NEW.kind, NEW.body), 'UTF8')), 'hex')
  THEN
    RAISE EXCEPTION 'audit_chain: row % does not continue the chain', NEW.sequence USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_chain_continues BEFORE INSERT ON audit_chain
  FOR EACH ROW EXECUTE FUNCTION audit_chain_extend();
ALTER TABLE audit_chain ENABLE ALWAYS TRIGGER audit_chain_continues;
