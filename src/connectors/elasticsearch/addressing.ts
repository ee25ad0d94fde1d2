/** What becomes of each element of a batch: what to do, with which id, in which index. */
import type { Failure } from '../../engine/batch.ts';
import type { ElementType } from '../../engine/component.ts';
import { forgetRows, type Row, type RowValue, rowsOf } from '../../formats/rows.ts';
import type { Delivery } from '../http/loader.ts';
import { type Document, FRAME_BYTES } from './document.ts';
import type { AddressFunctions, Said } from './functions.ts';
import { MAX_ID_BYTES, type OwnIds } from './own-ids.ts';
import type { Action } from './retry.ts';

export interface Addressing {
  action: Action;
  /** Absent: each document says it. */
  index?: string;
  idField?: string;
  /** The key of the message is the id. */
  keyAsId: boolean;
  indexField?: string;
  routingField?: string;
  functions?: AddressFunctions;
  ownIds: OwnIds;
  /** Full name of the stage. */
  stage: string;
}

/** The documents of a batch; those that do not say where they belong are failed in the delivery already. */
export async function addressed(
  delivery: Delivery,
  addressing: Addressing,
  input: ElementType,
): Promise<Document[]> {
  const { batch } = delivery;
  const { functions, idField, indexField, routingField, stage } = addressing;
  const hasFields = [idField, indexField, routingField].some(field => field !== undefined);
  const rows = hasFields ? rowsOf(batch, input) : undefined;
  // In turn: ids of our own depend on the element before.
  const ids = Array.from({ length: batch.count }, (_, i) => addressing.ownIds(batch, i));
  const said = await functions?.run(batch);
  const documents: Document[] = [];
  for (let i = 0; i < batch.count; i++) {
    const ofFunctions = said?.[i];
    const address = isFault(ofFunctions)
      ? ofFunctions
      : addressOf(
          { row: rows?.[i], key: addressing.keyAsId ? batch.metadata?.[i]?.key : '', own: ids[i] },
          ofFunctions,
          addressing,
        );
    if (isFault(address)) delivery.failed.push({ index: i, failure: { ...address, transform: stage } });
    else documents.push(documentOf(delivery, i, address));
  }
  forgetRows(batch);
  return documents;
}

function documentOf(delivery: Delivery, element: number, address: Address): Document {
  const { starts, ends } = delivery.batch;
  const { id, ownId, index } = address;
  const payload = (ends[element] ?? 0) - (starts[element] ?? 0);
  return {
    delivery,
    element,
    bytes: payload + index.length + (id?.length ?? 0) + FRAME_BYTES,
    ...(id !== undefined && !ownId && { key: id }),
    doubts: 0,
    ...address,
  };
}

type Address = Pick<Document, 'action' | 'index' | 'id' | 'ownId' | 'routing'>;

type Fault = Omit<Failure, 'transform'>;

const isFault = (value: object | undefined): value is Fault => value !== undefined && 'code' in value;

interface Given {
  row: Row | undefined;
  key: string | undefined;
  own: string | undefined;
}

function addressOf(
  { row, key, own }: Given,
  [saidId, saidIndex, saidRouting, isDelete]: Said = [null, null, null, false],
  { action, index: fixed, idField, indexField, routingField }: Addressing,
): Address | Fault {
  const id = idField === undefined ? (saidId ?? (key || undefined)) : fieldOf(row, idField);
  if (id === undefined && idField !== undefined) return lacking(`the id is to be its field ${idField}`);
  const index = indexField === undefined ? (saidIndex?.toLowerCase() ?? fixed) : fieldOf(row, indexField);
  if (index === undefined)
    return lacking(
      `the index is to be ${indexField === undefined ? 'what the function says' : `its field ${indexField}`}`,
    );
  if (isDelete && id === undefined) return lacking('it is to be deleted, and nothing tells its id');
  const given = id ?? own;
  if (given !== undefined && Buffer.byteLength(given) > MAX_ID_BYTES)
    return lacking(`its id has more than ${MAX_ID_BYTES} bytes`);
  const routing = routingField === undefined ? (saidRouting ?? undefined) : fieldOf(row, routingField);
  return {
    action: isDelete ? 'delete' : action,
    index,
    ownId: id === undefined,
    ...(given !== undefined && { id: given }),
    ...(routing !== undefined && { routing }),
  };
}

const lacking = (why: string): Fault => ({
  code: 'ELASTICSEARCH_FIELD_MISSING',
  message: `the document does not say where it belongs: ${why}`,
});

/** The text of a field, also of one within others: `user.id`. */
function fieldOf(row: Row | undefined, path: string): string | undefined {
  if (!row) return undefined;
  const direct = Object.hasOwn(row, path) ? row[path] : within(row, path.split('.'));
  if (typeof direct === 'string') return direct === '' ? undefined : direct;
  return typeof direct === 'number' || typeof direct === 'bigint' || typeof direct === 'boolean'
    ? String(direct)
    : undefined;
}

function within(row: Row, path: readonly string[]): RowValue | undefined {
  let value: RowValue | undefined = row;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}
