-- The Merkle tree over the log, its signed heads, and comparisons of the log with them.

-- What the tree has of an event. domain/proof/leaf.py makes the same, and a test compares them.
CREATE FUNCTION rpawatch.leaf_hash(place bigint, stream uuid, version bigint, topic text, state bytea)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256('\x00'::bytea || convert_to(
        'rpawatch event v1' || chr(10) || place || chr(10) || stream || chr(10) || version || chr(10) || topic || chr(10)
            || encode(sha256(state), 'hex') || chr(10),
        'UTF8'
    ))
$$;

-- Hashes side by side, 256 at most, as c2sp.org/tlog-tiles has them: on level 0 of events, above it of the full tiles
-- below. last_position: of the last event, on level 0, by which an event's place in the tree is found.
CREATE TABLE rpawatch.tree_tiles (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    last_position bigint CHECK ((last_position IS NOT NULL) = (level = 0)),
    PRIMARY KEY (level, number)
);
-- Hashes can't be compressed.
ALTER TABLE rpawatch.tree_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX tree_tiles_last_position_idx ON rpawatch.tree_tiles (last_position) WHERE level = 0;

-- Every head of the tree that was ever signed, as a signed note. A size may be signed again with another key.
CREATE TABLE rpawatch.checkpoints (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size bigint NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    note text NOT NULL
);
CREATE INDEX checkpoints_size_idx ON rpawatch.checkpoints (size);

-- The public keys that heads were signed with, in C2SP's form. The private ones are files of the operator's.
CREATE TABLE rpawatch.log_keys (
    vkey text PRIMARY KEY,
    published_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
CREATE UNIQUE INDEX log_keys_one_in_use_idx ON rpawatch.log_keys ((true)) WHERE retired_at IS NULL;

-- Comparisons of the log with its signed heads that somebody asked for on a page. One belongs to who asked for it: one
-- with a checkpoint that somebody has from elsewhere (kept) says something about that checkpoint, and is told to them
-- alone; one without has the same input whoever asks, and its outcome is told to everybody.
--
-- asked_by: a user's id, or 'system'.
-- turn: whose turn it uses up: that of an account, of a person whose role holds in the whole tenant, or of the log.
-- kept_text: the checkpoint without its signatures, to which anybody can add more.
-- contradicts: the checkpoint was signed by the log's key, and the log is another one.
-- signed_events, holds, contradicts, findings: of one that has ended.
CREATE TABLE rpawatch.log_checks (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    asked_by text NOT NULL,
    turn text NOT NULL,
    kept text,
    kept_text text GENERATED ALWAYS AS (split_part(kept, E'\n\n', 1)) STORED,
    attempts int NOT NULL DEFAULT 0,
    events bigint NOT NULL DEFAULT 0,
    events_total bigint,
    ended_at timestamptz,
    signed_events bigint,
    holds boolean,
    contradicts boolean NOT NULL DEFAULT false,
    findings text[] NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX log_checks_one_of_the_log_idx ON rpawatch.log_checks ((true))
    WHERE ended_at IS NULL AND kept IS NULL;
CREATE UNIQUE INDEX log_checks_one_of_each_idx ON rpawatch.log_checks (asked_by)
    WHERE ended_at IS NULL AND kept IS NOT NULL;
CREATE INDEX log_checks_of_each_idx ON rpawatch.log_checks (asked_by, number);
CREATE INDEX log_checks_turn_idx ON rpawatch.log_checks (turn, ended_at);

-- What waits, in the order in which it is made. One that was interrupted goes on. Then the first of each turn comes
-- before the second of any; and of the first ones, that whose last turn is longest ago.
CREATE VIEW rpawatch.log_checks_queue AS
SELECT number, row_number() OVER (ORDER BY attempts = 0, place, last_turn NULLS FIRST, number) AS rank
FROM (
    SELECT number, attempts, row_number() OVER (PARTITION BY turn ORDER BY number) AS place,
        (SELECT max(ended_at) FROM rpawatch.log_checks AS past WHERE past.turn = waiting.turn) AS last_turn
    FROM rpawatch.log_checks AS waiting WHERE ended_at IS NULL
) AS placed;

GRANT SELECT ON rpawatch.tree_tiles, rpawatch.checkpoints, rpawatch.log_keys, rpawatch.log_checks_queue TO rpawatch_app;
GRANT SELECT, INSERT ON rpawatch.log_checks TO rpawatch_app;
GRANT SELECT, INSERT, UPDATE ON rpawatch.tree_tiles TO rpawatch_projector;
GRANT SELECT, INSERT ON rpawatch.checkpoints, rpawatch.log_keys TO rpawatch_projector;
GRANT UPDATE (retired_at) ON rpawatch.log_keys TO rpawatch_projector;
-- INSERT: after a checkpoint that the log contradicts, the log itself is compared too.
GRANT SELECT, INSERT, UPDATE, DELETE ON rpawatch.log_checks TO rpawatch_projector;
GRANT SELECT ON rpawatch.log_checks_queue TO rpawatch_projector;
