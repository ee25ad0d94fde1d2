/** Which answers of Splunk's HTTP Event Collector are final, and which requests are sent again. */

/**
 * `taken`; `again`: sent again after a while; `split`: the event that the answer names is refused, else the request is
 * sent in two halves; `denied`: the token is not accepted; `final`: the job ends.
 */
export type Verdict = 'taken' | 'again' | 'split' | 'denied' | 'final';

/** By HTTP status; what is not here is `final`. */
export const verdicts: Readonly<Record<number, Verdict>> = {
  200: 'taken',
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

export const verdictOf = (status: number): Verdict => verdicts[status] ?? 'final';

/** Codes in the body of an answer. */
export const CODE = { noData: 5, ackDisabled: 14 } as const;
