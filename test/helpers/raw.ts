import { connect } from 'node:net';

/** Sends these bytes to a server as they are, and gives all it answers until it closes. */
export function exchange(url: string, ...pieces: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', text => {
      answer += text;
    });
    socket.on('close', () => resolve(answer));
    // A server that has answered may close on what is still to come.
    socket.on('error', error => (answer ? resolve(answer) : reject(error)));
    for (const piece of pieces) socket.write(piece);
  });
}

/** The parsed JSON body of a raw answer. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
export const bodyOf = (answer: string): any => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
