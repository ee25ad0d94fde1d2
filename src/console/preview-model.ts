/** A preview as its page shows it: each element before and after, never more of it than one can read. */
import type { previewElements } from '../service/previews.ts';

const MAX_CHARACTERS = 4000;

type Preview = Awaited<ReturnType<typeof previewElements>>;

export function previewModel({ elements, warnings }: Preview) {
  return {
    warnings,
    elements: elements.map(({ position, input, outputs, filteredBy, failures }) => ({
      position,
      before: readable(input),
      after: outputs.map(({ sink, payload }) => ({ sink, ...readable(payload), isSame: payload === input })),
      filteredBy,
      failures: failures.map(({ transform, code, message, stack }) => ({ transform, code, message, stack })),
    })),
  };
}

/** JSON on several lines, all else as it is. */
export function readable(payload: string): { text: string; more: number } {
  const text = prettyJson(payload) ?? payload;
  return { text: text.slice(0, MAX_CHARACTERS), more: Math.max(0, text.length - MAX_CHARACTERS) };
}

/** On several lines; undefined for what is no JSON. */
export function prettyJson(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return undefined;
  }
}
