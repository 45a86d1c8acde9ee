-- Every key a vendor had, the last of them its present one: who registered it, who confirmed it, and that the vendor has
-- its other half. Before both nothing is encrypted to it (A9a).
create table vendor_key (
    code text not null,                 -- the vendor
    number integer not null,            -- 1, 2, 3 … within it
    recipient text not null,            -- never changes
    fingerprint text not null,          -- never changes
    registered_by text not null,        -- never changes
    registered_at integer not null,     -- never changes
    challenge blob,                   -- SHA-256 of the phrase that was sent last: src/broker/vendor_keys.rs draws it
    challenged_by text,
    challenged_at integer,
    confirmed_by text,                  -- another person than who registered it
    confirmed_at integer,
    primary key (code, number)
) without rowid;

-- Proposed policies that were taken back: they can be seconded no more.
create table policy_withdrawal (
    id integer primary key,             -- the version
    withdrawn_by text not null,
    withdrawn_at integer not null
);
