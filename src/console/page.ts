/** What a page of the console is: one declared object each, which says where it is, who may see it and what it shows. */
import type { Caller, Role } from '../access/roles.ts';
import type { Service } from '../service/service.ts';

/** The places of the navigation. */
export const sections = ['templates', 'jobs', 'functions', 'dead-letters', 'system'] as const;

export type Section = (typeof sections)[number];

export interface PageRequest {
  /** The variables of the path. */
  path: Readonly<Record<string, string>>;
  /** The last value of each key. */
  query: Readonly<Record<string, string>>;
  /** The fields of a form, the last value of each; those given several times are in `lists`. */
  form: Readonly<Record<string, string>>;
  lists: Readonly<Record<string, readonly string[]>>;
  /** A part of a page is asked for, to be put into the one that is open. */
  isFragment: boolean;
  caller: Caller;
  /** Whether the caller has logged in with a token, and so may log out. */
  hasSession: boolean;
  /** `http://127.0.0.1:8080`, as the browser calls the server. */
  origin: string;
  /** A view without the frame, as text. */
  render(view: string, model: object): Promise<string>;
  /** Settles when the browser has gone, or the server stops. */
  signal: AbortSignal;
}

export type PageAnswer =
  | {
      /** A file of views/. */
      view: string;
      /** Before the name of Sluice in the title of the window. */
      title?: string;
      model: object;
      /** HTTP, default 200. */
      status?: number;
      /** For a fragment: what the browser's address becomes. */
      pushUrl?: string;
    }
  | { redirect: string }
  | { json: object }
  /** Server-Sent Events: texts as they are sent. */
  | { stream: AsyncIterable<string> }
  | { download: string | Buffer; fileName: string; contentType: string };

export interface Page {
  method: 'get' | 'post';
  /** With variables in `:name`. */
  path: string;
  section: Section;
  /** The least role that may ask for it. */
  role: Role;
  /** @throws SluiceError for whatever is wrong; it is shown in the frame */
  answer(request: PageRequest, service: Service): PageAnswer | Promise<PageAnswer>;
}
