/** StreamingPull: messages as they come, as many as the client's limits and its reading allow. */
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import type { Broker, Subscription } from './broker.ts';
import { statusOf } from './calls.ts';
import type { Holder } from './delivery.ts';
import { invalid, notFound } from './refusal.ts';
import { encodeReceivedMessages } from './wire.ts';

interface StreamingPullRequest {
  subscription: string;
  ackIds: string[];
  modifyDeadlineSeconds: number[];
  modifyDeadlineAckIds: string[];
  streamAckDeadlineSeconds: number;
  maxOutstandingMessages: string;
  maxOutstandingBytes: string;
}

type Call = ServerDuplexStream<StreamingPullRequest, Buffer>;

/** What one response holds at most. */
const RESPONSE = { messages: 1000, bytes: 1 << 20 };

/** The open streams by the connection they came through, so that a client that died gives back what it held. */
export class Streams {
  readonly #byPeer = new Map<string, Set<Stream>>();

  add(peer: string, stream: Stream): void {
    const others = [...(this.#byPeer.get(peer) ?? [])].filter(each => !each.over);
    this.#byPeer.set(peer, new Set([...others, stream]));
  }

  /** The connection of this peer is closed. */
  disconnected(peer: string): void {
    for (const stream of this.#byPeer.get(peer) ?? []) stream.abandon();
    this.#byPeer.delete(peer);
  }
}

export function streamingPull(
  broker: Broker,
  streams: Streams,
): handleBidiStreamingCall<StreamingPullRequest, Buffer> {
  return call => {
    let stream: Stream | undefined;
    call.on('data', (request: StreamingPullRequest) => {
      try {
        if (stream) stream.take(request);
        else {
          stream = new Stream(broker, call, request);
          streams.add(call.getPeer(), stream);
        }
      } catch (error) {
        stream?.stop();
        call.emit('error', statusOf(error));
      }
    });
    call.on('end', () => {
      stream?.stop();
      call.end();
    });
    call.on('cancelled', () => stream?.stop());
    call.on('error', () => stream?.stop());
  };
}

class Stream {
  readonly #broker: Broker;
  readonly #call: Call;
  readonly #subscription: Subscription;
  readonly #holder: Holder = { messages: 0, bytes: 0 };
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #stopListening: () => void;
  readonly #deleted: () => void;
  #deadlineMs: number;
  #open = true;
  #scheduled = false;
  #blocked = false;

  constructor(broker: Broker, call: Call, first: StreamingPullRequest) {
    this.#broker = broker;
    this.#call = call;
    this.#subscription = broker.subscription(first.subscription);
    this.#deadlineMs = checkedDeadlineMs(first.streamAckDeadlineSeconds);
    this.#maxMessages = limitOf(first.maxOutstandingMessages);
    this.#maxBytes = limitOf(first.maxOutstandingBytes);
    this.#stopListening = this.#subscription.delivery.onReady(() => this.#schedule());
    this.#deleted = () => {
      this.stop();
      call.emit('error', statusOf(notFound(first.subscription)));
    };
    this.#subscription.onDeleted.add(this.#deleted);
    call.sendMetadata(call.metadata.clone());
    this.#acknowledge(first);
    this.#schedule();
  }

  /** A later request: acknowledgements and moved deadlines. */
  take(request: StreamingPullRequest): void {
    if (request.subscription) throw invalid('only the first request of a stream may name the subscription');
    if (request.streamAckDeadlineSeconds)
      this.#deadlineMs = checkedDeadlineMs(request.streamAckDeadlineSeconds);
    this.#acknowledge(request);
  }

  #acknowledge({ ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds }: StreamingPullRequest): void {
    if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length)
      throw invalid('modify_deadline_seconds must be as many as modify_deadline_ack_ids');
    if (ackIds.length > 0)
      this.#broker.acknowledge(this.#subscription, ackIds).catch((error: unknown) => {
        this.stop();
        this.#call.emit('error', statusOf(error));
      });
    for (const [i, ackId] of modifyDeadlineAckIds.entries())
      this.#broker.modifyDeadline(this.#subscription, [ackId], modifyDeadlineSeconds[i] ?? 0);
  }

  /** True when it has ended and nothing it handed out is held any more. */
  get over(): boolean {
    return !this.#open && this.#holder.messages === 0;
  }

  stop(): void {
    this.#open = false;
    this.#stopListening();
    this.#subscription.onDeleted.delete(this.#deleted);
  }

  /** The client is gone for good: what it held is delivered to others. */
  abandon(): void {
    this.stop();
    this.#subscription.delivery.abandon(this.#holder);
  }

  /** One response per turn of the event loop, so that other calls have theirs. */
  #schedule(): void {
    if (this.#scheduled || this.#blocked || !this.#open) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#open && !this.#blocked) this.#send();
    });
  }

  #send(): void {
    const messages = Math.min(RESPONSE.messages, this.#maxMessages - this.#holder.messages);
    const bytes = Math.min(RESPONSE.bytes, this.#maxBytes - this.#holder.bytes);
    if (messages <= 0 || bytes <= 0) return;
    const { delivery, settings } = this.#subscription;
    const taken = delivery.take(this.#holder, { messages, bytes }, this.#deadlineMs);
    if (taken.length === 0) return;
    if (this.#call.write(encodeReceivedMessages(taken, settings.enableMessageOrdering))) this.#schedule();
    else {
      this.#blocked = true;
      this.#call.once('drain', () => {
        this.#blocked = false;
        this.#schedule();
      });
    }
  }
}

function checkedDeadlineMs(seconds: number): number {
  if (seconds < 10 || seconds > 600)
    throw invalid(`stream_ack_deadline_seconds must be from 10 to 600, not ${seconds}`);
  return seconds * 1000;
}

function limitOf(asked: string): number {
  const limit = Number(asked);
  return limit > 0 ? limit : Number.POSITIVE_INFINITY;
}
