-- The states of large events, which are sent and compressed here before anybody else has to wait for them.
--
-- Compressing 9 MB takes PostgreSQL 130 to 400 ms, and all writers would wait for it behind the lock of append_batch.
-- What is compressed already is only copied there: 6 ms. Unlogged, since it is worth nothing without the append: after
-- a crash of the server it is empty, and a report on its way is refused as if the store had been away.
CREATE UNLOGGED TABLE rpawatch.staged_states (
    id uuid PRIMARY KEY,
    state bytea NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON rpawatch.staged_states TO rpawatch_app;

-- An event that comes with a token (staging.py: a NUL, "staged:" and the 16 bytes of an id) gets the state that is staged
-- under that id; the bytes of an event are a JSON object and never begin with NUL. What is handed over stays compressed:
-- only compressed bytes are copied.
CREATE FUNCTION rpawatch.take_staged_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rpawatch.staged_states WHERE id = encode(substring(NEW.state FROM 9), 'hex')::uuid
        RETURNING state INTO NEW.state;
    IF NEW.state IS NULL THEN
        RAISE EXCEPTION 'the state of a large event is not staged any more' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER take_staged_state BEFORE INSERT ON rpawatch.events
    FOR EACH ROW WHEN (octet_length(NEW.state) = 24 AND substring(NEW.state FROM 1 FOR 8) = '\x007374616765643a'::bytea)
    EXECUTE FUNCTION rpawatch.take_staged_state();
