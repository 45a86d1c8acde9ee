-- Who gave the confidentiality undertaking, when, and to which text (A10a). Rows are never changed.
create table undertaking (
    login text not null,
    number bigint not null,             -- 1, 2, 3 … of this person
    version text not null,              -- of the family `undertaking`, or `built-in`
    digest bytea not null,              -- SHA-256 of the text that was shown
    at bigint not null,
    primary key (login, number)
);
