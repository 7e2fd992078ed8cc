-- What a client calls its task and where it wants to be told, whose URL may hold a secret, is encrypted as all else that it
-- wrote: metadata, webhook and what a dialect shows again, for as long as the task is kept.
alter table task add column shown bytea, drop column about, drop column metadata, drop column webhook;
