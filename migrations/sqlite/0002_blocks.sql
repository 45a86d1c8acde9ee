-- Members many to a row: what is read by the million is read by blocks, in columns. What stood in member,
-- member_record, member_index, consent_event and keys.data_key is moved by src/store/moving.rs, which then
-- drops them. A block covers 64 ordinals: number = ordinal / 64, slot = ordinal % 64.

-- What selects, in clear, and each member's id: src/store/attributes.rs draws it.
create table member_attributes (block integer primary key, body blob not null);

-- Index and suppression tags of contact points: src/store/attributes.rs draws it.
create table member_tags (block integer primary key, body blob not null);

-- Sealed fields, each field a table: src/store/blocks.rs draws it.
create table sealed_alias (block integer primary key, body blob not null);
create table sealed_card (block integer primary key, body blob not null);
create table sealed_name (block integer primary key, body blob not null);
create table sealed_mobile (block integer primary key, body blob not null);
create table sealed_email (block integer primary key, body blob not null);
create table sealed_address (block integer primary key, body blob not null);
create table sealed_postcode (block integer primary key, body blob not null);
create table sealed_birthday (block integer primary key, body blob not null);

-- Blind indexes, each a table of sorted runs of (tag, ordinal), many to a row: src/store/runs.rs draws it.
create table index_card (run bigint not null, first blob not null, body blob not null, primary key (run, first));
create table index_mobile (run bigint not null, first blob not null, body blob not null, primary key (run, first));
create table index_email (run bigint not null, first blob not null, body blob not null, primary key (run, first));
create table index_post (run bigint not null, first blob not null, body blob not null, primary key (run, first));

-- Consent is a history. What the members of a block said on one occasion is one row: src/store/consents.rs
-- draws it.
create table consent_pack (
    block bigint not null,
    number bigint not null,             -- 1, 2, 3 … of this block
    actor text not null,
    notice text not null,               -- version of the notice shown
    body blob not null,
    primary key (block, number)
);

-- Wrapped data keys by blocks. A slot that is blanked is a key that is gone: src/store/keys.rs draws it.
create table keys.key_block (block integer primary key, body blob not null);

create trigger consent_pack_no_update before update on consent_pack begin select raise(abort, 'append-only: consent_pack'); end;
create trigger consent_pack_no_delete before delete on consent_pack begin select raise(abort, 'append-only: consent_pack'); end;
