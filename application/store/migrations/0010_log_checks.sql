-- A comparison of the log belongs to who asked for it. One with a checkpoint that somebody has from elsewhere (kept) says
-- something about that checkpoint, and is told to them alone; one without has the same input whoever asks, and its
-- outcome is told to everybody. Those with a checkpoint from before are of nobody knows whom.
DELETE FROM rpawatch.log_checks WHERE kept IS NOT NULL;

-- asked_by: a user's id, or 'system'. turn: whose turn it uses up: that of an account, of a person whose role holds in the
-- whole tenant, or of the log itself. contradicts: the checkpoint was signed by the log's key, and the log is another one.
-- kept_text: the checkpoint without its signatures, to which anybody can add more.
ALTER TABLE rpawatch.log_checks
    ADD COLUMN asked_by text NOT NULL DEFAULT 'system',
    ADD COLUMN turn text NOT NULL DEFAULT 'log',
    ADD COLUMN attempts int NOT NULL DEFAULT 0,
    ADD COLUMN contradicts boolean NOT NULL DEFAULT false,
    ADD COLUMN kept_text text GENERATED ALWAYS AS (split_part(kept, E'\n\n', 1)) STORED;

DROP INDEX rpawatch.log_checks_one_under_way_idx;
CREATE UNIQUE INDEX log_checks_one_of_the_log_idx ON rpawatch.log_checks ((true)) WHERE ended_at IS NULL AND kept IS NULL;
CREATE UNIQUE INDEX log_checks_one_of_each_idx ON rpawatch.log_checks (asked_by)
    WHERE ended_at IS NULL AND kept IS NOT NULL;
CREATE INDEX log_checks_of_each_idx ON rpawatch.log_checks (asked_by, number);
CREATE INDEX log_checks_turn_idx ON rpawatch.log_checks (turn, ended_at);

-- What waits, in the order in which it is made. One that was interrupted goes on. Then the first of each turn comes before
-- the second of any; and of the first ones, that whose last turn is longest ago.
CREATE VIEW rpawatch.log_checks_queue AS
SELECT number, row_number() OVER (ORDER BY attempts = 0, place, last_turn NULLS FIRST, number) AS rank
FROM (
    SELECT number, attempts, row_number() OVER (PARTITION BY turn ORDER BY number) AS place,
        (SELECT max(ended_at) FROM rpawatch.log_checks AS past WHERE past.turn = waiting.turn) AS last_turn
    FROM rpawatch.log_checks AS waiting WHERE ended_at IS NULL
) AS placed;

GRANT SELECT ON rpawatch.log_checks_queue TO rpawatch_app, rpawatch_projector;
-- After a checkpoint that the log contradicts, the log itself is compared too.
GRANT INSERT ON rpawatch.log_checks TO rpawatch_projector;
