-- A package in the making that has several parts: a row each, which any process on this vault may claim.
-- Rows go when the package is whole, aborted or recalled: what was claimed and made stands in the log.
create table package_range (
    package text not null,
    part bigint not null,               -- 1, 2, 3 …
    started bigint not null,            -- place of the package.started entry it belongs to
    planned blob not null,             -- sealed set of ordinals: nobody else can be in it
    claimed bigint,                     -- place of the newest entry under which a process writes it
    made text,                          -- what was written: src/broker/executing/ranges.rs draws it
    members blob,                      -- sealed set of ordinals: who is in it
    primary key (package, part)
);
