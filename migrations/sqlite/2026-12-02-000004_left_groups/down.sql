ALTER TABLE imports DROP COLUMN not_rejoined;
ALTER TABLE imports DROP COLUMN kept_out;
ALTER TABLE imports DROP COLUMN undeliverable;
ALTER TABLE imports DROP COLUMN unsubscribed;
DROP TABLE group_leavings;
