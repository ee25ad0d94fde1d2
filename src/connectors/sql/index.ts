/** Databases that speak SQL, PostgreSQL, MySQL and MariaDB, as sources and sinks. */
export { writeToJdbc, writeToMySql, writeToPostgres } from './sink.ts';
export { readFromJdbc, readFromMySql, readFromPostgres } from './source.ts';
