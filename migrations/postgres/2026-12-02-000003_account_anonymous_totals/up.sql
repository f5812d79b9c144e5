-- Of the anonymous hits of an hour, those that were anonymous because tracking was off for the whole
-- account: everybody's. What was counted before was not told apart.
ALTER TABLE mailing_hours ADD COLUMN account_off BIGINT NOT NULL DEFAULT 0;
