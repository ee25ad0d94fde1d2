/** What tests ask of an OpenSearch, past the connector. */
import assert from 'node:assert/strict';

export interface SearchClient {
  request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
  /** How many documents of an index can be found by now. */
  count(index: string): Promise<number>;
  /** All documents of an index with their ids, in the order of the ids. */
  documents(index: string): Promise<{ id: string; source: Record<string, unknown>; index: string }[]>;
}

const PAGE = 5000;

interface Hit {
  _id: string;
  _index: string;
  _source: Record<string, unknown>;
  sort: unknown[];
}

export function searchClient(url: string): SearchClient {
  const request: SearchClient['request'] = async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  };
  return {
    request,
    async count(index) {
      await request('POST', `/${index}/_refresh`);
      return Number((await request('GET', `/${index}/_count`)).body.count);
    },
    async documents(index) {
      assert.equal((await request('POST', `/${index}/_refresh`)).status, 200);
      const found: { id: string; source: Record<string, unknown>; index: string }[] = [];
      let after: unknown[] | undefined;
      for (;;) {
        const { status, body } = await request('POST', `/${index}/_search`, {
          size: PAGE,
          sort: [{ _id: 'asc' }],
          ...(after && { search_after: after }),
        });
        assert.equal(status, 200, JSON.stringify(body));
        const { hits } = (body as unknown as { hits: { hits: Hit[] } }).hits;
        found.push(...hits.map(({ _id: id, _index, _source: source }) => ({ id, index: _index, source })));
        if (hits.length < PAGE) return found;
        after = hits.at(-1)?.sort;
      }
    },
  };
}
