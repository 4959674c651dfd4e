-- What happened to a key but its uses, of which there may be millions between. The condition stands again in
-- application/store/log/reading.py: with another, the planner would not see that this index is for that query.
CREATE INDEX events_key_lifecycle_idx ON rpawatch.events (originator_id, originator_version)
WHERE topic LIKE 'api\_key.%' AND topic <> 'api_key.used';
