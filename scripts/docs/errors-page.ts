/** docs/errors.md: the catalogue of errors as a page. */
import { type ElementErrorKind, elementErrorKinds } from '../../src/element-errors.ts';
import { type ErrorKind, errorKinds } from '../../src/errors.ts';

/** The text of docs/errors.md. */
export function renderErrorsPage(): string {
  const commands: [string, ErrorKind][] = Object.entries(errorKinds);
  const elements: [string, ElementErrorKind][] = Object.entries(elementErrorKinds);
  return `<!-- Made from src/errors.ts by \`npm run docs\`: change that file, not this one. -->

# Errors

Every error has a code, which stays the same when its message changes. The command line ends with the exit status
(0 is done or drained, 130 is cancelled) and, with \`--json\`, gives the code on stdout; the API answers with the HTTP
status and, as Google's APIs do, with a canonical status, which is also what gRPC gives; the code is the \`reason\` of the
detail \`google.rpc.ErrorInfo\`.

## Errors of a command or a job

| code | exit | HTTP | status | what it means | what to do |
|---|---|---|---|---|---|
${commands.map(([code, { exit, http, status, summary, remedy }]) => row(`\`${code}\``, String(exit), String(http), `\`${status}\``, summary, remedy)).join('\n')}

## Errors of an element

An element that fails becomes a dead letter with one of these codes, and the job goes on; where a transform has no
\`error_handling\`, the first one ends the job with \`ELEMENT_FAILED\`.

| code | what it means | what to do |
|---|---|---|
${elements.map(([code, { summary, remedy }]) => row(`\`${code}\``, summary, remedy)).join('\n')}
`;
}

const row = (...cells: string[]): string =>
  `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
