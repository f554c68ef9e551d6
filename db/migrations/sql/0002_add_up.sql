-- sum() for the live views, whose groups are a row or two: it gives the type that it takes, keeps no state beside it, and
-- costs a fraction of sum(), which is made for many rows. As exact; too large a bigint is an error.
CREATE AGGREGATE add_up(bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE add_up(numeric) (SFUNC = numeric_add, STYPE = numeric, COMBINEFUNC = numeric_add, PARALLEL = SAFE);
REVOKE ALL ON FUNCTION add_up(bigint), add_up(numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_up(bigint), add_up(numeric) TO scoregraph_api, scoregraph_worker;
