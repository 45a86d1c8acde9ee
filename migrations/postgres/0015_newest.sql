-- Lists of requests are read from the newest on, a page at a time: src/store/requests.rs.
create index request_newest on request (created_at, no);
