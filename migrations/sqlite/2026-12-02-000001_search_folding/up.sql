-- The search's texts are folded from now on (domain/text.rs). Those of before are folded in the
-- background after the next start (db/search/rebuild.rs): up to this recipient they are.
INSERT INTO installation (key, value)
SELECT 'search_folded_to', '0' WHERE EXISTS (SELECT 1 FROM recipients);
