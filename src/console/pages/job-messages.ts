/** What a job has said, the latest first. */
import type { Service } from '../../service/service.ts';
import type { JobMessage } from '../../store/messages.ts';

const PAGE = 100;

const levels: Record<string, readonly JobMessage['severity'][]> = {
  '': ['INFO', 'WARNING', 'ERROR'],
  WARNING: ['WARNING', 'ERROR'],
  ERROR: ['ERROR'],
  DEBUG: ['DEBUG', 'INFO', 'WARNING', 'ERROR'],
};

const names: Record<string, string> = { '': 'Usual', WARNING: 'Warnings', ERROR: 'Errors', DEBUG: 'All' };

const tones: Record<JobMessage['severity'], string> = { DEBUG: '', INFO: '', WARNING: 'warn', ERROR: 'bad' };

export function messagesOf(
  { store }: Service,
  jobId: string,
  query: Readonly<Record<string, string>>,
  isLive: boolean,
) {
  const level = levels[query.level ?? ''] ? (query.level ?? '') : '';
  const { words = '', page } = query;
  const place = (changed: Record<string, string>) => {
    const asked = Object.entries({ level, words, ...changed }).filter(([, value]) => value !== '');
    return `/jobs/${encodeURIComponent(jobId)}?${new URLSearchParams([['tab', 'messages'], ...asked])}`;
  };
  const { items, before } = store.messages.latest(jobId, {
    severities: levels[level] ?? [],
    words: words.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 5),
    ...(page !== undefined && { beforeId: Number(page) || 0 }),
    limit: PAGE,
  });
  return {
    words,
    level,
    here: place({}),
    // Older pages stay as they are.
    ...(isLive && page === undefined && { tail: place({ tail: 'true' }) }),
    levels: Object.entries(names).map(([id, name]) => ({
      name,
      isCurrent: id === level,
      href: place({ level: id }),
    })),
    items: items.map(message => ({ ...message, tone: tones[message.severity] })),
    ...(before !== undefined && { older: place({ page: String(before) }) }),
  };
}
