/** The library of functions: what there is, and which jobs use what of it. */
import { listUdfs, usesOfUdfs, versionsWithAuthors } from '../../service/udfs.ts';
import type { Page } from '../page.ts';

/** Of the jobs that use a function so many are named. */
const NAMED_JOBS = 3;

export const functionsPage: Page = {
  method: 'get',
  path: '/functions',
  section: 'functions',
  role: 'viewer',
  answer(_, service) {
    const uses = usesOfUdfs(service);
    const rows = listUdfs(service.config).map(udf => {
      const [latest] = udf.origin === 'user' ? versionsWithAuthors(service, udf.name) : [];
      const used = uses.get(udf.name) ?? [];
      return {
        ...udf,
        ...(latest && { time: latest.time, who: latest.who }),
        uses: used.slice(0, NAMED_JOBS).map(({ job, version }) => ({
          ...job,
          version,
          isOld: version !== undefined && version !== udf.version,
        })),
        moreUses: Math.max(0, used.length - NAMED_JOBS),
      };
    });
    const model = {
      own: rows.filter(({ origin }) => origin === 'user'),
      samples: rows.filter(({ origin }) => origin === 'sample'),
      example: EXAMPLE,
    };
    return { view: 'functions', title: 'Functions', model };
  },
};

/** What a new function begins with. */
export const EXAMPLE = `/** Keeps what is worth more than 100, and says so. */
function process(payload) {
  const order = JSON.parse(payload);
  if (order.amount <= 100) return null;
  order.large = true;
  return JSON.stringify(order);
}
`;
