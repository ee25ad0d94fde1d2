/** Which answers of Elasticsearch and OpenSearch are final, and which requests and documents are sent again. */

/**
 * Of a whole request. `again`: sent again after a while; `split`: in two halves, and a single document is refused;
 * `denied`: who we are is not accepted; `final`: the job ends.
 */
export type RequestVerdict = 'again' | 'split' | 'denied' | 'final';

/** By HTTP status; what is not here is `final`. */
export const requestVerdicts: Readonly<Record<number, RequestVerdict>> = {
  400: 'split',
  401: 'denied',
  403: 'denied',
  408: 'again',
  413: 'split',
  429: 'again',
  500: 'again',
  502: 'again',
  503: 'again',
  504: 'again',
};

export const requestVerdict = (status: number): RequestVerdict => requestVerdicts[status] ?? 'final';

/** Too much at a time: what comes next is smaller. */
export const isOverload = (status: number): boolean => status === 429 || status === 503 || status === 413;

export type Action = 'create' | 'index' | 'update' | 'delete';

/**
 * Of one document in a request that was answered. `written`: what was asked for is so; `there`: another document, or
 * the same from before a restart, has the id; `doubtful`: sent again a few times only.
 */
export type ItemVerdict = 'written' | 'there' | 'again' | 'doubtful' | 'denied' | 'refused';

/** By status, for every action; what is not here is `refused`. */
export const itemVerdicts: Readonly<Record<number, ItemVerdict>> = {
  401: 'denied',
  403: 'denied',
  409: 'again',
  429: 'again',
  500: 'doubtful',
  502: 'again',
  503: 'again',
  504: 'again',
};

/** Two documents brought a new field at the same moment: when the one is in, the other may fit. */
const MAPPING_RACE = /^mapper \[.*\] cannot be changed from type /;

export function itemVerdict(action: Action, status: number, type = '', reason = ''): ItemVerdict {
  if (status >= 200 && status < 300) return 'written';
  // The document that is to go has gone: maybe it was us, before a restart.
  if (action === 'delete' && status === 404 && type === '') return 'written';
  if (action === 'create' && status === 409) return 'there';
  // An index that takes nothing for now, as when a disk is full.
  if (type === 'cluster_block_exception') return 'again';
  if (MAPPING_RACE.test(reason)) return 'doubtful';
  return itemVerdicts[status] ?? 'refused';
}
