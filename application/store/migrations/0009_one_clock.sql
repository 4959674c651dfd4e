-- The instant of a decision is the database's.

-- The time that decides. Processes measure how far it is from a counter of their own, and appends are checked by it.
CREATE FUNCTION rpawatch.clock() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT clock_timestamp()';

-- As before (0003_append_batch.sql), and refuses all of it when this clock, as it says at the arrival and before waiting
-- for the lock, is not between not_before and not_after: then the clock by which the events were stamped is another one.
-- Null for no such bound.
DROP FUNCTION rpawatch.append_batch(
    integer[], uuid[], bigint[], text[], bytea[], uuid[], bigint[], integer[], bigint[]
);
CREATE FUNCTION rpawatch.append_batch(
    parts integer[], ids uuid[], versions bigint[], topics text[], states bytea[],
    read_ids uuid[], read_versions bigint[], based_parts integer[], based_places bigint[],
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
        SELECT DISTINCT part FROM unnest(based_parts, based_places) AS based (part, place) WHERE place = ANY (stale)
    ) END;
    WITH appended AS (
        INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)
        SELECT id, version, topic, state
        FROM unnest(parts, ids, versions, topics, states) WITH ORDINALITY AS new (part, id, version, topic, state, place)
        WHERE part <> ALL (refused)
        ORDER BY place
        RETURNING notification_id
    )
    SELECT max(notification_id) INTO last_position FROM appended;
    IF last_position IS NOT NULL THEN
        PERFORM pg_notify('rpawatch_events', '');
    END IF;
END
$$;
