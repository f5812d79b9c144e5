-- Who left a group by themselves: nothing but their own act, or an administrator's with a reason, puts
-- them in again. Goes with the recipient and with the group.
CREATE TABLE group_leavings (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    recipient_id BIGINT NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    left_at BIGINT NOT NULL,
    PRIMARY KEY (recipient_id, group_id)
);
CREATE INDEX group_leavings_by_group ON group_leavings (group_id);
CREATE INDEX group_leavings_by_account ON group_leavings (account_id);

-- The audit log knows who left before. Where somebody belongs to the group again, or has signed up
-- for it since, nobody can tell whether they still want to be out: those are left alone.
INSERT INTO group_leavings (account_id, group_id, recipient_id, left_at)
SELECT r.account_id, g.id, r.id, MAX(l.at)
FROM audit_log l
JOIN recipients r ON r.id = l.recipient_id AND r.account_id = l.account_id
JOIN groups g ON g.id = CASE WHEN l.action = 'recipient_left_group'
                             THEN CAST(l.details::json ->> 'group' AS BIGINT) END AND g.account_id = l.account_id
WHERE l.action = 'recipient_left_group'
    AND NOT EXISTS (SELECT 1 FROM memberships m
                    WHERE m.account_id = r.account_id AND m.group_id = g.id AND m.recipient_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM audit_log s
                    WHERE s.account_id = l.account_id AND s.recipient_id = r.id AND s.id > l.id
                        AND CASE WHEN s.action = 'signup_confirmed'
                             THEN CAST(s.details::json ->> 'group' AS BIGINT) END = g.id)
GROUP BY r.account_id, g.id, r.id;

-- Of an import: recipients whom the file ended mails to, rows of those to whom none went before and
-- none go now, and rows of those who had left the group.
ALTER TABLE imports ADD COLUMN unsubscribed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN undeliverable BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN kept_out BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN not_rejoined BIGINT NOT NULL DEFAULT 0;
