-- One spend of 1 in one statement, as a careful program without group commit would send it: the same rows in the same
-- tables, the account locked, the key unique. Not counted in its disfavour: it makes no hash chain, checks no floor,
-- leaves no word for other nodes and serialises no answer. `users` comes from the command line.
\set number random(0, :users - 1)
WITH account AS (
    SELECT id, version, settled, held, last_hash FROM accounts
    WHERE user_id = 'u' || lpad((:number)::text, 5, '0') AND unit = 'credits' FOR NO KEY UPDATE
), lot AS (
    SELECT l.id FROM account CROSS JOIN LATERAL (
        SELECT id FROM lots WHERE account_id = account.id AND is_open
        ORDER BY priority, coalesce(expires_at_us, 9223372036854775807), born, id LIMIT 1
    ) AS l
), entry AS (
    INSERT INTO entries (id, account_id, version, kind, amount, settled_delta, held_delta, settled_after, held_after,
                         at_us, actor, hash)
    SELECT 'ent_' || replace(gen_random_uuid()::text, '-', ''), id, version + 1, 'spend', -1, -1, 0, settled - 1, held,
           (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 'service', last_hash FROM account
    RETURNING id, account_id, version, settled_after, at_us
), moved AS (
    INSERT INTO entry_lots (entry_id, position, lot_id, delta) SELECT entry.id, 0, lot.id, -1 FROM entry, lot
), burnt AS (
    UPDATE lots SET remaining = remaining - 1 FROM lot WHERE lots.id = lot.id
), answered AS (
    INSERT INTO idempotency (scope, key, content, answer, created_at_us)
    SELECT 'service', gen_random_uuid()::text, repeat('x', 64), repeat('x', 200), at_us FROM entry
)
UPDATE accounts SET version = entry.version, settled = entry.settled_after, changed_at_us = entry.at_us
FROM entry WHERE accounts.id = entry.account_id;
