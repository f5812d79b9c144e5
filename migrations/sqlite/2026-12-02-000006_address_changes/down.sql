ALTER TABLE recipients DROP COLUMN address_changed_at;
