-- The event log and everything that guards it. Run once, by the owner, in one transaction.

CREATE TABLE rpawatch.events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX events_notification_id_idx ON rpawatch.events (notification_id);

CREATE TABLE rpawatch.snapshots (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);

CREATE FUNCTION rpawatch.refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The event log is append-only: % is refused, for everyone.', TG_OP
        USING ERRCODE = 'insufficient_privilege', HINT = 'Record a new event that corrects the old one.';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rpawatch.events
    FOR EACH STATEMENT EXECUTE FUNCTION rpawatch.refuse_to_change_the_log();

-- Appends events in one statement and one round trip, or none of them.
--
-- The advisory lock is taken before the first position is handed out and held until the commit is on disk, so
-- positions are in commit order and a reader that follows the log skips nothing. It is not LOCK TABLE: that needs more
-- rights than an append-only role has, and every autovacuum would stall all writers for a second.
--
-- read_ids and read_versions are the streams that the decision was based on. Under the lock nobody else appends, so
-- checking them here makes the decision hold at the instant of the append, on any number of machines.
--
-- Returns the position of the last event. Raises unique_violation or serialization_failure when a stream went on.
CREATE FUNCTION rpawatch.append_events(
    ids uuid[], versions bigint[], topics text[], states bytea[], read_ids uuid[], read_versions bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_position bigint;
BEGIN
    PERFORM pg_advisory_xact_lock('rpawatch.events'::regclass::oid::bigint);
    IF EXISTS (
        SELECT FROM unnest(read_ids, read_versions) AS read (id, version)
        JOIN rpawatch.events AS event ON event.originator_id = read.id AND event.originator_version > read.version
    ) THEN
        RAISE EXCEPTION 'a stream that was read has gone on' USING ERRCODE = 'serialization_failure';
    END IF;
    WITH appended AS (
        INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)
        SELECT id, version, topic, state
        FROM unnest(ids, versions, topics, states) WITH ORDINALITY AS new (id, version, topic, state, place)
        ORDER BY place
        RETURNING notification_id
    )
    SELECT max(notification_id) INTO last_position FROM appended;
    PERFORM pg_notify('rpawatch_events', '');
    RETURN last_position;
END
$$;

GRANT USAGE ON SCHEMA rpawatch TO rpawatch_app;
GRANT SELECT, INSERT ON rpawatch.events, rpawatch.snapshots TO rpawatch_app;
