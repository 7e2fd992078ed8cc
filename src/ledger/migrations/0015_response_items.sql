-- Items of responses that a vendor named: clients refer to them, and their names do not tell the response.
create table response_item (
  tenant    text not null,
  id        text not null,
  response  text not null,
  primary key (tenant, id),
  foreign key (tenant, response) references response (tenant, id) on delete cascade
);
create index response_item_of on response_item (tenant, response);
