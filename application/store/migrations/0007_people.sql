-- A person belongs to who vouched for them, and a password that was made here opens nothing but its own change.

-- scope_id: the account whose administrator vouched for this person, or the tenant. An address may be known in each, and
-- those are different people to the service: docs/decisions/0018-a-person-belongs-to-who-vouched-for-them.md.
-- password_salt: parameters and salt of Argon2, as they begin a hash in PHC format. All rows of one address have the
-- same, so that signing in takes one computation, however many there are.
-- password_kind: none; first: made here, to be used once until first_password_until; used_up: a first one that was
-- used; own: that somebody chose. password_hash: what it is compared with; none where there is none.
ALTER TABLE rpawatch.users
    ADD COLUMN scope_id uuid,
    ADD COLUMN password_salt text,
    ADD COLUMN password_kind text NOT NULL DEFAULT 'none',
    ADD COLUMN first_password_until timestamptz,
    ADD COLUMN signed_in_at timestamptz,
    ALTER COLUMN password_hash DROP NOT NULL;
UPDATE rpawatch.users
SET password_kind = 'own', password_salt = regexp_replace(password_hash, '\$[^$]*$', '');

-- Who vouched for whom so far stands in the log. Whoever ever had a role in the whole tenant, or got their first role
-- from the operator or a tenant admin, is the tenant's. Whom one account invited, and no other, is that account's. Whom
-- several accounts took for the same person is nobody's (their own id): they keep what they have, and whoever is invited
-- by that address from now on is somebody else.
CREATE TEMPORARY TABLE grants ON COMMIT DROP AS
SELECT
    originator_id, originator_version, notification_id, topic, event ->> 'role' AS role, event ->> 'actor' AS actor,
    (event ->> 'user_id')::uuid AS user_id, (event ->> 'account_id')::uuid AS account_id
FROM rpawatch.events, LATERAL (SELECT convert_from(state, 'UTF8')::jsonb AS event) AS decoded
WHERE topic IN ('member.role_granted', 'member.role_revoked');

UPDATE rpawatch.users SET scope_id = coalesce(
    (
        SELECT CASE
            WHEN bool_or(account_id IS NULL) OR (array_agg(actor ORDER BY notification_id))[1] = 'system'
                OR (array_agg(actor ORDER BY notification_id))[1] IN (
                    SELECT user_id::text FROM grants WHERE role = 'tenant_admin' AND topic = 'member.role_granted'
                )
            THEN (SELECT tenant_id FROM rpawatch.installation)
            WHEN count(DISTINCT account_id) = 1 THEN (array_agg(account_id))[1]
        END
        FROM grants WHERE grants.user_id = users.user_id AND topic = 'member.role_granted'
    ),
    user_id
);

-- Who has no role left signs in no more.
WITH members AS (
    SELECT DISTINCT ON (originator_id, role) originator_id, topic = 'member.role_granted' AS held
    FROM grants ORDER BY originator_id, role, originator_version DESC
), removed AS (
    SELECT user_id FROM grants JOIN members USING (originator_id)
    WHERE user_id IS NOT NULL GROUP BY user_id HAVING NOT bool_or(held)
), ended AS (
    DELETE FROM rpawatch.sessions USING removed WHERE sessions.user_id = removed.user_id
)
UPDATE rpawatch.users SET password_hash = NULL, password_kind = 'none'
FROM removed WHERE users.user_id = removed.user_id;

ALTER TABLE rpawatch.users
    ALTER COLUMN scope_id SET NOT NULL,
    ALTER COLUMN password_salt SET NOT NULL,
    DROP CONSTRAINT users_email_key,
    ADD CONSTRAINT users_email_scope_key UNIQUE (email, scope_id),
    ADD CONSTRAINT users_password_check CHECK (CASE password_kind
        WHEN 'none' THEN password_hash IS NULL AND first_password_until IS NULL
        WHEN 'first' THEN password_hash IS NOT NULL AND first_password_until IS NOT NULL
        WHEN 'used_up' THEN password_hash IS NOT NULL AND first_password_until IS NULL
        WHEN 'own' THEN password_hash IS NOT NULL AND first_password_until IS NULL
        ELSE false
    END);

-- is_restricted: it was begun with a first password, and is for setting another one.
ALTER TABLE rpawatch.sessions ADD COLUMN is_restricted boolean NOT NULL DEFAULT false;
