DELETE FROM import_refusals WHERE line = 0;
DROP INDEX import_refusals_addresses;
ALTER TABLE import_refusals DROP COLUMN cells;
CREATE INDEX import_refusals_addresses ON import_refusals (account_id) WHERE strpos(value, '@') > 0;
