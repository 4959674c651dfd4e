-- Who may sign in. Personal data is here, where it can be corrected and erased, and never in an event.

CREATE TABLE rpawatch.installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tenant_id uuid NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE rpawatch.users (
    user_id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE rpawatch.sessions (
    token_sha256 bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES rpawatch.users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user_id_idx ON rpawatch.sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON rpawatch.sessions (expires_at);

-- Failed sign-ins, kept as a digest of what was tried, so that slowing down works on any number of machines.
CREATE TABLE rpawatch.sign_in_failures (
    subject_sha256 bytea NOT NULL,
    failed_at timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_idx ON rpawatch.sign_in_failures (subject_sha256, failed_at);

GRANT SELECT, INSERT ON rpawatch.installation TO rpawatch_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON rpawatch.users, rpawatch.sessions, rpawatch.sign_in_failures TO rpawatch_app;
