/** An error as Google's APIs tell it: the HTTP status, and the document that clients read. */
import { asSluiceError, type CanonicalStatus, errorKinds, SluiceError, type Violation } from '../errors.ts';

export interface ErrorAnswer {
  http: number;
  body: {
    error: {
      code: number;
      message: string;
      status: CanonicalStatus;
      errors: { domain: 'global'; reason: string; message: string }[];
      details: ({ '@type': string } & Record<string, unknown>)[];
    };
  };
}

/**
 * What to answer for anything thrown. Of what Sluice did not foresee only the id of the request is told: its cause
 * belongs into the log.
 */
export function errorAnswer(thrown: unknown, requestId?: string): ErrorAnswer {
  const error = asApiError(thrown);
  const { http, status } = errorKinds[error.code];
  const message = messageOf(error, requestId);
  return {
    http,
    body: {
      error: {
        code: http,
        message,
        status,
        errors: [{ domain: 'global', reason: reasons[http] ?? 'backendError', message }],
        details: detailsOf(error, requestId),
      },
    },
  };
}

/** The error as a SluiceError: what Express throws for a path that cannot be decoded is the client's mistake. */
export function asApiError(thrown: unknown): SluiceError {
  const { status } = (thrown ?? {}) as { status?: unknown };
  if (thrown instanceof URIError || status === 400)
    return new SluiceError('REQUEST_INVALID', 'The path of the request is not well formed.');
  return asSluiceError(thrown);
}

/** gRPC clients, Terraform and Airflow show nothing but the message: it has every violation. */
function messageOf({ code, message, violations }: SluiceError, requestId?: string): string {
  if (code === 'INTERNAL')
    return `Something failed in the server${requestId ? ` (request ${requestId})` : ''}.`;
  if (code !== 'PARAMETERS_INVALID') return message;
  const lines = violations.map(({ subject, message: why }) => `${subject}: ${why}`);
  return `The template parameters are invalid. Details: \n${lines.length > 0 ? lines.join('\n') : message}`;
}

function detailsOf({ code, message, violations }: SluiceError, requestId?: string) {
  const details: ({ '@type': string } & Record<string, unknown>)[] = [];
  if (code === 'PARAMETERS_INVALID' && violations.length > 0)
    details.push({
      '@type': 'type.googleapis.com/google.dataflow.v1beta3.InvalidTemplateParameters',
      parameterViolations: violations.map(({ subject, message }) => ({
        parameter: subject,
        description: message,
      })),
    });
  if (violations.length > 0)
    details.push({
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: violations.map(fieldViolation),
    });
  details.push({
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: code,
    domain: 'sluice',
    // What `sluice` says of it, without what is said for the clients of Dataflow.
    ...(code === 'PARAMETERS_INVALID' && { metadata: { message } }),
  });
  if (code === 'INTERNAL' && requestId)
    details.push({ '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId });
  return details;
}

const fieldViolation = ({ subject, message }: Violation) => ({ field: subject, description: message });

/** The older form of errors, which some clients still read. */
const reasons: Record<number, string> = {
  400: 'badRequest',
  401: 'authError',
  403: 'forbidden',
  404: 'notFound',
  405: 'httpMethodNotAllowed',
  409: 'alreadyExists',
  413: 'uploadTooLarge',
  415: 'unsupportedMediaType',
  429: 'rateLimitExceeded',
  501: 'notImplemented',
  503: 'backendError',
  504: 'deadlineExceeded',
};
