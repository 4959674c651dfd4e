-- Appends what many commands have decided in one statement, and leaves out those that were decided on something stale.

-- Returns the places (from 1) in the arrays of the streams whose last version is not the one given; 0 means not there.
-- A stream that is behind is stale too: after a fail-over to a standby that had not received everything, a cache may
-- hold what is gone, and going on from there would leave a gap.
CREATE FUNCTION rpawatch.stale_streams(ids uuid[], versions bigint[]) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
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
-- Planned while the table is empty, it would read all of it for ever.
ALTER FUNCTION rpawatch.stale_streams SET enable_seqscan = off;

-- The events come in parts: commands that build on each other are one part, and stand or fall together.
--
-- parts, ids, versions, topics, states: the events, each with the number of its part.
-- read_ids, read_versions: every stream that any command looked at or changes, as it was before this append.
-- based_parts, based_places: which part is based on which of these (its place in read_ids, from 1).
--
-- The advisory lock is taken before the first position is handed out and held until the commit is on disk, so
-- positions are in commit order and a reader that follows the log skips nothing. Under it nobody else appends, so what
-- is checked here holds at the instant of the append, on any number of machines.
--
-- Returns the stale places, the parts that were left out because of them, and the position of the last event.
CREATE FUNCTION rpawatch.append_batch(
    parts integer[], ids uuid[], versions bigint[], topics text[], states bytea[],
    read_ids uuid[], read_versions bigint[], based_parts integer[], based_places bigint[],
    OUT stale bigint[], OUT refused integer[], OUT last_position bigint
) LANGUAGE plpgsql AS $$
BEGIN
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

DROP FUNCTION rpawatch.append_events;
