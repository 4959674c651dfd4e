-- An address is kept in one normal form (NFC), so that ö in one character and in two are the same person. Who was stored
-- in another form keeps it where the address is known in this one already: they are two people with passwords of their own.
UPDATE rpawatch.users AS stored SET email = normalize(stored.email, NFC)
WHERE stored.email IS NOT NFC NORMALIZED
    AND NOT EXISTS (SELECT FROM rpawatch.users AS known WHERE known.email = normalize(stored.email, NFC))
    AND (SELECT count(*) FROM rpawatch.users AS like_it
        WHERE normalize(like_it.email, NFC) = normalize(stored.email, NFC)) = 1;
