/** The table beside the user's own that says how far each job has come: with it, a repeated commit writes nothing. */
import type { StageContext } from '../../engine/component.ts';
import type { Dialect } from './address.ts';
import type { SqlConnection } from './connection.ts';
import { quoteTable } from './names.ts';

export interface Positions {
  /** Makes the table where it is not there. */
  prepare(connection: SqlConnection): Promise<void>;
  /** Takes a segment, in the transaction that writes its rows; false when it has been written already. */
  claim(connection: SqlConnection, segment: number): Promise<boolean>;
}

const NAME = 'sluice_positions';

/** @param schema where the user's table is; absent: where the connection looks first */
export function positionsBeside(
  dialect: Dialect,
  schema: string | undefined,
  { keptAs, worker }: Pick<StageContext, 'keptAs' | 'worker'>,
): Positions {
  const table = quoteTable(schema === undefined ? [NAME] : [schema, NAME], dialect);
  const who = [keptAs.jobId, keptAs.stage, worker.index];
  const isPostgres = dialect === 'postgres';
  const text = isPostgres ? 'text' : 'varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
  return {
    async prepare(connection) {
      // Asked first: whoever may write to a table made before need not have the right to make one.
      const isThere = await connection.query(`SELECT 1 FROM ${table} LIMIT 1`).catch(() => undefined);
      if (isThere) return;
      await connection.query(
        `CREATE TABLE IF NOT EXISTS ${table} (job ${text} NOT NULL, stage ${text} NOT NULL, worker integer NOT NULL, segment bigint NOT NULL, PRIMARY KEY (job, stage, worker))${isPostgres ? '' : ' ENGINE = InnoDB'}`,
      );
    },
    async claim(connection, segment) {
      const insert = (as: string) => [
        `INSERT INTO ${table}${as} (job, stage, worker, segment) VALUES (`,
        ...[', ', ', ', ', '],
      ];
      if (isPostgres) {
        const end =
          ') ON CONFLICT (job, stage, worker) DO UPDATE SET segment = excluded.segment WHERE p.segment < excluded.segment';
        const { changed } = await connection.run([...insert(' AS p'), end], [...who, segment]);
        return changed > 0;
      }
      const pieces = [
        `SELECT segment FROM ${table} WHERE job = `,
        ' AND stage = ',
        ' AND worker = ',
        ' FOR UPDATE',
      ];
      const { rows } = await connection.run(pieces, who);
      if (Number(rows[0]?.segment ?? 0) >= segment) return false;
      const update = ') ON DUPLICATE KEY UPDATE segment = VALUES(segment)';
      await connection.run([...insert(''), update], [...who, segment]);
      return true;
    },
  };
}
