-- Who may sign in. Personal data is here, where it can be corrected and erased, and never in an event.

CREATE TABLE rpawatch.installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tenant_id uuid NOT NULL,
    created_at timestamptz NOT NULL
);

-- scope_id: the account whose administrator vouched for this person, or the tenant. An address may be known in each,
-- and those are different people to the service: docs/decisions/0018-a-person-belongs-to-who-vouched-for-them.md.
-- email: in one normal form (NFC), so that ö in one character and in two are the same person.
-- password_kind: none; first: made here, to be used once until first_password_until; used_up: a first one that was
-- used; own: that somebody chose.
-- password_salt: parameters and salt of Argon2, as they begin a hash in PHC format. All rows of one address have the
-- same, so that signing in takes one computation, however many there are.
-- password_hash: what a password is compared with; none where there is none.
-- sign_in_key: what digests of a user's networks, and the cookies of their devices, are made with: random, and gone
-- with the user.
CREATE TABLE rpawatch.users (
    user_id uuid PRIMARY KEY,
    scope_id uuid NOT NULL,
    email text NOT NULL CHECK (email = lower(email)),
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    signed_in_at timestamptz,
    password_kind text NOT NULL DEFAULT 'none',
    password_salt text NOT NULL,
    password_hash text,
    first_password_until timestamptz,
    sign_in_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
    CONSTRAINT users_email_scope_key UNIQUE (email, scope_id),
    CONSTRAINT users_password_check CHECK (CASE password_kind
        WHEN 'none' THEN password_hash IS NULL AND first_password_until IS NULL
        WHEN 'first' THEN password_hash IS NOT NULL AND first_password_until IS NOT NULL
        WHEN 'used_up' THEN password_hash IS NOT NULL AND first_password_until IS NULL
        WHEN 'own' THEN password_hash IS NOT NULL AND first_password_until IS NULL
        ELSE false
    END)
);

-- session_id: by which users are told of their sessions, and end one without having its token.
-- address, client: by which they know their own.
-- is_restricted: it was begun with a first password, and is for setting another one.
CREATE TABLE rpawatch.sessions (
    token_sha256 bytea PRIMARY KEY,
    session_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES rpawatch.users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    address text,
    client text,
    is_restricted boolean NOT NULL
);
CREATE UNIQUE INDEX sessions_session_id_idx ON rpawatch.sessions (session_id);
CREATE INDEX sessions_user_id_idx ON rpawatch.sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON rpawatch.sessions (expires_at);

-- Failed sign-ins, kept as a digest of what was tried, so that slowing down works on any number of machines. An attempt
-- is counted before its password is looked at, and taken back when that was right.
CREATE TABLE rpawatch.sign_in_failures (
    subject_sha256 bytea NOT NULL,
    failed_at timestamptz NOT NULL,
    attempt_id uuid NOT NULL
);
CREATE INDEX sign_in_failures_idx ON rpawatch.sign_in_failures (subject_sha256, failed_at);
CREATE INDEX sign_in_failures_failed_at_idx ON rpawatch.sign_in_failures (failed_at);

-- The networks that users signed in from: who signed in before is slowed by their own failures, and never refused for
-- those of strangers. network: a digest that differs from user to user.
CREATE TABLE rpawatch.sign_in_networks (
    user_id uuid NOT NULL REFERENCES rpawatch.users ON DELETE CASCADE,
    network bytea NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, network)
);

GRANT SELECT, INSERT ON rpawatch.installation TO rpawatch_app;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON rpawatch.users, rpawatch.sessions, rpawatch.sign_in_failures, rpawatch.sign_in_networks TO rpawatch_app;
GRANT SELECT ON rpawatch.installation TO rpawatch_projector;
