-- Who signed in before is slowed by their own failures, and never refused for those of strangers.

-- What digests of a user's networks, and the cookies of their devices, are made with: random, and gone with the user.
ALTER TABLE rpawatch.users
    ADD COLUMN sign_in_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- The networks that users signed in from. network: a digest that differs from user to user.
CREATE TABLE rpawatch.sign_in_networks (
    user_id uuid NOT NULL REFERENCES rpawatch.users ON DELETE CASCADE,
    network bytea NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, network)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON rpawatch.sign_in_networks TO rpawatch_app;

-- An attempt is counted before its password is looked at, and taken back when that was right.
ALTER TABLE rpawatch.sign_in_failures ADD COLUMN attempt_id uuid;
CREATE INDEX sign_in_failures_failed_at_idx ON rpawatch.sign_in_failures (failed_at);
