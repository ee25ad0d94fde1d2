/** The versions of a function: who made them when, what changed between any two, and making an old one the latest. */
import type { Service } from '../../service/service.ts';
import { showUdf, showVersion, uploadUdf, usesOfUdfs, versionsWithAuthors } from '../../service/udfs.ts';
import { changesOf, diffLines } from '../line-diff.ts';
import type { Page } from '../page.ts';

const MAX_VERSIONS = 200;
const MAX_LINES = 2000;

export const functionVersions: Page = {
  method: 'get',
  path: '/functions/:name/versions',
  section: 'functions',
  role: 'viewer',
  answer({ path: { name = '' }, query }, service) {
    const udf = showUdf(service.config, name);
    const all = versionsWithAuthors(service, name).slice(0, MAX_VERSIONS);
    const uses = usesOfUdfs(service).get(name) ?? [];
    const { to = all[0]?.version ?? '', from = all.find(each => each.version !== to)?.version ?? '' } = query;
    const versions = all.map(each => ({
      ...each,
      isFrom: each.version === from,
      isTo: each.version === to,
      jobs: uses.filter(({ version = udf.version }) => version === each.version).map(({ job }) => job),
    }));
    const compared = from !== '' && from !== to;
    const model = {
      name,
      versions,
      from,
      to,
      canCompare: all.length > 1,
      ...(compared && { diff: comparedWith(service, name, from, to) }),
    };
    return { view: 'function-versions', title: `Versions of ${name}`, model };
  },
};

export const functionRestore: Page = {
  method: 'post',
  path: '/functions/:name/versions',
  section: 'functions',
  role: 'operator',
  async answer({ path: { name = '' }, form: { version = '' }, caller, signal }, service) {
    const { source, module } = showVersion(service.config, name, version);
    await uploadUdf(service, { name, source, module }, caller, signal);
    return { redirect: `/functions/${encodeURIComponent(name)}/versions` };
  },
};

function comparedWith({ config }: Service, name: string, from: string, to: string) {
  const lines = diffLines(showVersion(config, name, from).source, showVersion(config, name, to).source);
  const changed = lines.filter(({ kind }) => kind !== 'same').length;
  let left = MAX_LINES;
  const parts = changesOf(lines).flatMap(({ skipped, lines: shown = [] }) => {
    if (left <= 0) return [];
    const some = shown.slice(0, left);
    left -= some.length;
    return [skipped === undefined ? { lines: some } : { skipped }];
  });
  return { from, to, changed, parts, isCut: left <= 0 };
}
