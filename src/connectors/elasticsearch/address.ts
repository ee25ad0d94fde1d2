/** Where the nodes are, as users give it: addresses, or the id of a deployment in Elastic's cloud. */
import { SluiceError } from '../../errors.ts';
import { readUrl } from '../http/settings.ts';

export interface Address {
  urls: URL[];
  user?: string;
  password?: string;
}

const WHAT = 'the address of Elasticsearch';

/** @throws SluiceError PARAMETERS_INVALID */
export function readAddress(given: string | readonly string[]): Address {
  const texts = typeof given === 'string' ? [given] : given;
  const read = texts.map(text => readUrl(isUrl(text) ? text : urlOfCloudId(text), WHAT));
  const named = read.find(({ user }) => user !== undefined);
  return {
    urls: read.map(({ url }) => url),
    ...(named && { user: named.user, password: named.password ?? '' }),
  };
}

const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);

/** `name:` and, in base64, `domain[:port]$id of Elasticsearch$id of Kibana`. */
function urlOfCloudId(text: string): string {
  const encoded = /^[^:/\s]*:([A-Za-z0-9+/=_-]+)$/.exec(text)?.[1] ?? '';
  const [domain = '', id = ''] = Buffer.from(encoded, 'base64').toString('latin1').split('$');
  const [, host, port = '443'] = /^([\w.-]+?)(?::(\d+))?$/.exec(domain) ?? [];
  if (host === undefined || !/^[\w-]+$/.test(id))
    throw new SluiceError(
      'PARAMETERS_INVALID',
      `${WHAT} must be an address such as https://host:9200, or the cloud ID of a deployment, not '${text.slice(0, 200)}'`,
    );
  return `https://${id}.${host}:${port}`;
}
