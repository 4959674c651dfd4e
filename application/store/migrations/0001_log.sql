-- The log of events, and everything that guards it. Run once, by the owner, in one transaction.

CREATE TABLE rpawatch.events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX events_notification_id_idx ON rpawatch.events (notification_id);
-- What happened to a key but its uses, of which there may be millions between. The condition stands again in
-- application/store/log/reading.py: with another, the planner would not see that this index is for that query.
CREATE INDEX events_key_lifecycle_idx ON rpawatch.events (originator_id, originator_version)
WHERE topic LIKE 'api\_key.%' AND topic <> 'api_key.used';

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

-- An event that comes with a token (staging.py: a NUL, "staged:" and the 16 bytes of an id) gets the state that is
-- staged under that id; the bytes of an event are a JSON object and never begin with NUL. What is handed over stays
-- compressed: only compressed bytes are copied.
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

-- The time that decides. Processes measure how far it is from a counter of their own, and appends are checked by it.
CREATE FUNCTION rpawatch.clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT clock_timestamp()';

-- Returns the places (from 1) in the arrays of the streams whose last version is not the one given; 0 means not there.
-- A stream that is behind is stale too: after a fail-over to a standby that had not received everything, a cache may
-- hold what is gone, and going on from there would leave a gap.
--
-- Planned while the table is empty, it would read all of it for ever: hence enable_seqscan.
CREATE FUNCTION rpawatch.stale_streams(ids uuid[], versions bigint[]) RETURNS bigint[] LANGUAGE plpgsql STABLE
SET enable_seqscan = off AS $$
BEGIN
    RETURN ARRAY(
        SELECT place FROM unnest(ids, versions) WITH ORDINALITY AS read (id, version, place)
        WHERE version <> coalesce((
            SELECT originator_version FROM rpawatch.events WHERE originator_id = id
            ORDER BY originator_version DESC LIMIT 1
        ), 0)
    );
END
$$;

-- Appends what many commands have decided in one statement, and leaves out those that were decided on something stale.
-- The events come in groups: commands that build on each other are one group, and stand or fall together.
--
-- groups, ids, versions, topics, states: the events, each with the number of its group.
-- read_ids, read_versions: every stream that any command looked at or changes, as it was before this append.
-- based_groups, based_places: which group is based on which of these (its place in read_ids, from 1).
-- not_before, not_after: where this clock has to be at the arrival, before waiting for the lock; null for no such
-- bound. If it is elsewhere, the clock by which the events were stamped is another one, and all of it is refused: only
-- arrived_at is returned.
--
-- The advisory lock is taken before the first position is handed out and held until the commit is on disk, so
-- positions are in commit order and a reader that follows the log skips nothing. Under it nobody else appends, so what
-- is checked here holds at the instant of the append, on any number of machines. It is not LOCK TABLE: that needs more
-- rights than an append-only role has, and every autovacuum would stall all writers for a second.
--
-- Returns the stale places, the groups left out because of them, the position of the last event, and the clock's time.
CREATE FUNCTION rpawatch.append_batch(
    groups integer[], ids uuid[], versions bigint[], topics text[], states bytea[],
    read_ids uuid[], read_versions bigint[], based_groups integer[], based_places bigint[],
    not_before timestamptz, not_after timestamptz,
    OUT stale bigint[], OUT refused integer[], OUT last_position bigint, OUT arrived_at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    arrived_at := rpawatch.clock();
    IF arrived_at < not_before OR arrived_at > not_after THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock('rpawatch.events'::regclass::oid::bigint);
    stale := rpawatch.stale_streams(read_ids, read_versions);
    refused := CASE WHEN stale = '{}' THEN '{}' ELSE ARRAY(
        SELECT DISTINCT number FROM unnest(based_groups, based_places) AS based (number, place)
        WHERE place = ANY (stale)
    ) END;
    WITH appended AS (
        INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)
        SELECT id, version, topic, state
        FROM unnest(groups, ids, versions, topics, states)
            WITH ORDINALITY AS new (number, id, version, topic, state, place)
        WHERE number <> ALL (refused)
        ORDER BY place
        RETURNING notification_id
    )
    SELECT max(notification_id) INTO last_position FROM appended;
    IF last_position IS NOT NULL THEN
        PERFORM pg_notify('rpawatch_events', '');
    END IF;
END
$$;

GRANT SELECT, INSERT ON rpawatch.events, rpawatch.snapshots TO rpawatch_app;
GRANT SELECT, INSERT, DELETE ON rpawatch.staged_states TO rpawatch_app;
GRANT SELECT ON rpawatch.events TO rpawatch_projector;
