-- Encrypted: what a client's dialect shows again of what was asked for, for as long as the task is kept.
alter table task add column about bytea;
