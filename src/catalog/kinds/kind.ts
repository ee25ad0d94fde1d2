/** What a parameter kind is. Each is one file of this folder, called by the `format` or `type` of a parameter. */
import type { Json } from '../../engine/component.ts';
import type { ParameterSchema } from '../meta-schema.ts';

export type Widget =
  | 'text'
  | 'textarea'
  | 'number'
  | 'checkbox'
  | 'select'
  | 'file'
  | 'folder'
  | 'topic'
  | 'subscription'
  | 'udf'
  | 'password'
  | 'duration';

export interface Kind {
  /** The `format` of a parameter's schema, or its `type` where it has no format. */
  name: string;
  /** One sentence for documentation and forms: what it takes. */
  help: string;
  /** What would be right, after "must be". */
  expected(schema: ParameterSchema): string;
  /** Why a text is not of this kind, where that can be told better than by what would be right. */
  fault?(text: string): string | undefined;
  /** The value in its normal form; undefined when the text is not of this kind. */
  parse(text: string, schema: ParameterSchema): Json | undefined;
  widget: Widget;
  /** Dataflow's name for it: `ParameterMetadata.paramType`. */
  paramType: string;
  /** The empty text is a value of this kind; elsewhere it means that nothing was given. */
  takesEmpty?: boolean;
  /** It may be a path of this machine. */
  isPath?: boolean;
  /** Never shown or logged. */
  secret?: boolean;
}
