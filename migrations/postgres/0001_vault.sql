-- Countersign's tables. One text for both engines but for the append-only triggers at the end.
-- Times are microseconds since 1970 in UTC; dates are days since 1970; money is in cents.
-- Every table here stands under a keyed set head (src/store/heads.rs), but for the log's own (log_*), which its
-- tree checks, and the keystore's (keys.*), whose keys are checked by opening each.

create schema if not exists keys;

-- The vault itself; one row, never changed.
create table vault (
    id bigint primary key constraint vault_one_row check (id = 1),
    vault_id bytea not null,          -- 16 random bytes; part of every associated data
    demo bigint not null,               -- 1: a demo vault for ever
    zone text not null,                 -- decides ages, years and numbering
    created_at bigint not null
);

-- Keys wrapped under the root key: KEKs, index keys, row-MAC key and the rest. Never in clear.
create table vault_key (
    kind text not null,                 -- what it is for: 'kek', 'index.mobile', 'row-mac', …
    version bigint not null,
    wrapped bytea not null,           -- nonce(12) key(32) tag(16), bound to vault, kind and version
    primary key (kind, version)
);

-- The organisation: a tree.
create table unit (
    code text primary key,
    kind text not null,                 -- group, hq, store, department
    function text,                      -- a department's part in a chain
    parent text,
    name_zh text not null,
    name_en text not null
);

create table person (
    login text primary key,
    name text not null,
    unit text not null,
    rank text not null,                 -- staff < supervisor < manager < director
    suspended bigint not null           -- 1: no verb, no signature counts
);

create table role_grant (
    login text not null,
    role text not null,
    unit text not null,
    primary key (login, role, unit)
);

-- A person's signing key: public in clear, seed sealed under password and vault key together.
create table credential (
    login text not null,
    number bigint not null,             -- rises with each enrolment; the highest is the current one
    salt bytea not null,              -- argon2id, 16 bytes
    public_key bytea not null,        -- Ed25519, 32 bytes
    sealed_seed bytea not null,
    enrolled_seq bigint not null,       -- log position of the enrolment
    ended_seq bigint,                   -- log position at which it stopped counting
    primary key (login, number)
);

-- A one-time code a person enrols with; only its hash is kept.
create table enrolment (
    login text primary key,
    code_hash bytea not null,
    expires_at bigint not null
);

create table vendor (
    code text primary key,
    name_zh text not null,
    name_en text not null,
    channels text not null,             -- codes, comma-separated
    contract_reference text not null,
    contract_from bigint not null,
    contract_to bigint not null,
    recipient text not null,            -- age X25519 recipient
    fingerprint text not null,
    checked_by text not null,           -- how the fingerprint was checked
    suspended bigint not null
);

-- Policies as they were and are. In force: the newest seconded version whose day has come.
create table policy_version (
    id bigint primary key,
    digest bytea not null,
    files bytea not null,
    proposed_by text not null,
    proposed_at bigint not null,
    proposed_sig bytea,               -- Ed25519 over the digest; null for the built-in set at birth
    seconded_by text,
    seconded_at bigint,
    seconded_sig bytea,
    effective_at bigint not null
);

-- Covenants and notices, versioned (A2, B3). The text itself, so that what was shown can be shown again.
create table document (
    family text not null,               -- member_covenant, points_card_covenant, notice
    version text not null,
    language text not null,
    digest bytea not null,
    body text not null,
    effective_on bigint not null,
    primary key (family, version, language)
);

-- What selects, in clear, under a pseudonymous ordinal. Ordinals are never used again.
create table member (
    ordinal bigint primary key,
    id bytea not null,                -- 16 random bytes; bound into every sealed field
    home_store text,
    tier text not null,
    card_type text not null,
    status text not null,               -- active, pending
    joined_on bigint,
    last_visit_on bigint,
    spend_cents bigint,
    birth_month bigint,
    covenant_family text,
    covenant_version text,
    legacy bigint not null,             -- 1: legacy_covenant, set only explicitly
    present bigint not null,            -- a bit a field that has a value
    unsafe bigint not null,             -- a bit a field whose value would run as a formula
    tags bytea not null,              -- index and suppression tags: src/store/members.rs draws it
    created_at bigint not null,
    changed_at bigint not null
);

-- The sealed fields of one member, each by itself: src/model/sealed.rs draws the record.
create table member_record (
    ordinal bigint primary key,
    id bytea not null,
    record bytea not null
);

-- Blind index: which member has this value.
create table member_index (
    idx bigint not null,
    tag bytea not null,
    ordinal bigint not null,
    primary key (idx, tag, ordinal)
);

-- Consent is a history. The effective state is the last mark of its kind.
create table consent_event (
    ordinal bigint not null,
    number bigint not null,             -- 1, 2, 3 … of this member
    at bigint not null,                 -- when the member said so
    source text not null,
    actor text not null,
    notice text not null,               -- version of the notice shown
    evidence text not null,             -- sealed under the member's key, in hex; or empty
    marks bytea not null,             -- purpose(1) channel(1) class(1) granted(1), repeated
    primary key (ordinal, number)
);

-- Effective states, derived from the events, and ages, from the birthdays; sealed: src/store/chunks.rs draws a chunk.
create table consent_chunk (
    kind text not null,
    chunk bigint not null,
    body bytea not null,
    primary key (kind, chunk)
);

-- Contact points that must never be exported, as keyed tags; also those of erased members.
create table suppression (
    idx bigint not null,
    tag bytea not null,
    reason text not null,
    at bigint not null,
    primary key (idx, tag)
);

create table request (
    no text primary key,
    unit text not null,
    site text not null,                 -- the HQ or store that numbers it
    year bigint not null,
    serial bigint not null,
    drafted_by text not null,
    form text not null,                 -- the draft as it stands, canonical JSON
    created_at bigint not null,
    changed_at bigint not null,
    constraint request_number unique (site, year, serial)
);

-- What was submitted, byte for byte: signatures are over its digest.
create table submission (
    no text not null,
    round bigint not null,
    body bytea not null,
    digest bytea not null,
    primary key (no, round)
);

-- Signed facts of a round in their order: submit, approve, return, reject, recall.
create table signature (
    no text not null,
    round bigint not null,
    number bigint not null,
    payload bytea not null,
    sig bytea not null,
    signer text not null,
    primary key (no, round, number)
);

-- One live package a request.
create table package (
    no text primary key,
    request_no text not null,
    round bigint not null,
    serial bigint not null,
    executor text not null,
    live bigint,                        -- 1, or null when aborted or recalled
    constraint package_one_live unique (request_no, live)
);

-- What happened to a package, in order.
create table package_fact (
    package text not null,
    number bigint not null,
    kind text not null,                 -- started, sealed, remade, aborted, downloaded, handed_off, recalled
    at bigint not null,
    actor text not null,
    body text not null,                 -- canonical JSON of the kind
    primary key (package, number)
);

-- Which members are in a package, as a sealed set of ordinals.
create table disclosure (
    package text not null,
    version bigint not null,            -- rises when the package is made again
    digest bytea not null,            -- SHA-256 of salt and set; stands in the log
    body bytea not null,
    primary key (package, version)
);

-- An erased member: the case number is all that is left to ask by.
create table erasure (
    case_no text primary key,
    ordinal bigint not null,
    alias bytea not null,
    ordered_at bigint not null,
    finished_at bigint
);

-- Justifications, sealed; the leaf holds only a salted commitment, so a text can go and the tree stays.
create table remark (
    seq bigint primary key,
    salt bytea not null,
    body bytea not null
);

-- The log. `body` is the leaf, canonical JSON; everything else about it is derived.
create table log_leaf (
    seq bigint primary key,
    body bytea not null
);

-- Roots of complete subtrees of 256, 65,536, … leaves, so that a proof reads little.
create table log_node (
    level bigint not null,
    position bigint not null,
    hash bytea not null,
    primary key (level, position)
);

-- Which leaves speak of a member, by his alias.
create table log_alias (
    alias bytea not null,
    seq bigint not null,
    primary key (alias, seq)
);

-- The log's right edge and the set heads, one row. Writers take turns from their beginning.
create table log_head (
    id bigint primary key constraint log_one_head check (id = 1),
    size bigint not null,
    at bigint not null,                 -- time of the last leaf
    frontier bytea not null,
    heads bytea not null,             -- sealed accumulators: src/store/heads.rs draws it
    checkpoint text not null            -- signed note
);

-- The keystore: its own file on SQLite, its own schema on PostgreSQL, so that its backups can live
-- shorter than the data's. Losing a row here is what makes erasure real.
create table keys.data_key (
    ordinal bigint primary key,
    id bytea not null,
    kek bigint not null,                -- version of the key that wraps it
    wrapped bytea not null
);

create table keys.package_key (
    package text primary key,
    kek bigint not null,
    wrapped bytea not null
);

create table keys.counter (
    name text primary key,
    next bigint not null
);
insert into keys.counter (name, next) values ('ordinal', 1);

-- Append-only: not even this program may change what was said.
create function append_only() returns trigger language plpgsql as $$ begin raise exception 'append-only: %', tg_table_name; end $$;
create trigger log_leaf_append_only before update or delete or truncate on log_leaf for each statement execute function append_only();
create trigger log_node_append_only before update or delete or truncate on log_node for each statement execute function append_only();
create trigger log_alias_append_only before update or delete or truncate on log_alias for each statement execute function append_only();
create trigger consent_event_append_only before update or delete or truncate on consent_event for each statement execute function append_only();
create trigger submission_append_only before update or delete or truncate on submission for each statement execute function append_only();
create trigger signature_append_only before update or delete or truncate on signature for each statement execute function append_only();
create trigger package_fact_append_only before update or delete or truncate on package_fact for each statement execute function append_only();
create trigger disclosure_append_only before update or delete or truncate on disclosure for each statement execute function append_only();
