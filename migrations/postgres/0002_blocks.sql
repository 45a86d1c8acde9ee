-- Members many to a row: what is read by the million is read by blocks, in columns. What stood in member,
-- member_record, member_index, consent_event and keys.data_key is moved by src/store/moving.rs, which then
-- drops them. A block covers 64 ordinals: number = ordinal / 64, slot = ordinal % 64.

-- What selects, in clear, and each member's id: src/store/attributes.rs draws it.
create table member_attributes (block bigint primary key, body bytea not null);

-- Index and suppression tags of contact points: src/store/attributes.rs draws it.
create table member_tags (block bigint primary key, body bytea not null);

-- Sealed fields, each field a table: src/store/blocks.rs draws it.
create table sealed_alias (block bigint primary key, body bytea not null);
create table sealed_card (block bigint primary key, body bytea not null);
create table sealed_name (block bigint primary key, body bytea not null);
create table sealed_mobile (block bigint primary key, body bytea not null);
create table sealed_email (block bigint primary key, body bytea not null);
create table sealed_address (block bigint primary key, body bytea not null);
create table sealed_postcode (block bigint primary key, body bytea not null);
create table sealed_birthday (block bigint primary key, body bytea not null);

-- Blind indexes, each a table of sorted runs of (tag, ordinal), many to a row: src/store/runs.rs draws it.
create table index_card (run bigint not null, first bytea not null, body bytea not null, primary key (run, first));
create table index_mobile (run bigint not null, first bytea not null, body bytea not null, primary key (run, first));
create table index_email (run bigint not null, first bytea not null, body bytea not null, primary key (run, first));
create table index_post (run bigint not null, first bytea not null, body bytea not null, primary key (run, first));

-- Consent is a history. What the members of a block said on one occasion is one row: src/store/consents.rs
-- draws it.
create table consent_pack (
    block bigint not null,
    number bigint not null,             -- 1, 2, 3 … of this block
    actor text not null,
    notice text not null,               -- version of the notice shown
    body bytea not null,
    primary key (block, number)
);

-- Wrapped data keys by blocks. A slot that is blanked is a key that is gone: src/store/keys.rs draws it.
create table keys.key_block (block bigint primary key, body bytea not null);

-- Bodies are mostly ciphertext and keyed tags, some KB each: trying to compress them is time for nothing.
alter table member_attributes alter column body set storage external;
alter table member_tags alter column body set storage external;
alter table sealed_alias alter column body set storage external;
alter table sealed_card alter column body set storage external;
alter table sealed_name alter column body set storage external;
alter table sealed_mobile alter column body set storage external;
alter table sealed_email alter column body set storage external;
alter table sealed_address alter column body set storage external;
alter table sealed_postcode alter column body set storage external;
alter table sealed_birthday alter column body set storage external;
alter table index_card alter column body set storage external;
alter table index_mobile alter column body set storage external;
alter table index_email alter column body set storage external;
alter table index_post alter column body set storage external;
alter table consent_pack alter column body set storage external;
alter table keys.key_block alter column body set storage external;

create trigger consent_pack_append_only before update or delete or truncate on consent_pack for each statement execute function append_only();
