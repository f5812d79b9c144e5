DELETE FROM installation WHERE key = 'search_folded_to';
