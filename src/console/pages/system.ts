/** The server itself: what it runs, what it is set to, who may use it and what was done. */
import { auditEntries } from '../../access/audit.ts';
import { grantToken, withdrawToken } from '../../access/grants.ts';
import { type Role, roles } from '../../access/roles.ts';
import { tokensIn } from '../../access/tokens.ts';
import { asSluiceError, SluiceError } from '../../errors.ts';
import type { Service } from '../../service/service.ts';
import { diskUse, runningJobs, servicesOf, settingsOf } from '../../service/system.ts';
import type { Page, PageAnswer } from '../page.ts';

const section = 'system';
const AUDITED = 50;

export const systemPage: Page = {
  method: 'get',
  path: '/system',
  section,
  role: 'viewer',
  answer(_, service) {
    const { heapUsed, rss } = process.memoryUsage();
    const model = {
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      pid: process.pid,
      upSeconds: process.uptime(),
      heapUsed,
      rss,
      load: service.supervisor.load(),
      maxJobs: service.limits.maxJobs,
      running: runningJobs(service),
      settings: settingsOf(service),
    };
    return { view: 'system', title: 'System', model };
  },
};

/** What takes a while to find out: asked for when the page is there. */
export const systemState: Page = {
  method: 'get',
  path: '/system/state',
  section,
  role: 'viewer',
  async answer({ isFragment }, { config }) {
    const [services, disk] = await Promise.all([servicesOf(config), diskUse(config)]);
    const usedShare = disk.totalBytes > 0 ? 1 - disk.freeBytes / disk.totalBytes : 0;
    return {
      view: 'system-state',
      title: 'Disk and services',
      model: { services, disk, usedShare, isFragment },
    };
  },
};

export const tokensPage: Page = {
  method: 'get',
  path: '/system/tokens',
  section,
  role: 'admin',
  answer: (_, service) => shownTokens(service),
};

export const tokenCreation: Page = {
  method: 'post',
  path: '/system/tokens',
  section,
  role: 'admin',
  answer({ form: { name = '', role = '' }, caller }, service) {
    try {
      if (!isRole(role)) throw new SluiceError('REQUEST_INVALID', 'Choose a role for the token.');
      const token = grantToken(service, caller, name.trim(), role);
      return shownTokens(service, { made: { name: name.trim(), token } });
    } catch (thrown) {
      const { code, message } = asSluiceError(thrown);
      if (code !== 'REQUEST_INVALID') throw thrown;
      return shownTokens(service, { name, role, fault: message });
    }
  },
};

export const tokenRevocation: Page = {
  method: 'post',
  path: '/system/tokens/:name/revoke',
  section,
  role: 'admin',
  answer({ path: { name = '' }, caller }, service) {
    withdrawToken(service, caller, name);
    return { redirect: '/system/tokens' };
  },
};

export const auditPage: Page = {
  method: 'get',
  path: '/system/audit',
  section,
  role: 'admin',
  answer({ query: { who = '', subject = '', before = '' } }, service) {
    const beforeId = before === '' ? undefined : Number(before);
    if (beforeId !== undefined && !Number.isSafeInteger(beforeId))
      throw new SluiceError('REQUEST_INVALID', 'before: no page has given this place.');
    const filter = { ...(who !== '' && { who }), ...(subject !== '' && { subject }) };
    const { items, nextPageToken } = auditEntries(
      service,
      { ...filter, ...(beforeId !== undefined && { beforeId }) },
      AUDITED,
    );
    const older = nextPageToken && new URLSearchParams({ ...filter, before: nextPageToken });
    const entries = items.map(each => ({ ...each, told: wordsOf(each.details) }));
    return {
      view: 'system-audit',
      title: 'What was done',
      model: { who, subject, entries, older: older?.toString() },
    };
  },
};

interface Shown {
  made?: { name: string; token: string };
  name?: string;
  role?: string;
  fault?: string;
}

function shownTokens({ store }: Service, shown: Shown = {}): PageAnswer {
  const tokens = tokensIn(store).list();
  const { role: chosen = tokens.length === 0 ? 'admin' : 'operator' } = shown;
  const choices = roles.map(role => ({ role, isChosen: role === chosen }));
  const model = { ...shown, tokens, choices, isFirst: tokens.length === 0 };
  return { view: 'system-tokens', title: 'Tokens', model, ...(shown.fault !== undefined && { status: 400 }) };
}

const isRole = (text: string): text is Role => (roles as readonly string[]).includes(text);

/** `template Word_Count, update true`. */
const wordsOf = (details: Record<string, unknown>): string =>
  Object.entries(details)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
