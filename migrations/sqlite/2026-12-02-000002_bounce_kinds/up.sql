-- What was refused of a mailing's mail to a recipient, so that many alike are seen as one matter.
-- Goes with the recipient, and when the delivery is pseudonymised.
CREATE TABLE bounce_reasons (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    -- In milliseconds, to the hour.
    refused_at INTEGER NOT NULL,
    PRIMARY KEY (recipient_id, mailing_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bounce_reasons_by_time ON bounce_reasons (account_id, refused_at);
CREATE INDEX bounce_reasons_by_mailing ON bounce_reasons (mailing_id);
