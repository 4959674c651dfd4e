-- What happened to a key but its uses, of which there may be millions between. The topics stand again in
-- application/replay/streams.py: with others, the planner would not see that this index is for that query.
CREATE INDEX events_key_lifecycle_idx ON rpawatch.events (originator_id, originator_version)
WHERE topic IN (
    'api_key.created', 'api_key.throttled', 'api_key.refused', 'api_key.renamed', 'api_key.rate_limit_changed',
    'api_key.expiry_set', 'api_key.rotated', 'api_key.deactivated'
);
