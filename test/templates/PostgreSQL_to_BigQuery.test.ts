import { tableTests } from './table-tests.ts';

tableTests('PostgreSQL_to_BigQuery', address => `postgresql://${address}/postgres`);
