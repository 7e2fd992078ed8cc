-- Files of JSON lines, out of which batches are made, are kept beside pictures and sound: under the name that their client
-- gave them, and listed for their tenant.
alter table media add column name text;
create index media_lines on media (tenant, created_at, id) where content_type = 'application/jsonl';
