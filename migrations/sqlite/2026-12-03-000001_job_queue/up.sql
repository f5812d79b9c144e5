-- Work to be done in the background: queued in the transaction of the act that wants it, claimed by
-- one program at a time under a lease, tried until it is done.
CREATE TABLE job_queue (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('deletion', 'pseudonymisation', 'import')),
    -- The number of the job (jobs) or of the import (imports).
    subject_id INTEGER NOT NULL,
    -- The data directory that holds what the work needs; empty where any will do.
    node TEXT NOT NULL DEFAULT '',
    -- Failures in a row, the first of them, and what the last one was.
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    last_failure TEXT CHECK (last_failure IN ('database_away', 'database', 'disk_full', 'panic')),
    due_at INTEGER NOT NULL,
    -- Up to when a program has claimed it; 0 while none has.
    leased_until INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL,
    UNIQUE (kind, subject_id)
) STRICT;
CREATE INDEX job_queue_by_account ON job_queue (account_id);
CREATE INDEX job_queue_due ON job_queue (kind, due_at);

-- What the version before left unfinished. Imports are queued by the program that has their file.
INSERT INTO job_queue (account_id, kind, subject_id, due_at, queued_at)
SELECT account_id, kind, id, created_at, created_at FROM jobs WHERE status = 'running';

-- Each webhook has its own turn, so what is due is looked up by webhook.
DROP INDEX webhook_deliveries_due;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'pending';

-- Each account's next mail to somebody who signs up.
CREATE INDEX signups_to_mail_of_account ON signups (account_id, mail_due_at, id) WHERE mail_due_at IS NOT NULL;
