-- A refused row as a whole, a JSON array of its cells, so that it can be mended and imported again.
-- The names of the columns stand in line 0.
ALTER TABLE import_refusals ADD COLUMN cells TEXT NOT NULL DEFAULT '';
DROP INDEX import_refusals_addresses;
-- Each deletion looks for its address here; no address is without that sign.
CREATE INDEX import_refusals_addresses ON import_refusals (account_id)
    WHERE instr(value, '@') > 0 OR instr(cells, '@') > 0;
