-- What a user is told of their sessions, to know which are their own, and to end one without having its token.
-- Sessions that were begun before have neither address nor client; they end within hours.
ALTER TABLE rpawatch.sessions
    ADD COLUMN session_id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN last_seen_at timestamptz,
    ADD COLUMN address text,
    ADD COLUMN client text;
UPDATE rpawatch.sessions SET last_seen_at = created_at;
ALTER TABLE rpawatch.sessions ALTER COLUMN last_seen_at SET NOT NULL;
CREATE UNIQUE INDEX sessions_session_id_idx ON rpawatch.sessions (session_id);
